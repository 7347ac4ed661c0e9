package storetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/secret"
	"usher/internal/store"
)

func TestFindCredential(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, hash := w.signedIn(a)
		for _, wrong := range []secret.Token{secret.NewToken(), {}, secret.TokenOf(hash), secret.TokenOf(strings.ToUpper(s.Token.Reveal())), secret.TokenOf("\x00")} {
			_, err := w.db.FindCredential(w.ctx(), credential.Browser, wrong)
			w.is(err, credential.ErrUnknown)
		}
		for _, kind := range []credential.Kind{credential.Known, credential.Reset, "", "\x00"} { // one kind's token is no other kind's
			_, err := w.db.FindCredential(w.ctx(), kind, s.Token)
			w.is(err, credential.ErrUnknown)
		}
		w.tamper("DELETE FROM device")
		_, err := w.db.FindCredential(w.ctx(), credential.Browser, s.Token) // what is made from a device ends with its row
		w.is(err, credential.ErrUnknown)
	})
}

func TestRequireReset(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s, _ := w.signedIn(a)
		foreign, _ := w.signedIn(other)
		notMe, hash := w.link(credential.NotMe, a)
		undo, _ := w.link(credential.Undo, a)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.RequireReset(w.ctx(), a.ID, hash, w.act(audit.ResetRequired, a.ID))
		})
		w.recorded(audit.ResetRequired, 1)
		w.is(w.resolve(credential.NotMe, notMe), credential.ErrUnknown)
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrEnded)
		w.must(w.resolve(credential.Undo, undo))
		w.must(w.resolve(credential.Browser, foreign.Token))
		again, _ := w.signedIn(a)
		w.is(w.resolve(credential.Browser, again.Token), credential.ErrResetRequired)
		w.must(w.db.ChangePasswordEverywhere(w.ctx(), w.newPassword(a, "new"), nil, audit.Act{}))
		w.must(w.db.RequireReset(w.ctx(), a.ID, "", w.act(audit.ResetRequired, a.ID))) // a second one asks again
		again, _ = w.signedIn(a)
		w.is(w.resolve(credential.Browser, again.Token), credential.ErrResetRequired)
		w.is(w.db.RequireReset(w.ctx(), "gone", "", audit.Act{}), account.ErrNotFound)
	})
}

// A link that allows only the newest leaves only one, however many are asked for at once.
func TestNewestLinkEndsTheOthers(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		foreign, _ := w.link(credential.Reset, other)
		w.all(func(db *store.DB, _ int) error {
			l := credential.Link{Kind: credential.Reset, Token: secret.NewToken(), AccountID: a.ID, Newest: true}
			return db.Record(w.ctx(), w.act(audit.ResetAsked, a.ID).Linking(l))
		})
		w.count(1, "credential WHERE account_id = $1", a.ID)
		w.must(w.resolve(credential.Reset, foreign))
	})
}

// minted makes a live credential of every kind. A kind that is missing here fails TestEveryKindIsMintedUsedAndExpected.
func (w *world) minted(a account.Account) map[credential.Kind]secret.Token {
	w.Helper()
	all := map[credential.Kind]secret.Token{}
	s := w.signIn(a)
	s.Known = secret.NewToken()
	w.openSignIn(s)
	all[credential.Browser], all[credential.Known] = s.Token, s.Known
	n, _ := w.signUp("new-" + a.Email)
	all[credential.SignUp], all[credential.SignUpLink] = n.Browser, n.Link
	_, _, all[credential.Change] = w.confirm(account.ForEmail, a, "change-"+a.Email)
	for _, kind := range []credential.Kind{
		credential.Undo, credential.NotMe, credential.Reset, credential.SecondStep, credential.Remembered, credential.Enrolment,
		credential.KeepFactor, credential.Restricted, credential.Console,
	} {
		all[kind], _ = w.link(kind, a)
	}
	for kind, token := range map[credential.Kind]secret.Token{credential.App: secret.NewToken(), credential.AppPassword: secret.NewAppPassword()} {
		app := w.signIn(a)
		app.Kind, app.Token, app.Device.Kind = kind, token, device.App
		w.must(w.db.AddDevice(w.ctx(), app, w.act(audit.SignedIn, a.ID)))
		all[kind] = token
	}
	for _, kind := range []credential.Kind{credential.Invitation, credential.SetUp} {
		all[kind], _ = w.link(kind, account.Account{})
	}
	return all
}

