package web

import "net/http"

func sampleButtons(before, verb string) OutsideButtons {
	return OutsideButtons{
		Services: []OutsideService{{ID: "google", Name: "Google"}, {ID: "apple", Name: "Apple"}, {ID: "facebook", Name: "Facebook"}, {ID: "club", Name: "Film club", Logo: "/sign-in/with/club/logo"}, {ID: "x", Name: "A very long name of a service that never ends"}},
		Before:   before, Verb: verb,
	}
}

// outsideSamples are the pages of who comes by another service.
func outsideSamples() []sample {
	with := sampleButtons("/sign-in/with/", "Continue with")
	alone := with
	alone.Alone, alone.Primary, alone.Next = true, true, "/sign-in/join"
	again := sampleButtons("/sign-in/again/with/", "Continue with")
	again.Alone, again.Primary = true, true
	confirm := sampleButtons("/sign-in/confirm/with/", "Confirm with")
	confirm.Alone, confirm.Primary = true, true
	add := sampleButtons("/account/sign-in-ways/link/", "Add")
	add.Alone = true
	ann := &Person{Name: "Ann"}
	linked := []LinkedService{
		{ID: "i1", Service: OutsideService{ID: "google", Name: "Google"}, Address: "ann@gmail.com", Since: sampleNow.AddDate(0, -3, 0), Used: sampleNow, Offered: true},
		{ID: "i2", Service: OutsideService{ID: "gone", Name: nasty}, Since: sampleNow.AddDate(-1, 0, 0)},
	}
	happened := ResetRequiredPage{Happened: "A copy of our user list was taken on 8 September.", Exposed: "Nothing that opens an account was readable."}
	return []sample{
		{name: "sign-in", state: "services", page: Page{Data: SignInPage{Outside: with}}},
		{name: "sign-up", state: "services", page: Page{Data: SignUpPage{Outside: with}}},
		{name: "invitation", state: "services", page: Page{Data: InvitationPage{Ticket: "t", Outside: with}}},
		{name: "sign-in-again", state: "services", page: Page{Data: SignInAgainPage{Login: "ann@example.org", NoPassword: true, Back: "/account", Outside: again}}},
		{name: "newcomer", page: Page{Data: NewcomerPage{Service: "Google", Address: "ann@gmail.com", Name: nasty}}},
		{name: "newcomer", state: "taken", page: Page{Data: NewcomerPage{Service: "Google", Address: "ann@gmail.com", Taken: true}}},
		{name: "newcomer", state: "closed", status: http.StatusForbidden, page: Page{Data: NewcomerPage{Service: "Google", Address: "ann@gmail.com", Closed: "There are no new accounts at the moment."}}},
		{name: "newcomer", state: "held", page: Page{Data: NewcomerPage{Service: "Google", Address: "ann@gmail.com", Form: Form{Problem: "This address belonged to another account until lately, and is held for it some days longer."}}}},
		{name: "newcomer-address", page: Page{Data: NewcomerAddressPage{Service: "Facebook", Email: "ann@example.org"}}},
		{name: "newcomer-address", state: "refused", page: Page{Data: NewcomerAddressPage{Service: "Facebook", Email: nasty, Form: refused("email", "This does not look like an e-mail address.")}}},
		{name: "newcomer-code", page: Page{Data: NewcomerCodePage{Service: "Facebook", Address: "ann@example.org"}}},
		{name: "newcomer-code", state: "refused", page: Page{Data: NewcomerCodePage{Service: "Facebook", Address: "ann@example.org", Form: refused("code", "The code has six digits.")}}},
		{name: "join", page: Page{Data: JoinPage{Service: "Google", Address: "ann@example.org"}}},
		{name: "join", state: "refused", page: Page{Data: JoinPage{Service: nasty, Address: "ann@example.org", Form: refused("password", "That password isn’t right.")}}},
		{name: "join", state: "signed in", page: Page{Data: JoinPage{Service: "Google", Address: "ann@example.org", Signed: true}}},
		{name: "join", state: "no password", page: Page{Data: JoinPage{Service: "Apple", Address: "ann@example.org", NoPassword: true, Buttons: alone}}},
		{name: "join", state: "no way", page: Page{Data: JoinPage{Service: "Apple", Address: "ann@example.org", NoPassword: true}}},
		{name: "sign-in-confirm", page: Page{Data: SignInConfirmPage{ResetRequiredPage: happened, Buttons: confirm}}},
		{name: "sign-in-confirm", state: "passkey", page: Page{Data: SignInConfirmPage{ResetRequiredPage: happened, Passkey: &PasskeyForm{Action: "/sign-in/confirm/passkey", Label: "Confirm with a passkey"}}}},
		{name: "sign-in-confirm", state: "no way", page: Page{Data: SignInConfirmPage{ResetRequiredPage: happened}}},
		{name: "sign-in-ways", page: Page{Person: ann, Data: SignInWaysPage{Buttons: add}}},
		{name: "sign-in-ways", state: "none set up", page: Page{Person: ann, Data: SignInWaysPage{}}},
		{name: "sign-in-ways", state: "linked", page: Page{Person: ann, Notice: "It opens your account from now on.", Data: SignInWaysPage{Linked: linked, Buttons: add, SecondStep: true}}},
		{name: "sign-in-ways", state: "last", page: Page{Person: ann, Data: SignInWaysPage{Linked: linked[:1], NoPassword: true, Last: true, Form: Form{Problem: "This is the only way into your account. Choose a password or make a passkey first."}}}},
		{name: "sign-in-ways", state: "unproved", page: Page{Person: ann, Data: SignInWaysPage{Unproved: true, Buttons: add}}},
	}
}
