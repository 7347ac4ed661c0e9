package web

import (
	"html/template"
	"net/http"
	"strconv"
	"time"

	"usher/internal/grant"
	"usher/internal/mediaserver"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/openapi"
	"usher/internal/relyingparty"
	"usher/internal/request"
	"usher/internal/secret"
)

// sample is one page in one state, with data as hostile as real people's.
type sample struct {
	name   string // of the template
	state  string // what is special about it; empty: the usual
	status int
	page   Page
	site   func(*Site)
}

const nasty = `Ann <script>alert(1)</script> "O'Neil" & ` + "\u202etxt.exe"

func sampleSite() Site {
	return Site{
		Name:        "Usher",
		Host:        "usher.example.org",
		Senders:     []string{"door@usher.example.org", "notice@usher.example.org"},
		SignUp:      SignUpOpen,
		PasswordMin: 8,
		GraceDays:   7,
	}
}

// sampleNow is fixed: pages carry times as they are, and the script makes them relative.
var sampleNow = time.Date(2026, 11, 21, 14, 2, 7, 0, time.UTC)

func refused(pairs ...string) Form {
	var f Form
	for i := 0; i < len(pairs); i += 2 {
		f.Refuse(pairs[i], pairs[i+1])
	}
	return f
}

func sampleDevices() []Device {
	before := func(d time.Duration) time.Time { return sampleNow.Add(-d) }
	const day = 24 * time.Hour
	return []Device{
		{ID: "d1", Kind: "browser", Name: "Firefox on Linux", Place: "Lyon", SignedIn: before(11 * day), LastUsed: sampleNow, This: true},
		{ID: "d2", Kind: "tv", Name: "Living room TV", Product: "Usher player", Place: "Lyon", SignedIn: before(200 * day), LastUsed: before(2 * time.Hour)},
		{ID: "d3", Kind: "phone", Name: nasty, Product: "Finamp", Place: "Lyon", SignedIn: before(40 * day), LastUsed: before(day)},
		{ID: "d4", Kind: "server", Name: "attic-nas", Product: "Media server", Place: "192.168.1.20", SignedIn: before(400 * day), LastUsed: before(time.Minute)},
		{ID: "d5", Kind: "app", Name: "A player with a name that goes on and on without ever stopping for breath", Product: "Symfonium", SignedIn: before(90 * day), LastUsed: before(30 * day)},
	}
}

func samplePasskeys() []Passkey {
	return []Passkey{
		{ID: "k1", Name: "Bitwarden", In: "Bitwarden", Copied: true, Made: sampleNow.Add(-400 * time.Hour), LastUsed: sampleNow.Add(-time.Hour)},
		{ID: "k2", Name: "A key on the ring with the keys of the house, the shed and the bicycles", Made: sampleNow},
		{ID: "k3", Name: nasty, In: "YubiKey", Made: sampleNow.Add(-900 * time.Hour), LastUsed: sampleNow.Add(-20 * time.Hour), Alarm: sampleNow.Add(-2 * time.Hour)},
	}
}

func sampleEvents() []Event {
	return []Event{
		{At: sampleNow.Add(-2 * time.Hour), Icon: "key", Text: "You changed your password.", Detail: "Firefox on Linux · Lyon"},
		{At: sampleNow.Add(-26 * time.Hour), Icon: "alert", Text: "Somebody tried wrong passwords eight times.", Detail: "Near Minsk", Unusual: true},
		{At: sampleNow.Add(-300 * time.Hour), Icon: "phone", Text: "A new device signed in.", Detail: "Finamp · " + nasty},
	}
}

func sampleRows() []AccountRow {
	return []AccountRow{
		{ID: "a1", Name: "Ann", UserName: "ann", Address: "ann@example.org", State: "active", Admin: true, Created: sampleNow.AddDate(-1, 0, 0), LastSeen: sampleNow},
		{ID: "a2", Name: nasty, Address: "a.very.long.address.that.does.not.end@subdomain.department.example.org", State: "locked", Created: sampleNow.AddDate(0, -2, 0), LastSeen: sampleNow.AddDate(0, 0, -3)},
		{ID: "a3", Address: "bo@example.org", State: "locked", Erasing: true, Created: sampleNow.Add(-time.Hour)},
		{ID: "a4", Name: "Cy", UserName: "cy", Address: "cy@example.org", State: "deleting", Created: sampleNow.AddDate(-2, 0, 0), LastSeen: sampleNow.AddDate(0, 0, -9)},
	}
}