// kinds reads the constants of type Kind out of the source, so that none is forgotten.
func kinds(t *testing.T) []credential.Kind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../credential/kind.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []credential.Kind
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if of, ok := v.Type.(*ast.Ident); ok && of.Name == "Kind" {
				text := v.Values[0].(*ast.BasicLit).Value
				all = append(all, credential.Kind(strings.Trim(text, `"`)))
			}
		}
	}
	if len(all) < 10 {
		t.Fatalf("found only %d kinds in the source", len(all))
	}
	return all
}

// What each kind does in each situation; the columns are the situations below.
var expected = map[credential.Kind][6]error{
	//                     one sign-out             everything             required                     floor                   incident                 locked
	credential.Browser:    {credential.ErrUnknown, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded},
	credential.Known:      {nil, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded},
	credential.SignUp:     {nil, nil, nil, credential.ErrEnded, credential.ErrEnded, nil},
	credential.SignUpLink: {nil, nil, nil, credential.ErrEnded, credential.ErrEnded, nil},
	credential.Change:     {nil, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded},
	credential.Undo:       {nil, nil, nil, nil, nil, credential.ErrLocked},
	credential.NotMe:      {nil, nil, nil, nil, nil, credential.ErrLocked},
	credential.Reset:      {nil, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded},
	credential.Invitation: {nil, nil, nil, credential.ErrEnded, credential.ErrEnded, nil},
	credential.SetUp:      {nil, nil, nil, credential.ErrEnded, credential.ErrEnded, nil},

	credential.SecondStep:  {nil, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded},
	credential.Remembered:  {nil, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded},
	credential.Enrolment:   {nil, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded},
	credential.KeepFactor:  {nil, nil, nil, nil, nil, nil}, // or an operator could lock its owner out of stopping a removal
	credential.Restricted:  {nil, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded},
	credential.AppPassword: {nil, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded},
	credential.App:         {nil, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded},
	credential.Console:     {nil, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded, credential.ErrEnded},
}

func TestEveryKindIsMintedUsedAndExpected(t *testing.T) {
	situations := []func(w *world, a account.Account){
		func(w *world, a account.Account) {
			devices, err := w.db.ListDevices(w.ctx(), a.ID)
			w.must(err)
			browser := slices.IndexFunc(devices, func(d device.Device) bool { return d.Kind == device.Browser })
			w.must(w.db.EndDevice(w.ctx(), a.ID, devices[browser].ID, audit.Act{}))
		},
		func(w *world, a account.Account) { w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{})) },
		func(w *world, a account.Account) { w.must(w.db.RequireReset(w.ctx(), a.ID, "", w.act("", a.ID))) },
		func(w *world, _ account.Account) {
			w.tamper("UPDATE instance SET epoch = epoch + 1, floor = epoch + 1")
		},
		func(w *world, _ account.Account) {
			w.tamper("UPDATE instance SET epoch = epoch + 1, incident = epoch + 1")
		},
		func(w *world, a account.Account) {
			w.must(w.db.SetState(w.ctx(), a.ID, account.Active, account.Locked, time.Time{}, audit.Act{}))
		},
	}
	each(t, func(w *world) {
		for column, happens := range situations {
			a := w.person(label(column))
			minted := w.minted(a)
			for _, kind := range kinds(t) {
				rule, has := credential.Rules[kind]
				if !has || rule.Life <= 0 {
					t.Fatalf("%s has no rule", kind)
				}
				if minted[kind].Empty() || w.resolve(kind, minted[kind]) != nil {
					t.Fatalf("%s is not minted here: %v", kind, w.resolve(kind, minted[kind]))
				}
			}
			happens(w, a)
			for _, kind := range kinds(t) {
				want, listed := expected[kind]
				if !listed {
					t.Fatalf("%s is not expected anything", kind)
				}
				if err := w.resolve(kind, minted[kind]); err != want[column] { // the table names the very values
					t.Errorf("situation %d, %s: %v, want %v", column, kind, err, want[column])
				}
			}
		}
	})
}

// Every kind ends with its life, and none is accepted by a clock that went back behind its making (attack S15).
func TestEveryKindEndsWithItsLife(t *testing.T) {
	each(t, func(w *world) {
		minted := w.minted(w.person("anna"))
		for _, kind := range kinds(t) {
			rule := credential.Rules[kind]
			end := rule.Life
			if rule.Idle > 0 {
				end = min(end, rule.Idle)
			}
			for at, want := range map[time.Duration]error{end - time.Millisecond: nil, end: credential.ErrUnknown, -2 * time.Minute: credential.ErrUnknown} {
				w.now = start.Add(at)
				if err := w.resolve(kind, minted[kind]); err != want { // the table names the very values
					t.Errorf("%s after %v: %v, want %v", kind, at, err, want)
				}
			}
		}
	})
}
