package web

import (
	"cmp"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/credential"
)

// adminDone says on the next page what a form of the administration has done.
var adminDone = map[string]string{
	"lock":               "The account is locked, and everything is signed out of it.",
	"unlock":             "The account is unlocked.",
	"sign-out":           "Everything is signed out of this account.",
	"send-reset":         "The e-mail to choose a new password is on its way.",
	"require-reset":      "A new password is required. The e-mail to choose one is on its way.",
	"remove-second-step": "The days of warning have begun. Every address is told.",
	"delete":             "Everything is signed out, and the account will be erased when the days of grace are over.",
	"free-server":        "The server belongs to nobody now. The person is told by e-mail.",
	"resend":             "The waiting e-mails are tried again now.",
	"nothing-waits":      "No e-mail waits any more.",
	"invited":            "The invitation is on its way.",
	"revoked":            "The invitation is revoked.",
	"retried":            "The e-mail is tried again now.",
}

// What the administration keeps in a browser for a moment.
const (
	cookieSearch = "usher-search"
	cookieInvite = "usher-new-invitation"
)

// by is the visitor as the administration knows who acts.
func (v visitor) by() admin.Actor { return admin.Actor(v.AccountID) }

// adminSearch lets administrators look for somebody by a form. It changes nothing, so it asks for no fresher proof than a page; and it is a
// form, not a link, because an address that is looked for must not stay in an address bar, a history or a proxy's log.
func (d *Door) adminSearch(h visitorHandler) handler {
	return d.person(func(w http.ResponseWriter, r *http.Request, v visitor) error {
		switch {
		case !v.Person.Admin:
			return errNotFound // as in administrator
		case !v.Account.SecondFactor:
			return d.secondStepFirst(w, r, v)
		case d.Now().Sub(v.FreshAt) >= credential.AdminFresh:
			return to(w, r, "/sign-in/again?next="+url.QueryEscape(r.URL.Path))
		}
		return h(w, r, v)
	})
}

func (d *Door) getAdmin(w http.ResponseWriter, r *http.Request, v visitor) error {
	o, err := d.Admin.Overview(r.Context())
	if err != nil {
		return err
	}
	p := AdminPage{
		Figures: []Figure{
			{"Active accounts", o.Accounts[account.Active], "/admin/accounts?state=active"},
			{"Locked", o.Accounts[account.Locked], "/admin/accounts?state=locked"},
			{"Being deleted", o.Accounts[account.Deleting], "/admin/accounts?state=deleting"},
			{"Mails waiting", o.Waiting, "/admin/mail"},
			{"Mails refused in a day", o.Refused, "/admin/mail?state=refused"},
			{"Audit entries", o.Entries, "/admin/audit"},
		},
		Started: d.Admin.Started, Version: d.Admin.Version, Database: d.Admin.Database,
	}
	for _, c := range o.Checks {
		p.Checks = append(p.Checks, Check(c))
	}
	d.Pages.Page(w, r, http.StatusOK, "admin", Page{Person: v.header(), Notice: done(r, adminDone), Data: p})
	return nil
}

// actor names who did something that concerns an account.
func (v visitor) actor(by, accountID string, names map[string]string) string {
	switch by {
	case "":
		return "somebody not signed in"
	case audit.System:
		return "the service"
	case audit.CLI:
		return "the command line"
	case v.AccountID:
		return "you"
	case accountID:
		return "the person"
	}
	return cmp.Or(names[by], "an account that is gone")
}

// particulars tells an entry's details, without where its actor was.
func particulars(e audit.Entry) string {
	var told []string
	for _, key := range []string{audit.Client, audit.Device, audit.Reason, audit.Count} {
		if value := e.Detail[key]; value != "" {
			told = append(told, value)
		}
	}
	return strings.Join(told, " · ")
}

// whereabouts tells from where somebody acted: the place, or as much of the address as tells networks apart.
func whereabouts(detail map[string]string) string {
	return cmp.Or(detail[audit.Place], network(detail[audit.Address]))
}

// network shortens an IP address to its network (an IPv4 /24, an IPv6 /56), which is enough to see that two are the same.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	a = a.Unmap().WithZone("")
	bits := 56
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// pathWith is a path with those parameters that are not empty. None may say anything about anybody.
func pathWith(path string, pairs ...string) string {
	var q []string
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			q = append(q, pair[0]+"="+url.QueryEscape(pair[1]))
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + strings.Join(q, "&")
}