func stageSamples() []sample {
	notRight := Form{Problem: "That address or password isn't right."}
	soon := sampleNow.Add(30 * time.Minute)
	closed := func(s *Site) { s.SignUp = SignUpClosed }
	invited := func(s *Site) { s.SignUp = SignUpInvitation }
	return []sample{
		{name: "sign-in", page: Page{Data: SignInPage{}}},
		{name: "sign-in", state: "refused", status: http.StatusUnauthorized, site: closed, page: Page{Data: SignInPage{Form: notRight, Login: nasty, Next: "/account/devices"}}},
		{name: "sign-in", state: "limited", status: http.StatusTooManyRequests, page: Page{Data: SignInPage{Form: Form{RetryAt: soon}, Login: "ann@example.org"}}},
		{name: "sign-in", state: "signed-out", page: Page{Data: SignInPage{Login: "ann@example.org", Reason: "You were signed out on this device because your password was changed on another one."}}},
		{name: "sign-in-again", page: Page{Data: SignInAgainPage{Login: "ann@example.org", What: "delete your account", Next: "/account/data", Back: "/account"}}},
		{name: "sign-in-again", state: "no password", page: Page{Data: SignInAgainPage{Login: "ann@example.org", NoPassword: true, Back: "/account", Passkey: &PasskeyForm{Action: "/sign-in/again/passkey", Label: "Use a passkey", Next: "/account"}}}},
		{name: "sign-in-again", state: "code", page: Page{Data: SignInAgainPage{Login: "ann@example.org", AskCode: true, Back: "/account", Form: refused("code", "That code isn’t right. Enter the newest one.")}}},
		{name: "sign-in-code", page: Page{Data: SignInCodePage{Login: nasty, Other: "/sign-in/recovery"}}},
		{name: "sign-in-code", state: "refused", page: Page{Data: SignInCodePage{Login: "a…@example.org", Remember: true, Next: "/account/devices", Other: "/sign-in/recovery", Form: refused("code", "This code belongs to another minute. Set the clock of your phone to automatic, and enter the newest code.")}}},
		{name: "sign-in-recovery", page: Page{Data: SignInCodePage{Login: "a…@example.org", Other: "/sign-in/code"}}},
		{name: "recovery-used", page: Page{Data: RecoveryUsedPage{Left: 9, Next: "/account"}}},
		{name: "recovery-used", state: "few", page: Page{Data: RecoveryUsedPage{Left: 1, Next: "/account"}}},
		{name: "admin-second-step", page: Page{Person: &Person{Name: "Ann", Admin: true}, Data: struct{}{}}},
		{name: "sign-up", page: Page{Data: SignUpPage{}}},
		{name: "sign-up", state: "refused", page: Page{Data: SignUpPage{Email: "ann@", Form: refused("email", "This is not a whole address. It needs something after the @.", "password", "This one is easy to guess. Three or four unrelated words work well.")}}},
		{name: "sign-up", state: "closed", site: closed, page: Page{Data: SignUpPage{}}},
		{name: "sign-up", state: "invitation", site: invited, page: Page{Data: SignUpPage{}}},
		{name: "sign-up-code", page: Page{Data: CodePage{Address: "ann@example.org"}}},
		{name: "sign-up-code", state: "refused", page: Page{Data: CodePage{Address: "ann@example.org", Form: refused("code", "This is not the code we sent. Check the newest e-mail.")}}},
		{name: "sign-up-confirm", page: Page{Data: SignUpConfirmPage{Ticket: "t"}}},
		{name: "sign-up-confirm", state: "elsewhere", page: Page{Data: SignUpConfirmPage{Ticket: "t", Login: "ann@example.org", AskPassword: true}}},
		{name: "welcome", page: Page{Data: WelcomePage{}}},
		{name: "welcome", state: "taken", page: Page{Data: WelcomePage{DisplayName: nasty, UserName: "ann", Form: refused("user_name", "This name is taken. Try another one.")}}},
		{name: "email-code", page: Page{Data: CodePage{Address: "ann@new.example.org"}}},
		{name: "notice-code", page: Page{Data: CodePage{Address: "bo@example.org", Form: refused("code", "The code has six digits.")}}},
		{name: "email-confirm", page: Page{Data: EmailConfirmPage{Ticket: "t", Address: "ann@new.example.org"}}},
		{name: "email-confirm", state: "notices", page: Page{Data: EmailConfirmPage{Ticket: "t", Address: "bo@example.org", ForNotices: true}}},
		{name: "deleting", page: Page{Data: DeletingPage{On: sampleNow.AddDate(0, 0, 7)}}},
		{name: "not-me", page: Page{Data: NotMePage{Ticket: "t", Device: nasty, Place: "Lyon", At: sampleNow}}},
		{name: "not-me", state: "refused", page: Page{Data: NotMePage{Email: "bo@example.org", Form: refused("email", "This is not the address of the account.")}}},
		{name: "not-me-done"},
		{name: "keep-second-step", page: Page{Data: KeepSecondStepPage{Ticket: "t", Due: sampleNow.AddDate(0, 0, 6)}}},
		{name: "keep-second-step", state: "refused", page: Page{Data: KeepSecondStepPage{Ticket: "t", Email: nasty, Form: refused("email", "This is not the address of the account.")}}},
		{name: "undo", page: Page{Data: UndoPage{Ticket: "t", NewAddress: "thief@example.net", Until: sampleNow.AddDate(0, 0, 5)}}},
		{name: "reset-ask", page: Page{Data: ResetAskPage{}}},
		{name: "reset-sent", page: Page{Data: ResetSentPage{Login: "ann@example.org"}}},
		{name: "reset-new", page: Page{Data: ResetNewPage{Ticket: "t", Login: "ann@example.org", SignOut: true}}},
		{name: "reset-new", state: "refused", page: Page{Data: ResetNewPage{Ticket: "t", SignOutFixed: true, Form: refused("password", "This one is easy to guess. Three or four unrelated words work well.")}}},
		{name: "reset-new", state: "counts", page: Page{Data: ResetNewPage{Ticket: "t", Login: "ann@example.org", SignOut: true, SignsOut: "2 browsers, 1 phone or tablet and 1 app"}}},
		{name: "reset-code", page: Page{Data: ResetCodePage{Ticket: "t", Login: "ann@example.org"}}},
		{name: "reset-code", state: "refused", page: Page{Data: ResetCodePage{Ticket: "t", Login: nasty, Form: refused("code", "That code isn’t right. Enter the newest one.")}}},
		{name: "auth", page: Page{Data: struct{}{}}},
		{name: "reset-done", page: Page{Data: ResetDonePage{SignedOut: true}}},
		{name: "reset-required", page: Page{Data: ResetRequiredPage{Happened: "On 8 September a copy of our user list was taken.", Exposed: "It held names and addresses in encrypted form. Passwords were not readable. We hold no payment data."}}},
		{name: "reset-required", state: "proved", page: Page{Data: ResetRequiredPage{Proved: true, Parts: sampleParts()}}},
		{name: "reset-required", state: "incident", page: Page{Data: ResetRequiredPage{Login: "ann", Parts: sampleParts()}}},
		{name: "notice-check", page: Page{Data: NoticePage{}}},
		{name: "notice-check", state: "refused", page: Page{Data: NoticePage{Email: nasty, Form: Form{Problem: "This address and this code do not belong together."}}}},
		{name: "notice-real", page: Page{Data: NoticeRealPage{Parts: sampleParts(), Sent: sampleNow}}},
		{name: "notice-real", state: "withdrawn", page: Page{Data: NoticeRealPage{Parts: sampleParts(), Sent: sampleNow, Withdrawn: true, Advises: true}}},
		{name: "console", page: Page{Data: ConsolePage{Progress: sampleProgress(), ResetRequired: true}}},
		{name: "console", state: "limited", page: Page{Data: ConsolePage{Form: Form{RetryAt: soon}, Progress: IncidentProgress{Path: "/incident", Holds: true, Paused: true}}}},
		{name: "setup", page: Page{Data: SetupPage{Ticket: "t"}}},
		{name: "invitation", page: Page{Data: InvitationPage{Ticket: "t"}}},
		{name: "invitation", state: "bound", page: Page{Data: InvitationPage{Ticket: "t", Email: "bo@example.org", Bound: true}}},
		{name: "consent", page: Page{Data: ConsentPage{Request: "r1", Account: "a1", App: "Jellyfin in the attic", Where: "jellyfin.example.org", Gets: []string{"learns that it is you", "sees your name and your user name", "sees your e-mail address"}, Stays: true, Called: "Ann", Address: "ann@example.org"}}},
		{name: "consent", state: "outside", page: Page{Data: ConsentPage{Request: "r1", Account: "a1", App: nasty, Outside: true, Called: "Ann", Address: "ann@example.org"}}},
		{name: "consent", state: "server", page: Page{Data: ConsentPage{Request: "r1", Account: "a1", App: nasty, Server: true, Where: "attic.example.org:32400", Gets: []string{"learns that it is you"}, Called: "Ann", Address: "ann@example.org"}}},
		{name: "consent", state: "switched", page: Page{Data: ConsentPage{Request: "r1", Account: "a1", App: nasty, Server: true, Outside: true, Called: nasty, Switched: true}}},
		{name: "consent", state: "closed", page: Page{Data: ConsentPage{Request: "r1", Account: "a1", App: nasty, Closed: true, Called: "Ann", Address: "ann@example.org"}}},
		{name: "consent", state: "app", page: Page{Data: ConsentPage{Request: "r1", Account: "a1", App: nasty, Gets: []string{"learns that it is you"}, Called: nasty, Address: "a.very.long.address.that.does.not.end@subdomain.department.example.org"}}},
		{name: "app-sign-out", page: Page{Data: AppSignOutPage{Request: "r1", Account: "a1", App: nasty, Where: "jellyfin.example.org", Called: "Ann"}}},
		{name: "app-sign-out", state: "nobody", page: Page{Data: AppSignOutPage{Request: "r1", Account: "a1", Called: nasty}}},
		{name: "return", page: Page{Data: ReturnPage{Action: "https://jellyfin.example.org/cb", Fields: []grant.Field{{Name: "code", Value: "x"}, {Name: "state", Value: nasty}}}}},
		{name: "message", page: Page{Data: MessagePage{Title: "Your address is restored", Icon: "check", Paragraphs: []string{"Everything is signed out.", "An e-mail to choose a new password is on its way."}, Action: &Link{"Sign in", "/sign-in"}, Back: &Link{"About e-mails that do not arrive", "/help/mail-does-not-arrive"}}}},
	}
}

