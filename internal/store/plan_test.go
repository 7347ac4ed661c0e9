package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/stream"
	"usher/internal/testdb"
)

// scansAllowed are the statements that read a whole table because that is what they are asked for, by an operator or a job.
var scansAllowed = []string{"SELECT state, COUNT(*)", "SELECT COUNT(*) FROM account", "FROM (SELECT id FROM account LIMIT", "SELECT (SELECT CAST(COALESCE(SUM(entries)",
	"FROM incident i WHERE i.state", "SELECT id FROM account WHERE admin = TRUE", "SELECT (SELECT COUNT(*) FROM account)", "FROM incident WHERE scope = 'all'", "AS counted", "AS next HAVING",
	"FROM client WHERE told", "FROM client k WHERE k.told"} // incidents are few, and so are clients that are told

// Every statement of the daily trips finds its rows by an index: none reads a table that grows with the number of people.
func TestNoStatementReadsAWholeTable(t *testing.T) {
	db := openTest(t, testdb.SQLite(t))
	dailyTrips(t, db)
	e := db.engine.(*sqliteEngine)
	all := map[string]bool{}
	for _, s := range []*statements{e.reading, e.writer.stmts} {
		for q := range s.kept {
			all[q] = true
		}
	}
	if len(all) < 60 {
		t.Fatalf("only %d statements were run", len(all))
	}
	for _, q := range slices.Sorted(maps.Keys(all)) {
		if verb, _, _ := strings.Cut(strings.TrimSpace(q), " "); !slices.Contains([]string{"SELECT", "UPDATE", "DELETE", "INSERT"}, verb) {
			continue
		}
		if slices.ContainsFunc(scansAllowed, func(s string) bool { return strings.Contains(q, s) }) {
			continue
		}
		steps := plan(t, e, q)
		for _, s := range steps {
			step := s.text
			scans := strings.HasPrefix(step, "SCAN ")
			small := strings.HasPrefix(step, "SCAN CONSTANT") || strings.HasPrefix(step, "SCAN instance") || strings.HasPrefix(step, "SCAN audit_batch") || strings.HasPrefix(step, "SCAN i ") ||
				strings.Contains(step, "account_admin (admin=?)") // administrators are few
			small = small || strings.HasPrefix(step, "SCAN (subquery-") // what other steps have found
			sorts := slices.Contains(steps, planned{s.within, "USE TEMP B-TREE FOR ORDER BY"})
			ordered := s.within == 0 && strings.Contains(step, "USING") && endsAtLimit.MatchString(q) && !sorts // reads as far as the limit
			if (scans || coarse(step, q)) && !small && !ordered || strings.Contains(step, "AUTOMATIC") {
				t.Errorf("%s\n\t%s", step, strings.Join(strings.Fields(q), " "))
			}
		}
	}
}

// sameInNearlyAll are columns in which nearly every row has one value, which a statement may be given.
var sameInNearlyAll = []string{"state", "held_until"}

// coarse reports whether a step searches an index for nothing but what nearly every row has, which is a scan by another name: for such a column, or for a value that
// stands in the statement, as an empty text does where there is nothing to say. A key is found once, whatever stands there.
func coarse(step, q string) bool {
	_, looked, found := strings.Cut(strings.TrimSuffix(step, ")"), " (")
	words := strings.Fields(step)
	if !found || words[0] != "SEARCH" || strings.Contains(step, "sqlite_autoindex_") {
		return false
	}
	for _, term := range strings.Split(looked, " AND ") {
		column, equal := strings.CutSuffix(term, "=?")
		stands := regexp.MustCompile(`(\b` + regexp.QuoteMeta(words[1]) + `\.|[^.\w])` + regexp.QuoteMeta(column) + ` (= |IN \()('|[0-9]|TRUE|FALSE)`)
		if !equal || !slices.Contains(sameInNearlyAll, column) && !stands.MatchString(q) {
			return false
		}
	}
	return true
}

// endsAtLimit is of statements that have a limit and an order themselves, and not in a part.
var endsAtLimit = regexp.MustCompile(`ORDER BY [^()]* LIMIT [^()]*$`)

// planned is a step of a plan, and the number of the step that it is a part of; 0 for none.
type planned struct {
	within int
	text   string
}