// actWord says an act in a few words that fit whoever did it.
type actWord struct{ icon, text string }

// actWords has every act there is.
var actWords = map[audit.Action]actWord{
	audit.AccountCreated:   {"person", "Account created"},
	audit.AccountLocked:    {"lock", "Account locked"},
	audit.AccountUnlocked:  {"lock", "Account unlocked"},
	audit.AccountErased:    {"trash", "Account erased"},
	audit.AdminGranted:     {"shield", "Became an administrator"},
	audit.DeletionAsked:    {"trash", "Deletion asked for"},
	audit.DeletionRevoked:  {"check", "Deletion taken back"},
	audit.DataDownloaded:   {"download", "Data downloaded"},
	audit.ProfileChanged:   {"person", "Profile changed"},
	audit.NotMeReported:    {"shield", "Stranger reported"},
	audit.EmailAsked:       {"mail", "New address asked for"},
	audit.EmailChanged:     {"mail", "Address changed"},
	audit.EmailRestored:    {"mail", "Old address restored"},
	audit.NoticeChanged:    {"mail", "Second address changed"},
	audit.SignedIn:         {"browser", "Signed in"},
	audit.SignInFailed:     {"alert", "Wrong password"},
	audit.SignInRefused:    {"alert", "Sign-in refused"},
	audit.ProvedAgain:      {"key", "Password typed again"},
	audit.SignedOut:        {"out", "Device signed out"},
	audit.SignedOutAll:     {"out", "Everything signed out"},
	audit.DevicesTrimmed:   {"out", "Oldest devices signed out"},
	audit.ResetRequired:    {"key", "New password required"},
	audit.ResetAsked:       {"mail", "Reset asked for"},
	audit.PasswordReset:    {"key", "Password reset"},
	audit.PasswordChanged:  {"key", "Password changed"},
	audit.SecondFactorOn:   {"shield", "Second step turned on"},
	audit.SecondFactorOff:  {"shield", "Second step turned off"},
	audit.CodesReplaced:    {"key", "Recovery codes replaced"},
	audit.FactorFailed:     {"alert", "Wrong second step"},
	audit.BrowserForgotten: {"browser", "Browser forgotten"},
	audit.RemovalAsked:     {"clock", "Removal of the second step asked for"},
	audit.RemovalStopped:   {"check", "Removal of the second step stopped"},
	audit.FactorRemoved:    {"shield", "Second step removed"},
	audit.ResetProved:      {"shield", "Second step proved for a reset"},
	audit.ResetLinkMade:    {"key", "Reset link made to hand over"},
	audit.LinkApproved:     {"tv", "TV, app or media server let in by a code"},
	audit.LinkDenied:       {"tv", "TV, app or media server sent away"},
	audit.LinkCodeWrong:    {"tv", "Wrong code of a TV or media server"},
	audit.PasskeyAdded:     {"finger", "Passkey added"},
	audit.PasskeyRenamed:   {"finger", "Passkey renamed"},
	audit.PasskeyRemoved:   {"finger", "Passkey removed"},
	audit.PasskeyRefused:   {"alert", "Passkey refused"},
	audit.PasskeyAlarm:     {"alert", "Passkey counted backwards"},
	audit.CodeAlwaysOn:     {"shield", "Second step also after other services"},
	audit.CodeAlwaysOff:    {"shield", "No second step after other services"},
	audit.IdentityLinked:   {"ticket", "Another service linked"},
	audit.IdentityUnlinked: {"ticket", "Another service unlinked"},
	audit.AccountTakenOver: {"shield", "Given to whoever confirmed its address"},
	audit.ConfirmedAfresh:  {"check", "Confirmed after an incident, without a password"},
	audit.PasskeyKept:      {"finger", "Passkey kept that counted backwards"},
	audit.AppPasswordMade:  {"app", "App password made"},
	audit.ClaimTokenMade:   {"server", "Claim token made"},
	audit.ServerClaimed:    {"server", "Media server claimed"},
	audit.ServerSignedOut:  {"server", "Media server signed out"},
	audit.ServerBack:       {"server", "Media server brought back"},
	audit.ServerUnclaimed:  {"server", "Media server given up"},
	audit.ServerAddressOn:  {"server", "Address of a media server confirmed"},
	audit.ServerAddressOff: {"server", "Address of a media server removed"},
	audit.ServerTypesOn:    {"server", "A media server takes account passwords"},
	audit.ServerTypesOff:   {"server", "A media server takes app passwords only"},
	audit.GuestAdmitted:    {"server", "Somebody added to a media server"},
	audit.GuestChanged:     {"server", "What somebody may do at a media server changed"},
	audit.GuestDismissed:   {"server", "Somebody removed from a media server"},
	audit.GuestCame:        {"server", "Somebody invited came in to a media server"},
	audit.ServerJoined:     {"server", "Invitation to a media server accepted"},
	audit.ServerTakenAway:  {"out", "Access to a media server of somebody else’s taken away"},
	audit.ServerLeft:       {"server", "Media server of somebody else’s left"},
	audit.ServerDeclined:   {"server", "Invitation to a media server declined"},
	audit.DeviceKeySet:     {"key", "Key of an app registered"},

	audit.HomeInvited:       {"people", "Somebody invited to a Home"},
	audit.HomeJoined:        {"people", "Home joined"},
	audit.HomeDeclined:      {"people", "Invitation to a Home declined"},
	audit.HomeLeft:          {"out", "Home left"},
	audit.HomeTakenOut:      {"out", "Taken out of a Home"},
	audit.HomeEnded:         {"out", "Home ended"},
	audit.HomeMemberJoined:  {"people", "Somebody joined a Home"},
	audit.HomeMemberLeft:    {"people", "Somebody left a Home"},
	audit.HomeMemberAdded:   {"people", "Managed member added to a Home"},
	audit.HomeMemberChanged: {"people", "Managed member of a Home changed"},
	audit.HomeMemberRemoved: {"people", "Somebody removed from a Home"},
	audit.HomePINSet:        {"key", "PIN of a member of a Home set"},
	audit.HomePINCleared:    {"key", "PIN of a member of a Home taken away"},
	audit.HomePINGuessed:    {"alert", "Wrong PINs of a member of a Home"},
	audit.HomeUnlocked:      {"key", "Member of a Home unlocked"},
	audit.HomeSwitched:      {"tv", "Switched to a member of a Home"},
	audit.HomeBack:          {"tv", "Switched back in a browser"},
	audit.HomeSwitchEnded:   {"out", "Switched device signed out"},
	audit.HomeServerOpened:  {"server", "Media server opened or closed to a Home"},

	audit.InvitationMade:  {"ticket", "Invitation made"},
	audit.CodeFailed:      {"alert", "Wrong code or sign-up password"},
	audit.InvitationEnded: {"ticket", "Invitation revoked"},
	audit.SetUpLinkMade:   {"key", "Set-up link made"},
	audit.KeysRotated:     {"key", "Keys rotated"},
	audit.MailRetried:     {"mail", "Mail tried again"},

	audit.IncidentProposed:  {"alert", "Incident proposed"},
	audit.IncidentDeclared:  {"alert", "Incident declared"},
	audit.IncidentAlone:     {"alert", "Incident declared by one alone"},
	audit.IncidentAdvised:   {"alert", "New passwords advised"},
	audit.IncidentWithdrawn: {"check", "Incident withdrawn"},
	audit.IncidentPaused:    {"clock", "Incident’s e-mails paused"},
	audit.IncidentResumed:   {"mail", "Incident’s e-mails go on"},
	audit.IncidentApplied:   {"alert", "Incident applied again"},

	audit.AppAllowed: {"app", "App let in"},
	audit.AppRemoved: {"out", "App taken out"},
	audit.AppReused:  {"alert", "Copy of a code or token used, app signed out"},

	audit.ClientRegistered:  {"app", "App registered"},
	audit.ClientChanged:     {"app", "App changed"},
	audit.ClientRemoved:     {"trash", "App removed"},
	audit.ClientSecretMade:  {"key", "New secret made for an app"},
	audit.ClientSecretEnded: {"key", "Older secrets of an app ended"},
	audit.ClientTokensEnded: {"key", "A media server ended its own tokens"},
}

func actText(a audit.Action) string { return cmp.Or(actWords[a].text, string(a)) }