func accountSamples() []sample {
	ann := &Person{Name: "Ann", Admin: true}
	other := &Person{Name: nasty}
	return []sample{
		{name: "account", page: Page{Person: ann, Data: AccountPage{Name: "Ann", UserName: "ann", Address: "ann@example.org", PasswordChanged: sampleNow.AddDate(0, -4, 0), Devices: 4, Events: sampleEvents()}}},
		{name: "account", state: "to-do", page: Page{Person: other, Notice: "Welcome. Your account is ready.", Data: AccountPage{Name: nasty, Address: "ann@example.org", PendingAddress: "ann@new.example.org", NoticeAddress: "bo@example.org", Devices: 1, ToDo: &ToDo{"Your new address waits", "Enter the code we sent to ann@new.example.org.", Link{"Enter the code", "/account/email/code"}}}}},
		{name: "profile", page: Page{Person: ann, Notice: "Your name is saved.", Data: ProfilePage{DisplayName: "Ann", UserName: "ann"}}},
		{name: "profile", state: "taken", page: Page{Person: ann, Data: ProfilePage{DisplayName: nasty, UserName: "bo", Form: refused("user_name", "This name is taken. Try another one.")}}},
		{name: "email", page: Page{Person: ann, Data: EmailPage{Address: "ann@example.org", Login: "ann", AskPassword: true}}},
		{name: "email", state: "pending", page: Page{Person: ann, Data: EmailPage{Address: "ann@example.org", PendingAddress: "ann@new.example.org", NoticeAddress: "bo@example.org", Form: refused("email", "This is not a whole address. It needs something after the @."), NewAddress: "ann@"}}},
		{name: "notice-address", page: Page{Person: ann, Nav: "email", Data: NoticeAddressPage{Address: "bo@example.org", AskPassword: true}}},
		{name: "notice-address", state: "pending", page: Page{Person: ann, Nav: "email", Data: NoticeAddressPage{Address: "bo@example.org", PendingAddress: nasty, AskPassword: true, Form: refused("remove_password", "That password isn’t right.")}}},
		{name: "password", page: Page{Person: ann, Data: PasswordPage{Login: "ann@example.org", AskCurrent: true, SignOut: true, Others: "2 browsers and 1 app"}}},
		{name: "password", state: "first", page: Page{Person: ann, Data: PasswordPage{Login: "ann@example.org", First: true, Next: "/account/email"}}},
		{name: "password", state: "refused", page: Page{Person: ann, Data: PasswordPage{AskCurrent: true, Form: refused("current", "This is not your password.")}}},
		{name: "passkeys", page: Page{Person: ann, Notice: "The passkey is made. You can sign in with it from now on.", Data: PasskeysPage{SecondStep: true, Passkeys: samplePasskeys()}}},
		{name: "passkeys", state: "empty", page: Page{Person: ann, Data: PasskeysPage{NoPassword: true}}},
		{name: "passkey-new", state: "no password", page: Page{Person: ann, Nav: "passkeys", Data: PasskeyNewPage{NoPassword: true}}},
		{name: "passkeys", state: "full", page: Page{Person: ann, Data: PasskeysPage{Full: true, Passkeys: samplePasskeys()[:1]}}},
		{name: "passkey-new", page: Page{Person: ann, Nav: "passkeys", Data: PasskeyNewPage{}}},
		{name: "passkey-new", state: "refused", page: Page{Person: ann, Nav: "passkeys", Data: PasskeyNewPage{Name: nasty, SecondStep: true, Form: Form{Problem: "This passkey is in use here already."}}}},
		{name: "passkey", page: Page{Person: ann, Nav: "passkeys", Data: PasskeyPage{Passkey: samplePasskeys()[0], Typed: "Bitwarden"}}},
		{name: "passkey", state: "alarm", page: Page{Person: ann, Nav: "passkeys", Data: PasskeyPage{Passkey: samplePasskeys()[2], Typed: nasty, Form: refused("name", "Write at most 64 characters, and no line breaks.")}}},
		{name: "passkey", state: "last", page: Page{Person: ann, Nav: "passkeys", Data: PasskeyPage{Passkey: samplePasskeys()[1], Typed: "x", Form: Form{Problem: "This is the only way into your account, which has no password. Set a password first, or make another passkey."}}}},
		{name: "app-passwords", page: Page{Person: ann, Data: AppPasswordsPage{SecondStep: true, Made: []AppPassword{
			{ID: "p1", Name: "Living room TV", Purpose: "Films on the wall", Made: sampleNow.AddDate(0, -2, 0), LastUsed: sampleNow.Add(-time.Hour)},
			{ID: "p2", Name: nasty, Made: sampleNow.Add(-time.Minute)},
			{ID: "p3", Name: "A player with a name that goes on and on without ever stopping for breath", Purpose: nasty, Made: sampleNow.AddDate(-1, 0, 0), LastUsed: sampleNow.AddDate(0, -1, 0)},
		}}}},
		{name: "app-passwords", state: "empty", page: Page{Person: ann, Data: AppPasswordsPage{}}},
		{name: "app-passwords", state: "full", page: Page{Person: ann, Notice: "The app password is gone.", Data: AppPasswordsPage{Full: true, Made: []AppPassword{{ID: "p1", Name: "Living room TV", Made: sampleNow}}}}},
		{name: "app-password-new", page: Page{Person: ann, Nav: "app-passwords", Data: AppPasswordNewPage{Login: "ann@example.org", AskPassword: true}}},
		{name: "app-password-new", state: "refused", page: Page{Person: ann, Nav: "app-passwords", Data: AppPasswordNewPage{Purpose: nasty, Form: refused("name", "Say which app it is for.")}}},
		{name: "app-password-made", page: Page{Person: ann, Nav: "app-passwords", Data: AppPasswordMadePage{Name: nasty, Login: "ann.walker@subdomain.department.example.org", Password: "usher-2345-6789-abcd-efgh-jklm-npqr-stuv"}}},
		{name: "apps", page: Page{Person: ann, Data: AppsPage{Apps: []ConnectedApp{
			{ID: "jellyfin", Name: "Jellyfin", Gets: []string{"learns that it is you", "sees your name and your user name"}, Since: sampleNow},
			{ID: "x", Name: nasty, Since: sampleNow.AddDate(-1, 0, 0)},
		}}}},
		{name: "apps", state: "empty", page: Page{Person: ann, Notice: "The app is removed.", Data: AppsPage{}}},
		{name: "devices", page: Page{Person: ann, Data: DevicesPage{Devices: sampleDevices(), Tally: "2 browsers and 1 app"}}},
		{name: "second-step", page: Page{Person: ann, Data: SecondStepPage{Login: "ann@example.org", AskPassword: true}}},
		{name: "second-step", state: "no password", page: Page{Person: ann, Data: SecondStepPage{NoPassword: true}}},
		{name: "second-step", state: "on", page: Page{Person: ann, Data: SecondStepPage{Login: "ann@example.org", Since: sampleNow.AddDate(0, -1, 0), Left: 10, Remembered: sampleRemembered()}}},
		{name: "second-step", state: "going", page: Page{Person: ann, Data: SecondStepPage{Since: sampleNow.AddDate(0, -1, 0), Left: 1, Urge: true, Removal: sampleNow.AddDate(0, 0, 6), Open: "codes", Form: refused("password", "That password isn’t right.")}}},
		{name: "second-step", state: "not off", page: Page{Person: ann, Data: SecondStepPage{Since: sampleNow.AddDate(0, -1, 0), Left: 0, Urge: true, Open: "off", Form: refused("off_code", "That code isn’t right.")}}},
		{name: "second-step-app", page: Page{Person: ann, Nav: "second-step", Data: AuthenticatorPage{Ticket: "t", Account: nasty, QR: sampleQR(), Key: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"}}},
		{name: "second-step-app", state: "refused", page: Page{Person: ann, Nav: "second-step", Data: AuthenticatorPage{Ticket: "t", Account: "ann@example.org", Form: refused("code", "That code isn’t right.")}}},
		{name: "second-step-codes", page: Page{Person: ann, Nav: "second-step", Data: RecoveryCodesPage{Ticket: "t", Account: "ann@example.org", Codes: sampleCodes()}}},
		{name: "second-step-codes", state: "new", page: Page{Person: ann, Nav: "second-step", Data: RecoveryCodesPage{Account: nasty, Codes: sampleCodes()}}},
		{name: "second-step-codes", state: "not stored", page: Page{Person: ann, Nav: "second-step", Data: RecoveryCodesPage{Ticket: "t", Form: refused("stored", "Tick this if you have stored the codes.")}}},
		{name: "second-step-codes", state: "remade", page: Page{Person: ann, Nav: "second-step", Data: RecoveryCodesPage{Ticket: "t", Account: nasty, Codes: sampleCodes(), Remade: true}}},
		{name: "account", state: "going", page: Page{Person: ann, Data: AccountPage{Name: "Ann", Address: "ann@example.org", Devices: 1, SecondStep: sampleNow.AddDate(0, -1, 0), RecoveryCodes: 1, Removal: sampleNow.AddDate(0, 0, 6)}}},
		{name: "api-docs", page: Page{Title: "Accounts, for programs", Data: APIDocsPage{openapi.Document{Text: "JSON in, JSON out.\n\nTwice.", Operations: []openapi.Operation{{
			Method: "POST", Path: "/api/v1/sign-in", Summary: "Sign a program in", Text: nasty, Shows: []string{"bearer", "basic"},
			Fields:  []openapi.Field{{Name: "login", Type: "text", Text: "E-mail address or user name", Required: true}},
			Answers: []openapi.Answer{{Status: "200", Text: "Signed in", Fields: []openapi.Field{{Name: "token", Type: "text"}, {Name: "account", Type: "object", Fields: []openapi.Field{{Name: "id", Type: "text"}}}}}, {Status: "429", Text: "Refused for now", Refused: true}},
		}}, Refusal: []openapi.Field{{Name: "title", Type: "text"}}, Problems: []openapi.Problem{{Name: "authorization-pending", Status: 400, Title: "Nobody has decided yet", Text: "Ask again after as many seconds as interval said."}}}}}},
		{name: "link", page: Page{Data: LinkPage{}}},
		{name: "link", state: "back", page: Page{Data: LinkPage{Code: "BCDF-GHJK", Back: Back{"https://subdomain.department.attic.example.org:8443/back", "subdomain.department.attic.example.org:8443"}}}},
		{name: "link", state: "refused", page: Page{Data: LinkPage{Code: "7rqz", Form: refused("user_code", "We don’t find this code. Codes work once and for 15 minutes: let the screen show a new one.")}}},
		{name: "link", state: "limited", page: Page{Data: LinkPage{Code: "BCDF-GHJK", Form: Form{RetryAt: sampleNow.Add(time.Hour)}}}},
		{name: "link-confirm", page: Page{Data: LinkConfirmPage{Device: "Living room", Product: "Jellyfin", Code: "7RQZ", Place: "Lyon, France", Asked: sampleNow.Add(-40 * time.Second), Age: "40 seconds ago", Minutes: 14}}},
		{name: "link-confirm", state: "app", page: Page{Data: LinkConfirmPage{Device: "Jellyfin in the attic", Code: "BCDF-GHJK", Asked: sampleNow, Age: "just now", Minutes: 14, Registered: true, Stays: true, Gets: []string{"learns that it is you", "sees your e-mail address"}}}},
		{name: "link-confirm", state: "elsewhere", page: Page{Data: LinkConfirmPage{Device: nasty, Code: "BCDF-GHJK", Place: "203.0.113.7", Asked: sampleNow.Add(-14 * time.Minute), Age: "14 minutes ago", Minutes: 1, Elsewhere: true, SecondStep: true}}},
		{name: "link-confirm", state: "password", page: Page{Data: LinkConfirmPage{Device: "Living room", Product: nasty, Asked: sampleNow, Age: "just now", Minutes: 15, Elsewhere: true, Login: "ann@example.org", Form: refused("password", "That password isn’t right.")}}},
		{name: "link-confirm", state: "web", page: Page{Data: LinkConfirmPage{Device: "Living room", Code: "BCDF-GHJK", Place: "Lyon, France", Asked: sampleNow, Age: "just now", Minutes: 15, Elsewhere: true, Web: true, Host: "a-player-with-a-very-long-name.of-somebody-somewhere.example.org:8096", Login: "ann@example.org"}}},
		{name: "link-confirm", state: "tv app", page: Page{Data: LinkConfirmPage{Device: nasty, Code: "7RQZ", Place: "Lyon, France", Asked: sampleNow, Age: "just now", Minutes: 15, Elsewhere: true, Web: true, SecondStep: true}}},
		{name: "link-confirm", state: "wait", page: Page{Data: LinkConfirmPage{Device: "Living room", Asked: sampleNow, Age: "just now", Minutes: 15, Elsewhere: true, Wait: true}}},
		{name: "link-allowed", page: Page{Data: LinkAllowedPage{}}},
		{name: "link-allowed", state: "back", page: Page{Data: LinkAllowedPage{Back{"https://attic.example.org/back?x=1", "attic.example.org"}}}},
		{name: "link-denied", page: Page{Data: struct{}{}}},
		{name: "remove-device", page: Page{Data: RemoveDevicePage{Ticket: "t", Device: nasty, At: sampleNow.Add(-time.Hour)}}},
		{name: "remove-device-done", page: Page{Data: struct{}{}}},
		{name: "tv", page: Page{Data: TVPage{}}},
		{name: "tv", state: "expired", page: Page{Data: TVPage{Why: "That code has expired.", Form: Form{RetryAt: sampleNow.Add(time.Hour)}}}},
		{name: "tv", state: "waiting", page: Page{Data: TVPage{Short: "7RQZ", Long: "BCDF-GHJK", QR: sampleQR(), Minutes: 14}}},
		{name: "tv", state: "greets", page: Page{Data: TVPage{Person: nasty}}},
		{name: "tv", state: "greets in a Home", page: Page{Data: TVPage{Person: nasty, Home: true}}},
		{name: "tv", state: "who", page: Page{Data: TVPage{Members: sampleMembers()}}},
		{name: "tv", state: "who, again", page: Page{Data: TVPage{Form: Form{Problem: "That person has left the Home."}, Members: sampleMembers()[:2]}}},
		{name: "tv", state: "PIN", page: Page{Data: TVPage{Asked: &HomeMember{ID: "m1", Name: nasty, Letter: "<"}}}},
		{name: "tv", state: "PIN, wrong", page: Page{Data: TVPage{Asked: &HomeMember{ID: "m1", Name: nasty}, Form: refused("pin", "That isn’t the PIN.")}}},
		{name: "tv", state: "PIN, too often", page: Page{Data: TVPage{Asked: &HomeMember{ID: "m1", Name: nasty}, Form: Form{RetryAt: sampleNow.Add(15 * time.Minute)}}}},
		{name: "tv", state: "PIN, locked", page: Page{Data: TVPage{Asked: &HomeMember{ID: "m1", Name: nasty, Managed: true}, Locked: true, Form: Form{Problem: "Too many wrong PINs."}}}},
		{name: "devices", state: "alone", page: Page{Person: ann, Notice: "Living room TV is signed out.", Data: DevicesPage{Devices: sampleDevices()[:1]}}},
		{name: "review", page: Page{Person: ann, Nav: "account", Data: ReviewPage{Address: "ann@example.org", NoticeAddress: "bo@example.org", Others: "2 browsers", Apps: 1, SecondStep: true, RecoveryLeft: 7, Passkeys: "Bitwarden, YubiKey", Next: "/account"}}},
		{name: "review", state: "bare", page: Page{Person: other, Nav: "account", Data: ReviewPage{Address: "ann@example.org", Next: "/account"}}},
		{name: "activity", page: Page{Person: ann, Data: ActivityPage{Events: sampleEvents(), Next: "/account/activity?before=x"}}},
		{name: "activity", state: "empty", page: Page{Person: ann, Data: ActivityPage{}}},
		{name: "data", page: Page{Person: ann, Data: DataPage{Login: "ann@example.org", AskPassword: true}}},
		{name: "data", state: "refused", page: Page{Person: ann, Data: DataPage{AskPassword: true, Form: refused("password", "This is not your password.")}}},
	}
}

func sampleMembers() (all []HomeMember) {
	for i, name := range []string{"Mara Lindqvist", "Ole", nasty, "Grandmother Aleksandra Konstantinopolska", "Kim"} {
		all = append(all, HomeMember{ID: "m" + strconv.Itoa(i), Name: name, Letter: name[:1], Picture: i, Managed: i == 4, Asks: i%2 == 0})
	}
	return all
}

func sampleServers() []Server {
	before := func(d time.Duration) time.Time { return sampleNow.Add(-d) }
	const day = 24 * time.Hour
	return []Server{
		{ID: "s1", Name: "attic-nas", Product: "Usher gate", Version: "1.0", Light: lightSuspended, Why: "It was signed out with everything else.", Seen: before(time.Hour), Claimed: before(90 * day), Place: "Lyon"},
		{ID: "s2", Name: nasty, Light: lightSuspended, Why: "You signed this server out.", Since: before(2 * time.Hour), Seen: before(time.Hour), Claimed: before(day)},
		{ID: "s3", Name: "summer-house", Version: "1.0", Light: lightOn, Seen: sampleNow, Claimed: before(20 * day), Place: "192.168.1.20", Addresses: []ServerAddress{{"https://media.subdomain.department.example.org:32400", true}, {"http://192.168.1.20:32400", false}}},
		{ID: "s4", Name: "A server with a name that goes on and on without ever stopping for breath", Product: nasty, Light: lightOff, Seen: before(40 * day), Claimed: before(400 * day)},
	}
}

func serverSamples() []sample {
	ann := &Person{Name: "Ann", Admin: true}
	all := sampleServers()
	page := func(name, state string, data any) sample {
		return sample{name: name, state: state, page: Page{Person: ann, Nav: "servers", Data: data}}
	}
	red := ClaimConfirmPage{Server: nasty, Owner: nasty, Code: "BCDF-GHJK", Place: "203.0.113.7", Asked: sampleNow.Add(-14 * time.Minute), Minutes: 1, Elsewhere: true, AskProof: true, SecondStep: true}
	wait, asked, first := red, red, red
	first.AskProof, first.First = false, true
	wait.Wait, asked.SecondStep, asked.Login, asked.Form = true, false, "ann@example.org", refused("password", "That password isn’t right.")
	madeAtServers := []AppPassword{{ID: "d1", Name: nasty, Purpose: "App password of attic", Made: sampleNow}, {ID: "d2", Name: "TV", Purpose: nasty, Made: sampleNow, LastUsed: sampleNow}}
	before := func(d time.Duration) time.Time { return sampleNow.Add(-d) }
	guests := []Guest{
		{ID: "g1", Label: "bo@example.org", Invited: sampleNow.AddDate(0, -1, 0), Came: true, Called: "boris", Seen: before(time.Hour), Household: true},
		{ID: "g2", Label: nasty, Invited: sampleNow, Ends: sampleNow.AddDate(0, 1, 0)},
		{ID: "g3", Label: "cy", Invited: sampleNow.AddDate(0, -2, 0), Lapsed: true},
		{ID: "g4", Label: "dora", Invited: sampleNow.AddDate(0, -2, 0), Came: true, Called: nasty, Ends: before(time.Hour), Ended: true},
	}
	shared := []SharedServer{
		{ID: "s8", Name: "summer-house", Owner: "boris", Household: true, Addresses: []string{"https://media.example.org", "http://192.168.1.20:32400"}},
		{ID: "s9", Name: nasty, Owner: nasty, Ends: sampleNow.AddDate(0, 1, 0), Closed: true},
	}
	invited := InvitationToServerPage{Server: shared[0], Gets: getsOf(mediaserver.Told()), Called: "Ann", Address: "ann@example.org"}
	nastily, in, inNastily := invited, invited, invited
	nastily.Server, in.In, inNastily.In, inNastily.Server = shared[1], true, true, shared[1]
	return []sample{
		page("claim", "", ClaimPage{}),
		page("claim", "refused", ClaimPage{Code: "7rqz", Form: refused("user_code", "We don’t find this code. Codes work once and for 15 minutes: let the screen show a new one.")}),
		page("claim", "full", ClaimPage{Code: "BCDF-GHJK", Form: Form{Problem: "Five claim tokens wait already."}}),
		page("claim-token", "", ClaimTokenPage{Token: "claim-0123456789abcdefghijklmnopqr", Until: sampleNow.Add(4 * time.Minute), Arrival: Arrival{Since: sampleNow.Unix(), Going: true}}),
		page("claim-arrival", "", ArrivalPage{Arrival{Going: true}}),
		page("claim-arrival", "over", ArrivalPage{}),
		page("claim-arrival", "here", ArrivalPage{Arrival{Servers: []Newcomer{{all[2], false}}}}),
		page("claim-arrival", "bare", ArrivalPage{Arrival{Servers: []Newcomer{{all[3], false}}}}),
		page("claim-arrival", "again", ArrivalPage{Arrival{Servers: []Newcomer{{all[2], true}, {all[3], true}}}}),
		{name: "claim-confirm", page: Page{Data: ClaimConfirmPage{Server: "attic-nas", Product: "Media server", Owner: "Ann", Code: "7RQZ", Place: "Lyon", Asked: sampleNow.Add(-40 * time.Second), Minutes: 14}}},
		{name: "claim-confirm", state: "first", page: Page{Data: ClaimConfirmPage{Server: "attic-nas", Owner: "Ann", Code: "7RQZ", Place: "Lyon", Asked: sampleNow, Minutes: 14, First: true}}},
		{name: "claim-confirm", state: "elsewhere", page: Page{Data: red}},
		{name: "claim-confirm", state: "elsewhere first", page: Page{Data: first}},
		{name: "claim-confirm", state: "wait", page: Page{Data: wait}},
		{name: "claim-confirm", state: "password", page: Page{Data: asked}},
		page("servers", "", ServersPage{Servers: all, Plain: sampleDevices()[3:4], Waiting: 2, Settled: 2}),
		page("servers", "new ones", ServersPage{Servers: all, Waiting: 3, Settled: 2}),
		page("servers", "one old", ServersPage{Servers: all, Waiting: 2, Settled: 1}),
		page("servers", "empty", ServersPage{}),
		page("servers", "one waits", ServersPage{Servers: all[:1], Waiting: 1}),
		page("servers", "on", ServersPage{Servers: all[2:]}),
		page("servers", "shared", ServersPage{Servers: all[2:], Shared: shared, Invited: shared[1:]}),
		page("servers", "invited", ServersPage{Invited: shared}),
		{name: "server-invitation", page: Page{Data: InvitationToServerPage{Out: true, Server: SharedServer{ID: "s8"}}}},
		page("server-invitation", "open", invited),
		page("server-invitation", "nasty", nastily),
		page("server-invitation", "in", in),
		page("server-invitation", "in, closed", inNastily),
		page("server-guest", "", ServerGuestPage{ID: "s1", Name: "attic", Guest: guests[1], ServerTerms: ServerTerms{Until: "2026-12-31", First: "2026-03-14", Last: "2036-03-20"}}),
		page("server-guest", "late", ServerGuestPage{ID: "s1", Name: "attic", Guest: guests[1], ServerTerms: ServerTerms{Until: "2026-12-31"}, Proof: Proof{AskPassword: true, AskCode: true, Late: true, Login: "ann@example.org"}}),
		page("server-guest", "came", ServerGuestPage{ID: "s1", Name: nasty, Guest: guests[0], ServerTerms: ServerTerms{Household: true}, Proof: Proof{AskPassword: true, Login: "ann@example.org"}}),
		page("server-guest", "refused", ServerGuestPage{ID: "s1", Name: "attic", Guest: guests[3], ServerTerms: ServerTerms{Form: refused("until", endRefused), Until: "yesterday"}}),
		page("server", "", ServerPage{Server: all[2], Guests: guests}),
		page("server", "suspended", ServerPage{Server: all[1], Full: true}),
		page("server", "refused", ServerPage{Server: all[3], Address: nasty, Form: refused("address", "An address begins with https://.")}),
		page("server", "types", ServerPage{Server: all[2], Types: true}),
		page("server-password", "", ServerPasswordPage{ID: "s1", Server: nasty, Owner: true, Types: true, Made: madeAtServers, QR: sampleQR()}),
		page("server-password", "guest", ServerPasswordPage{ID: "s1", Server: "attic", QR: sampleQR()}),
		page("server-password", "refused", ServerPasswordPage{ID: "s1", Server: "attic", Proof: Proof{AskPassword: true, Login: "ann@example.org"}, QR: sampleQR(), Form: refused("name", "Say which app it is for.")}),
		page("server-password-made", "", ServerPasswordMadePage{ID: "s1", Server: nasty, Name: nasty, Addresses: []string{"https://attic.example.org:32400", "http://192.168.1.20:32400"}, Login: "ann.walker", Password: "gate-2345-6789-abcd-efgh-jklm-npqr-stuv"}),
		page("server-password-made", "nowhere", ServerPasswordMadePage{ID: "s1", Server: "attic", Name: "TV", Login: "ann.walker", Password: "gate-2345-6789-abcd-efgh-jklm-npqr-stuv"}),
		page("server-password-made", "number", ServerPasswordMadePage{ID: "s1", Server: "attic", Name: "TV", Login: "06gvsqgj3mjf1qrni1k83u9ts8", ByNumber: true, Password: "gate-2345-6789-abcd-efgh-jklm-npqr-stuv"}),
		page("server-password-made", "directory", ServerPasswordMadePage{ID: "s1", Server: nasty, Name: nasty, BindName: "uid=ann.walker,ou=people,dc=usher", Base: "dc=usher", Login: "ann.walker", Password: "gate-2345-6789-abcd-efgh-jklm-npqr-stuv"}),
		page("app-passwords", "at servers", AppPasswordsPage{AtServers: madeAtServers}),
		page("server-access", "", ServerAccessPage{ID: "s1", Name: nasty}),
		page("server-access", "late", ServerAccessPage{ID: "s1", Name: "attic", Who: nasty, Proof: Proof{AskPassword: true, Late: true, Login: "ann@example.org"}}),
		page("server-access", "refused", ServerAccessPage{ID: "s1", Name: "attic", Who: nasty, Proof: Proof{AskPassword: true, Login: "ann@example.org"}, ServerTerms: ServerTerms{Form: refused("who", "A user name has 3 to 32 letters.")}}),
		page("account", "server waits", AccountPage{Name: "Ann", Address: "ann@example.org", Devices: 1, Servers: 2, ToDo: serversToDo(1)}),
		page("account", "servers wait", AccountPage{Name: "Ann", Address: "ann@example.org", Devices: 1, Servers: 2, ToDo: serversToDo(2)}),
		page("password", "servers", PasswordPage{SignOut: true, Others: "2 browsers", Servers: 2}),
		page("devices", "servers", DevicesPage{Devices: sampleDevices()[:1], Servers: 1}),
		{name: "reset-new", state: "servers", page: Page{Data: ResetNewPage{SignOut: true, Servers: 1}}},
		{name: "admin-account", state: "servers", page: Page{Person: ann, Nav: "admin-accounts", Data: AdminAccountPage{AccountRow: sampleRows()[1], Servers: []AdminServer{
			{ID: "s1", Name: nasty, Why: "signed out with everything else", Seen: sampleNow, Claimed: sampleNow}, {ID: "s2", Name: "attic-nas", Seen: sampleNow, Claimed: sampleNow},
		}}}},
	}
}

func sampleRemembered() []RememberedBrowser {
	return []RememberedBrowser{
		{"r1", "Firefox on Linux · Lyon", sampleNow.AddDate(0, 0, -2), sampleNow.AddDate(0, 0, 28)}, {"r2", nasty, sampleNow.AddDate(0, 0, -29), sampleNow.AddDate(0, 0, 1)},
	}
}

func sampleQR() template.HTML {
	picture, err := drawQR(mfa.Address("Usher", "ann@example.org", secret.TokenOf("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")), qrForApp)
	if err != nil {
		return template.HTML(err.Error())
	}
	return picture
}

func sampleCodes() (all []string) {
	for i := range mfa.RecoveryCodes {
		all = append(all, mfa.Recovery{Selector: strconv.Itoa(i), Rest: secret.TokenOf("ABCDEFGHJKLMN")}.Text().Reveal())
	}
	return all
}

func sampleMails() []QueuedMail {
	return []QueuedMail{
		{ID: "m1", What: "Confirm address", To: "a…@example.org", State: "waiting", Queued: sampleNow, Retry: true},
		{ID: "m2", AccountID: "a2", What: "New device signed in", To: "b…@example.net", State: "waiting", Queued: sampleNow.Add(-3 * time.Hour), NextTry: sampleNow.Add(time.Hour), Tries: 4, Problem: "451 4.7.1 Try again later " + nasty, Retry: true},
		{ID: "m3", AccountID: "a2", What: "Password changed", State: "refused", Queued: sampleNow.Add(-4 * time.Hour), Done: sampleNow, Tries: 1, Problem: "550 5.1.1 " + nasty},
	}
}

func sampleParts() []notice.Part {
	p := notice.DefaultParts("usher.example.org", "help@usher.example.org")
	p.Happened = "On 8 September a copy of our user list was taken.\n\n" + nasty
	return p.List()
}

func sampleProgress() IncidentProgress {
	p := IncidentProgress{Covered: 1204311, Mailed: 800000, Back: 310000, Waiting: 894311, Declared: sampleNow.Add(-time.Hour), Holds: true, Path: "/incident"}
	p.bar()
	return p
}

func incidentSamples() []sample {
	ann := &Person{Name: "Ann", Admin: true}
	row := IncidentRow{ID: "i1", Everybody: true, State: "open", By: nasty, Second: "Bea", Accounts: 1204311, Made: sampleNow, Declared: sampleNow}
	proposed := IncidentRow{ID: "i2", Everybody: true, State: "proposed", By: "Bea", Accounts: 12, Made: sampleNow}
	form := AdminIncidentNewPage{Action: "require", Whom: "all", Path: "/admin/incidents/i4/draft", Parts: partFields(notice.DefaultParts("usher.example.org", ""), nil)}
	var miscounted Form
	miscounted.Refuse("count", "Nothing was declared: that is not the number of accounts.")
	wrong := form
	wrong.Whom, wrong.Names = "list", "ann@example.org\n"+nasty
	wrong.Parts = partFields(notice.Parts{Happened: nasty}, []*notice.PartError{{Key: notice.DataHappened, Sentence: "Leave links out."}, {Key: notice.DataDoing, Sentence: "Write something here."}})
	return []sample{
		{name: "admin-incidents", page: Page{Person: ann, Data: AdminIncidentsPage{Rows: []IncidentRow{row, proposed, {ID: "i3", Advises: true, State: "withdrawn", By: "Ann", Accounts: 3, Declared: sampleNow, Ended: sampleNow}, {ID: "i4", State: "draft", By: "you", Made: sampleNow}}, Next: "/admin/incidents?before=x"}}},
		{name: "admin-incidents", state: "empty", page: Page{Person: ann, Data: AdminIncidentsPage{}}},
		{name: "admin-incident-new", page: Page{Person: ann, Nav: "admin-incidents", Data: form}},
		{name: "admin-incident-draft", page: Page{Person: ann, Nav: "admin-incidents", Data: AdminIncidentDraftPage{AdminIncidentNewPage: form, ID: "i4", Everybody: true, Ready: true, Accounts: 1204311, Admins: 2, Shown: sampleParts(), Subject: "Your account with Usher needs a new password", Mail: "Your account …\n\nWhat happened\n" + nasty}}},
		{name: "admin-incident-draft", state: "wrong", page: Page{Person: ann, Nav: "admin-incidents", Data: AdminIncidentDraftPage{AdminIncidentNewPage: wrong, ID: "i4", Form: Form{Problem: "The notice cannot be sent like that. See below."}, Unknown: 2, Lines: []string{"2", "7"}}}},
		{name: "admin-incident-draft", state: "miscounted", page: Page{Person: ann, Nav: "admin-incidents", Data: AdminIncidentDraftPage{AdminIncidentNewPage: form, Form: miscounted, ID: "i4", Ready: true, Accounts: 1, Admins: 1, Shown: sampleParts()}}},
		{name: "admin-incident", page: Page{Person: ann, Nav: "admin-incidents", Data: AdminIncidentPage{IncidentRow: row, Progress: sampleProgress(), Rows: sampleRows(), Next: "/admin/incidents/i1?after=x", Parts: sampleParts()}}},
		{name: "admin-incident", state: "proposed", page: Page{Person: ann, Nav: "admin-incidents", Data: AdminIncidentPage{IncidentRow: proposed, Parts: sampleParts(), Form: Form{Problem: "You proposed this yourself."}}}},
		{name: "admin-incident", state: "withdrawn", page: Page{Person: ann, Nav: "admin-incidents", Data: AdminIncidentPage{IncidentRow: IncidentRow{ID: "i3", Advises: true, State: "withdrawn", By: "Ann", Alone: true, Ended: sampleNow}, Progress: IncidentProgress{Path: "/admin/incidents/i3"}}}},
	}
}

func clientSamples() []sample {
	ann := &Person{Name: "Ann", Admin: true}
	row := ClientRow{ID: "jellyfin", Name: nasty, Registered: sampleNow}
	tv := ClientRow{ID: "tv", Name: "TV", Public: true, Configured: true, Registered: sampleNow}
	full := AdminClientPage{
		ClientRow: row, Proof: authWords[relyingparty.Basic], RedirectURIs: []string{"https://jf.example.org/cb", "http://127.0.0.1/cb"}, PostLogoutURIs: []string{"https://jf.example.org/", "https://jf.example.org/bye"},
		MayAsk: []string{scopeWords[relyingparty.OpenID], scopeWords[relyingparty.Email]}, MayDo: []string{grantWords[relyingparty.Code], grantWords[relyingparty.Refresh]},
		LogoutURI: "http://10.0.0.7/out", TrustedPrivate: true, FirstParty: true, HasSecret: true, Secrets: []time.Time{sampleNow, sampleNow.AddDate(-1, 0, 0)},
	}
	bare, crowded := full, full
	full.Untold, crowded.Untold, crowded.ManyUntold = 12, 1000, true
	bare.Secrets, bare.FirstParty, bare.LogoutURI, bare.RedirectURIs, bare.PostLogoutURIs, bare.Problem = nil, false, "", nil, nil, "This app proves itself without a secret."
	crowded.Full = true
	usual := newForm(relyingparty.Client{Auth: relyingparty.Basic, Scopes: []relyingparty.Scope{relyingparty.OpenID}, Grants: []relyingparty.Grant{relyingparty.Code}})
	wrong := changeForm(relyingparty.Client{ID: "jellyfin", Name: nasty, RedirectURIs: []string{nasty, "https://*.example.org"}, Keys: nasty, LogoutURI: "ftp://x", TrustedPrivate: true, FirstParty: true})
	for _, field := range []string{"name", "redirect_uris", "auth", "keys", "scopes", "grants", "post_logout_uris", "logout_uri", "first_party"} {
		wrong.Refuse(field, "Only the plain characters of an address may stand in it.")
	}
	taken := usual
	taken.Refuse("id", "An app has this id.")
	return []sample{
		{name: "admin-clients", page: Page{Person: ann, Data: AdminClientsPage{Rows: []ClientRow{row, tv}, Next: "/admin/clients?after=x", First: "/admin/clients"}}},
		{name: "admin-clients", state: "empty", page: Page{Person: ann, Data: AdminClientsPage{}}},
		{name: "admin-client", page: Page{Person: ann, Nav: "admin-clients", Data: full}},
		{name: "admin-client", state: "configured", page: Page{Person: ann, Nav: "admin-clients", Data: AdminClientPage{ClientRow: tv, Proof: authWords[relyingparty.None]}}},
		{name: "admin-client", state: "without a secret", page: Page{Person: ann, Nav: "admin-clients", Data: bare}},
		{name: "admin-client", state: "full", page: Page{Person: ann, Nav: "admin-clients", Data: crowded}},
		{name: "admin-client-form", page: Page{Person: ann, Nav: "admin-clients", Data: usual}},
		{name: "admin-client-form", state: "wrong", page: Page{Person: ann, Nav: "admin-clients", Data: wrong}},
		{name: "admin-client-form", state: "taken", page: Page{Person: ann, Nav: "admin-clients", Data: taken}},
		{name: "admin-client-secret", page: Page{Person: ann, Nav: "admin-clients", Data: AdminClientSecretPage{ID: "jellyfin", Name: nasty, Secret: "0123456789abcdefghijklmnopqrstuv0123456789abcdefghij", First: true}}},
		{name: "admin-client-secret", state: "another", page: Page{Person: ann, Nav: "admin-clients", Data: AdminClientSecretPage{ID: "jellyfin", Name: "Jellyfin", Secret: "0123456789abcdefghijklmnopqrstuv0123456789abcdefghij"}}},
	}
}

func adminSamples() []sample {
	ann := &Person{Name: "Ann", Admin: true}
	figures := []Figure{{"Accounts", 1204311, "/admin/accounts"}, {"Being deleted", 312, "/admin/accounts?state=deleting"}, {"Locked", 9, "/admin/accounts?state=locked"}, {"Mails waiting", 0, "/admin/mail"}}
	checks := []Check{{"Database", true, "Answers in 1 ms."}, {"Mail", true, "The last mail left a minute ago."}, {"Keys", true, "The key ring can be read."}}
	return []sample{
		{name: "admin", page: Page{Person: ann, Data: AdminPage{Figures: figures, Checks: checks, Started: sampleNow, Version: "1.0", Database: "PostgreSQL"}}},
		{name: "admin", state: "ill", page: Page{Person: ann, Data: AdminPage{Figures: figures, Checks: append(checks[:2:2], Check{"Keys", false, "The key ring cannot be read."}), Started: sampleNow, Version: "1.0", Database: "SQLite"}}},
		{name: "admin-accounts", page: Page{Person: ann, Data: AdminAccountsPage{Rows: sampleRows(), AnyPart: true, State: "active", Next: "/admin/accounts?after=x", First: "/admin/accounts"}}},
		{name: "admin-accounts", state: "searched", page: Page{Person: ann, Data: AdminAccountsPage{Rows: sampleRows(), Query: nasty, State: "locked", AnyPart: true, Next: "/admin/accounts?search=yes&before=x"}}},
		{name: "admin-accounts", state: "empty", page: Page{Person: ann, Data: AdminAccountsPage{Query: nasty}}},
		{name: "admin-accounts", state: "problem", page: Page{Person: ann, Data: AdminAccountsPage{Query: "a", Problem: "This search took too long. Search for more of the name."}}},
		{name: "admin-account", page: Page{Person: ann, Nav: "admin-accounts", Data: AdminAccountPage{AccountRow: sampleRows()[1], SecondStep: true, RecoveryCodes: 9, NoticeAddress: "bo@example.org", LockedUntil: sampleNow.Add(time.Hour), Devices: sampleDevices()[1:4], Events: sampleEvents()}}},
		{name: "admin-account", state: "locked and deleting", page: Page{Person: ann, Nav: "admin-accounts", Data: AdminAccountPage{AccountRow: sampleRows()[2], SecondStep: true, RecoveryCodes: 1, RemovalOn: sampleNow.AddDate(0, 0, 3), DeletingOn: sampleNow.AddDate(0, 0, 5), PasswordOff: true, Mail: sampleMails()}}},
		{name: "admin-account", state: "refused", page: Page{Person: ann, Nav: "admin-accounts", Data: AdminAccountPage{AccountRow: sampleRows()[0], Problem: "Nobody else administers this service."}}},
		{name: "admin-account", state: "self", page: Page{Person: ann, Nav: "admin-accounts", Data: AdminAccountPage{AccountRow: sampleRows()[0], Self: true}}},
		{name: "admin-account", state: "deleting", page: Page{Person: ann, Nav: "admin-accounts", Data: AdminAccountPage{AccountRow: sampleRows()[3], ResetRequired: true, DeletingOn: sampleNow.AddDate(0, 0, 5)}}},
		{name: "admin-invitations", page: Page{Person: ann, Data: AdminInvitationsPage{NewLink: "https://usher.example.org/invitation?ticket=0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdef", Next: "/admin/invitations?after=x", Rows: []Invitation{
			{"i1", "bo@example.org", "Ann", sampleNow, sampleNow.AddDate(0, 0, 7)}, {"i2", "", nasty, sampleNow, sampleNow.AddDate(0, 0, 7)}}}}},
		{name: "admin-invitations", state: "closed", site: func(s *Site) { s.SignUp = SignUpClosed }, page: Page{Person: ann, Data: AdminInvitationsPage{}}},
		{name: "admin-invitations", state: "empty", site: func(s *Site) { s.SignUp = SignUpInvitation }, page: Page{Person: ann, Data: AdminInvitationsPage{Email: "bo@", Form: refused("email", "This is not a whole address. It needs something after the @.")}}},
		{name: "admin-mail", page: Page{Person: ann, Data: AdminMailPage{Figures: figures[3:], State: "waiting", Next: "/admin/mail?after=x", Rows: sampleMails()[:2]}}},
		{name: "admin-mail", state: "refused", page: Page{Person: ann, Data: AdminMailPage{State: "refused", First: "/admin/mail?state=refused", Rows: sampleMails()[2:]}}},
		{name: "admin-mail", state: "none refused", page: Page{Person: ann, Data: AdminMailPage{State: "refused"}}},
		{name: "admin-mail", state: "outbox", page: Page{Person: ann, Data: AdminMailPage{State: "waiting", Outbox: true}}},
		{name: "admin-audit", page: Page{Person: ann, Data: AdminAuditPage{Act: "sign-in", Acts: []ActChoice{{"lock", "Account locked"}, {"sign-in", "Signed in"}}, First: "/admin/audit", Next: "/admin/audit?after=x", Rows: []AuditRow{
			{sampleNow, "sign-in", "the person", "a1", "Ann", nasty, "203.0.113.0/24"}, {sampleNow.Add(-time.Hour), "lock", "Ann", "a2", "", "", ""}, {sampleNow, "key rotated", "the shell", "", "", "", ""}}}}},
		{name: "admin-audit", state: "empty", page: Page{Person: ann, Data: AdminAuditPage{Account: "zed"}}},
		{name: "admin-audit", state: "problem", page: Page{Person: ann, Data: AdminAuditPage{Account: nasty, Problem: "Nobody has this address or user name."}}},
	}
}

func errorSamples() []sample {
	var all []sample
	add := func(state string, e ErrorPage) {
		e.Request = "k3v9q2m8x1ab"
		all = append(all, sample{name: "error", state: state, status: e.Status, page: Page{Data: e}})
	}
	for _, status := range []int{400, 403, 404, 405, 409, 410, 413, 421, 500, 502, 418} {
		add(http.StatusText(status), ErrorPage{Status: status})
	}
	add("limited", ErrorPage{Status: 429, RetryAt: sampleNow.Add(time.Hour)})
	add("busy", ErrorPage{Status: 503, RetryAt: sampleNow.Add(time.Minute)})
	add("own-words", ErrorPage{Status: 404, Title: "This link is used up", Sentence: nasty})
	add("proxy", ErrorPage{Status: 500, Kind: request.RefusedProxy, Peer: "10.0.0.1"})
	for kind := range refusalWords {
		add("refused-"+kind, ErrorPage{Status: 400, Kind: kind})
	}
	return all
}

func helpSamples() []sample {
	all := []sample{{name: "help/index", page: Page{Title: "Help"}}}
	for name, title := range map[string]string{"help/a-tv": "Signing in on a TV", "help/claiming-a-server": "Claiming a media server"} {
		all = append(all, sample{name: name, state: "same network", page: Page{Title: title}, site: func(s *Site) { s.SameNetwork = true }})
	}
	for _, h := range helpPages {
		all = append(all, sample{name: "help/" + h.Name, page: Page{Title: h.Title}})
	}
	for _, mode := range []SignUpMode{SignUpInvitation, SignUpClosed} {
		for name, title := range map[string]string{"help/creating-an-account": helpPages[0].Title, "help/sharing-a-server": "Sharing a media server"} {
			all = append(all, sample{name: name, state: string(mode), page: Page{Title: title}, site: func(s *Site) { s.SignUp, s.Senders = mode, nil }})
		}
	}
	return all
}

func samples() []sample {
	var all []sample
	for _, group := range [][]sample{stageSamples(), outsideSamples(), homeSamples(&Person{Name: "Ann"}), accountSamples(), serverSamples(), adminSamples(), incidentSamples(), clientSamples(), errorSamples(), helpSamples()} {
		all = append(all, group...)
	}
	return all
}