func plan(t *testing.T, e *sqliteEngine, q string) (steps []planned) {
	t.Helper()
	args := make([]any, strings.Count(q, "$"))
	for i := range args {
		args[i] = 1
	}
	for n := len(args); n >= 0; n-- { // a parameter may be used twice
		rows, err := e.readers.Query("EXPLAIN QUERY PLAN "+q, args[:n]...)
		if err != nil {
			continue
		}
		for rows.Next() {
			var number, unused int
			var step planned
			if err := rows.Scan(&number, &step.within, &unused, &step.text); err != nil {
				t.Fatal(err)
			}
			steps = append(steps, step)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		return steps
	}
	t.Errorf("cannot be explained: %s", q)
	return nil
}

// dailyTrips runs what people, jobs and operators do all day, once.
func dailyTrips(t *testing.T, db *DB) {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	act := func(accountID string) audit.Act { return audit.New(began, audit.SignedIn, audit.CLI, accountID) }
	_, mail, err := account.EmailHandle("anna@example.org")
	must(err)
	_, name, err := account.UserNameHandle("anna")
	must(err)
	a := account.Account{Standing: account.Standing{ID: id.New(began), State: account.Active, Epoch: 1}, Email: "anna@example.org", UserName: "anna", CreatedAt: began}
	must(db.CreateAccount(ctx, a, []account.Handle{mail, name}, act(a.ID)))
	at := credential.Attempt{Handle: name, Network: ratelimit.SignInFailures.From(netip.MustParseAddr("192.0.2.7")), Known: secret.NewToken(), At: began}
	c, err := db.BeginAttempt(ctx, at)
	must(err)
	s := credential.NewSignIn(a.ID, "password", device.Client{}, began)
	s.Stamp, s.Known = credential.StampNow(c.Clock, c.Account.Standing), secret.NewToken()
	must(db.OpenSignIn(ctx, at, c, s, act(a.ID), audit.Act{}))
	_, err = db.BeginAttempt(ctx, at)
	must(err)
	must(db.ReturnAttempt(ctx, at, c))
	f, err := db.FindCredential(ctx, credential.Browser, s.Token)
	must(err)
	token := secret.NewToken()
	must(db.RenewSignIn(ctx, credential.Renewal{Replaces: f.Hash, Token: token, FreshAt: began}, act(a.ID)))
	must(db.RegisterClient(ctx, relyingparty.Client{ID: "reader", Name: "Reader", CreatedAt: began}, nil, act("")))
	must(db.CreateStream(ctx, stream.Stream{ID: "reader", ClientID: "reader", Events: stream.Every(), Status: stream.Enabled, Facts: stream.Facts{Endpoint: "https://reader.example"}}))
	must(db.VerifyStream(ctx, "reader", "reader", "", began))
	_, err = db.LeaseStreams(ctx, began, time.Minute, 5)
	must(err)
	_, err = db.QuietStreams(ctx, []string{"reader"})
	must(err)
	_, err = db.ReadSignals(ctx, "reader", 5)
	must(err)
	must(db.AcknowledgeSignals(ctx, "reader", stream.Acknowledged{Signals: []string{"one"}}))
	d := s.Device
	d.UsedAt = began.Add(time.Hour)
	must(db.TouchDevices(ctx, []device.Device{d}))
	_, err = db.ListDevices(ctx, a.ID)
	must(err)
	n := account.NewConfirmation{
		Confirmation: account.Confirmation{ID: id.New(began), Purpose: account.ForEmail, AccountID: a.ID, Email: "b@example.org", CreatedAt: began, ExpiresAt: began.Add(time.Hour)},
		Code:         secret.NewDigits(6), Link: secret.NewToken(),
	}
	must(db.BeginConfirmation(ctx, n, act(a.ID)))
	must(db.TryCode(ctx, n.ID, n.Code, began))
	n.Link = secret.NewToken()
	must(db.RenewConfirmation(ctx, n, act(a.ID)))
	_, err = db.LoadConfirmation(ctx, n.ID, began)
	must(err)
	_, err = db.PendingConfirmation(ctx, a.ID, account.ForEmail, began)
	must(err)
	_, newMail, err := account.EmailHandle("b@example.org")
	must(err)
	undo := credential.Link{Kind: credential.Undo, Token: secret.NewToken(), AccountID: a.ID, Detail: a.Email, Newest: true}
	must(db.RedeemEmail(ctx, n.ID, account.EmailChange{AccountID: a.ID, Email: "b@example.org", Handle: newMail}, act(a.ID).Linking(undo)))
	must(db.SetUserName(ctx, a.ID, "anna", name, act(a.ID)))
	p := credential.PasswordChange{AccountID: a.ID, Password: "x"}
	must(db.ChangePasswordEverywhere(ctx, p, nil, act(a.ID).Telling(notice.Test("anna@example.org").For(a.ID))))
	must(db.RequireReset(ctx, a.ID, "", act(a.ID)))
	_, err = db.PasswordSetAt(ctx, a.ID)
	must(err)
	_, err = db.ReadFailures(ctx, a.ID)
	must(err)
	mails, err := db.LeaseMail(ctx, began, time.Minute, 8)
	must(err)
	must(db.MailFailed(ctx, mails[0].ID, began, "later"))
	must(db.ResendMailOf(ctx, act(a.ID)))
	must(db.MailSent(ctx, mails[0].ID, began))
	for _, f := range []notice.Filter{{}, {State: notice.Waiting}, {AccountID: a.ID}, {Before: "x"}} {
		f.Limit = 9
		_, err = db.ListQueue(ctx, f)
		must(err)
	}
	_, err = db.CountQueue(ctx, began)
	must(err)
	for _, f := range []audit.Filter{{}, {AccountID: a.ID}, {Action: audit.SignedIn}, {Before: "x"}, {AccountID: a.ID, Before: "x"}} {
		f.Limit = 9
		_, err = db.ListAudit(ctx, f)
		must(err)
	}
	for _, f := range []account.Filter{{}, {State: account.Locked}, {Admins: true}, {Before: "x"}} {
		f.Limit = 9
		_, err = db.ListAccounts(ctx, f)
		must(err)
	}
	_, err = db.NameAccounts(ctx, []string{a.ID})
	must(err)
	_, err = db.LastSeen(ctx, []string{a.ID})
	must(err)
	_, err = db.OpenInvitations(ctx, "", 9, began)
	must(err)
	_, err = db.HasAdmin(ctx)
	must(err)
	_, err = db.ChainAudit(ctx, began.Add(time.Hour))
	must(err)
	_, err = db.Sweep(ctx, began.Add(24*time.Hour))
	must(err)
	_, err = db.TickInstance(ctx, began)
	must(err)
	_, err = db.Lease(ctx, "x", "y", began, time.Minute)
	must(err)
	restored, err := db.FindCredential(ctx, credential.Undo, undo.Token)
	must(err)
	must(db.RestoreEmail(ctx, restored.Hash, account.EmailChange{AccountID: a.ID, Email: a.Email, Handle: mail}, act(a.ID)))
	incidentTrips(t, db, a, mail)
	must(factorTrips(db, a.ID, act(a.ID)))
	must(serverTrips(db, a, act(a.ID)))
	must(clientTrips(db, act("")))
	must(homeTrips(db, a, act(a.ID)))
	must(db.EndEverything(ctx, a.ID, nil, act(a.ID)))
	must(db.SetState(ctx, a.ID, account.Active, account.Deleting, began, act(a.ID)))
	_, err = db.Erase(ctx, began, 9, func(account.Account) audit.Act { return audit.New(began, audit.AccountErased, audit.System, "") }, nil)
	must(err)
}

// incidentTrips runs what goes over everybody, or is asked while somebody waits.
func incidentTrips(t *testing.T, db *DB, a account.Account, h account.Handle) {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c := &crowd{db: db}
	for _, scope := range []incident.Scope{incident.All, incident.List} {
		i, err := db.DeclareIncident(ctx, c.incident(scope, began), incident.Console{Token: secret.NewToken(), AccountID: a.ID}, audit.Act{At: began})
		must(err)
		if scope == incident.List {
			must(db.ListIncident(ctx, i.ID, []string{a.ID}))
			_, err = db.OpenIncident(ctx, i.ID)
			must(err)
		}
		_, err = db.TellIncident(ctx, i, 9, began, func(incident.Incident, account.Account, secret.Token) []notice.Notice { return nil })
		must(err)
		_, err = db.CountWaiting(ctx, i)
		must(err)
		_, err = db.ListWaiting(ctx, i, "", 9)
		must(err)
		must(db.PauseIncident(ctx, i.ID, audit.Act{At: began}))
		must(db.WithdrawIncident(ctx, i.ID, incident.Open, audit.Act{At: began}))
		_, err = db.UnlistIncident(ctx, i.ID, "")
		must(err)
		_, err = db.ListedAccounts(ctx, i.ID, "", 9)
		must(err)
	}
	_, _, err := db.FindNotices(ctx, h, 9)
	must(err)
	_, err = db.ListIncidents(ctx, "x", 9)
	must(err)
	_, err = db.NoticesWaiting(ctx, 9)
	must(err)
	_, err = db.IncidentsToTell(ctx)
	must(err)
	_, err = db.CountAdmins(ctx, nil)
	must(err)
	must(db.SaveDraft(ctx, c.incident(incident.All, began)))
	_, err = db.ListDrafts(ctx, audit.CLI)
	must(err)
}

// clientTrips does with a client all that is done with one.
func clientTrips(db *DB, act audit.Act) error {
	ctx := context.Background()
	var all []error
	do := func(err error) { all = append(all, err) }
	c := relyingparty.Client{ID: "app", Name: "App", Auth: relyingparty.Basic, CreatedAt: began}
	proof := secret.NewToken()
	do(db.RegisterClient(ctx, c, []secret.Token{proof}, act))
	_, err := db.FindClient(ctx, c.ID)
	do(err)
	_, err = db.FindClientBySecret(ctx, grant.Presented{Secret: proof, Family: secret.NewToken()})
	do(err)
	if _, _, err = db.FindGrant(ctx, "none"); !errors.Is(err, credential.ErrUnknown) {
		do(fmt.Errorf("found a grant: %w", err))
	}
	_, err = db.ListClients(ctx, "", 9)
	do(err)
	do(db.AddClientSecret(ctx, c.ID, secret.NewToken(), act))
	_, err = db.ListClientSecrets(ctx, c.ID)
	do(err)
	do(db.RetireClientSecrets(ctx, c.ID, act))
	do(db.ApplyClient(ctx, c, []secret.Token{secret.NewToken()}, act))
	c.Auth = relyingparty.None
	do(db.ChangeClient(ctx, c, act))
	do(db.RemoveClient(ctx, c.ID, act))
	_, err = db.DeriveLogouts(ctx)
	do(err)
	_, err = db.ClientsToTell(ctx, began)
	do(err)
	_, err = db.LeaseLogouts(ctx, "app", began, time.Minute, 9)
	do(err)
	_, err = db.CountLogouts(ctx, "app", 9)
	do(err)
	do(db.LogoutTold(ctx, "x"))
	do(db.LogoutFailed(ctx, "x", began))
	return errors.Join(all...)
}

// serverTrips does with a media server all that is done with one.
func serverTrips(db *DB, a account.Account, act audit.Act) error {
	ctx := context.Background()
	var all []error
	do := func(err error) { all = append(all, err) }
	claim := credential.Link{Kind: credential.ServerClaim, Token: secret.NewClaim(), AccountID: a.ID, Stamp: credential.Stamp{Born: 1 << 40, Account: 1 << 40}}
	do(db.Record(ctx, act.Linking(claim)))
	f, err := db.FindCredential(ctx, claim.Kind, claim.Token)
	do(err)
	s := server.Server{ID: id.New(began), AccountID: a.ID, Thumbprint: "print", Public: "key", Facts: server.Facts{Name: "Attic"}, ClaimedAt: began}
	_, err = db.ClaimServer(ctx, server.Claim{Server: s, Spends: f.Hash, Most: 9}, act)
	do(err)
	do(db.DescribeServer(ctx, a.ID, s.ID, s.Facts))
	do(db.TouchServer(ctx, s.ID, began))
	do(db.ConfirmAddress(ctx, a.ID, s.ID, "https://attic.example", act))
	do(db.RemoveAddress(ctx, a.ID, s.ID, "https://attic.example", act))
	guest := server.Guest{ID: id.New(began), Label: "bert", Handle: account.LoginHandle("bert"), Terms: server.Terms{Role: server.Friend}, AddedAt: began, InvitedAt: began}
	do(db.AdmitGuest(ctx, a.ID, s.ID, guest, act))
	do(db.AdmitGuest(ctx, a.ID, s.ID, guest, act))
	do(db.ChangeGuest(ctx, a.ID, s.ID, guest.ID, server.Terms{Role: server.Household}, act))
	_, err = db.ListGuests(ctx, a.ID, s.ID)
	do(err)
	_, err = db.FindGroup(ctx, s.ID, a, began)
	do(err)
	_, err = db.ListServers(ctx, a.ID)
	do(err)
	_, err = db.ListInvitations(ctx, a, began)
	do(err)
	for _, err := range []error{
		notInvited(db, s.ID, a), db.DeclineInvitation(ctx, s.ID, a, act), db.AcceptInvitation(ctx, s.ID, server.Acceptance{AccountID: a.ID}, act),
		db.LeaveServer(ctx, a.ID, s.ID, act),
	} {
		if !errors.Is(err, server.ErrNotFound) {
			do(fmt.Errorf("invited: %w", err))
		}
	}
	_, err = db.ListShared(ctx, a.ID, began)
	do(err)
	if _, err = db.FindShared(ctx, a.ID, s.ID, began); !errors.Is(err, server.ErrNotFound) {
		do(fmt.Errorf("found a shared server: %w", err))
	}
	if _, err = db.FindVisit(ctx, s.ID, "none", began); !errors.Is(err, credential.ErrUnknown) {
		do(fmt.Errorf("found a visit: %w", err))
	}
	if _, err = db.FindPasswordVisit(ctx, s.ID, secret.NewServerPassword(), began); !errors.Is(err, credential.ErrUnknown) {
		do(fmt.Errorf("found a visit: %w", err))
	}
	in := credential.NewSignIn(a.ID, device.ByServerPassword, device.Client{}, began)
	in.Kind, in.Token, in.Subject, in.Most = credential.ServerPassword, secret.NewServerPassword(), s.ID, 9
	do(db.AddServerPassword(ctx, in, act))
	_, err = db.FindTerms(ctx, s.ID, a.ID, began)
	do(err)
	do(db.LetType(ctx, a.ID, s.ID, server.AccountPasswords, act))
	_, err = db.ListPeople(ctx, s.ID, began)
	do(err)
	do(db.NoteVisits(ctx, s.ID, map[string]time.Time{a.ID: began}))
	do(db.SignOutServer(ctx, a.ID, s.ID, act))
	do(db.BringServersBack(ctx, a.ID, []string{s.ID}, credential.Stamp{}, act))
	do(db.DismissGuest(ctx, a.ID, s.ID, guest.ID, act))
	do(db.UnclaimServer(ctx, a.ID, s.ID, act))
	return errors.Join(all...)
}

func notInvited(db *DB, serverID string, a account.Account) error {
	_, err := db.FindInvitation(context.Background(), serverID, a, began)
	return err
}

// homeTrips does with a Home all that is done with one.
func homeTrips(db *DB, a account.Account, act audit.Act) error {
	ctx := context.Background()
	var all []error
	do := func(err error) { all = append(all, err) }
	mia := household.Managed{ID: id.New(began), AccountID: id.New(began), Name: "Mia"}
	do(db.AddManaged(ctx, a.ID, mia, act))
	do(db.ChangeManaged(ctx, a.ID, mia, act))
	do(db.SetPIN(ctx, a.ID, mia.ID, secret.TokenOf("4711"), act))
	g := household.Guest{ID: id.New(began), Label: "bert", Handle: account.LoginHandle("bert"), At: began}
	do(db.InviteMember(ctx, a.ID, g, act))
	do(db.InviteMember(ctx, a.ID, g, act))
	j := household.Joiner{AccountID: "nobody"}
	_, err := db.ListHomeInvitations(ctx, j, began)
	do(err)
	_, found := db.FindHomeInvitation(ctx, g.ID, j, began)
	for _, err := range []error{found, db.DeclineHome(ctx, g.ID, j, act), db.LeaveHome(ctx, a.ID, act, act)} {
		if !errors.Is(err, household.ErrNotFound) {
			do(fmt.Errorf("invited: %w", err))
		}
	}
	in := credential.NewSignIn(a.ID, "password", device.Client{}, began)
	in.Stamp = credential.Stamp{Born: 1 << 40, Account: 1 << 40}
	do(db.AddDevice(ctx, in, act))
	c, err := db.BeginSwitch(ctx, household.Try{Source: a.ID, Member: mia.ID, At: began})
	do(err)
	s := credential.NewSignIn(mia.AccountID, device.ByHome, device.Client{}, began)
	s.Kind, s.Stamp, s.Device.Origin = credential.Switched, in.Stamp, in.Device.ID
	parks, err := db.FindCredential(ctx, credential.Browser, in.Token)
	do(err)
	to := household.Switch{HomeID: a.ID, Source: a.ID, Member: c.Member, SignIn: s, Parks: parks.Hash, Away: secret.NewToken()}
	do(db.Switch(ctx, to, act))
	_, err = db.ListSwitched(ctx, a.ID)
	do(err)
	do(db.UnlockMember(ctx, a.ID, mia.ID, act))
	do(db.EndSwitched(ctx, a.ID, s.Device.ID, act))
	away, err := db.FindCredential(ctx, credential.Away, to.Away)
	do(err)
	do(db.ComeBack(ctx, household.Return{Away: away, Token: secret.NewToken(), Ends: s.Device.ID, EndsOf: mia.AccountID, Member: mia.ID}, act))
	claim := credential.Link{Kind: credential.ServerClaim, Token: secret.NewClaim(), AccountID: a.ID, Stamp: in.Stamp}
	do(db.Record(ctx, act.Linking(claim)))
	f, err := db.FindCredential(ctx, claim.Kind, claim.Token)
	do(err)
	attic := server.Server{ID: id.New(began), AccountID: a.ID, Thumbprint: "home", Public: "key", ClaimedAt: began}
	_, err = db.ClaimServer(ctx, server.Claim{Server: attic, Spends: f.Hash, Most: 9}, act)
	do(err)
	do(db.OpenToHome(ctx, a.ID, attic.ID, household.Shared{With: household.WithAll}, act))
	_, err = db.FindSharing(ctx, a.ID, attic.ID)
	do(err)
	do(db.OpenToHome(ctx, a.ID, attic.ID, household.Shared{}, act))
	_, err = db.FindHome(ctx, a.ID)
	do(err)
	do(db.RemoveMember(ctx, a.ID, mia.ID, act, audit.Act{}))
	return errors.Join(all...)
}

// factorTrips does with a second factor all that is done with one.
func factorTrips(db *DB, accountID string, act audit.Act) error {
	ctx := context.Background()
	var all []error
	do := func(err error) { all = append(all, err) }
	factor := func(step int64, selector string) credential.Factor {
		at := credential.FactorAttempt{AccountID: accountID, Selector: selector, At: began}
		c, err := db.BeginFactor(ctx, at)
		do(err)
		return credential.Factor{AccountID: accountID, Attempt: at, Candidate: c, Step: step, Selector: selector}
	}
	on := credential.NewFactor{AccountID: accountID, Key: secret.TokenOf("KEY"), Recovery: map[string]string{"0": "phc"}}
	do(db.TurnOnFactor(ctx, on, act))
	returned := factor(0, "0")
	do(db.ReturnFactor(ctx, returned.Attempt, returned.Candidate))
	do(db.ReplaceRecovery(ctx, on.Recovery, factor(1, ""), act))
	_, err := db.RecoveryLeft(ctx, accountID)
	do(err)
	do(db.Record(ctx, act.Linking(credential.Link{Kind: credential.Remembered, Token: secret.NewToken(), AccountID: accountID})))
	remembered, err := db.ListRemembered(ctx, accountID, began)
	do(err)
	for _, c := range remembered {
		do(db.ForgetRemembered(ctx, accountID, []string{c.Hash}, act))
	}
	r := credential.NewRemoval(accountID, audit.CLI, began)
	do(db.AskRemoval(ctx, r, act))
	_, err = db.ListRemovals(ctx, began, 9)
	do(err)
	do(db.TellRemoval(ctx, r, r.Again(began), act))
	_, err = db.FindRemoval(ctx, accountID)
	do(err)
	do(db.StopRemoval(ctx, accountID, "", act))
	r.Told, r.Due = credential.RemovalWarnings, began
	do(db.AskRemoval(ctx, r, act))
	do(db.RemoveFactor(ctx, accountID, act))
	do(db.TurnOnFactor(ctx, on, act))
	do(db.TurnOffFactor(ctx, factor(0, "0"), act))
	return errors.Join(all...)
}
