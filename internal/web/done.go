package web

import "net/http"

// accountDone says on the next page what a form on an account page has done. The keys travel in the address, so they say nothing about
// anybody.
var accountDone = map[string]string{
	"profile":             "Your profile is saved.",
	"email":               "Your new address is saved. The old one is told too.",
	"email-kept":          "Your address stays as it is.",
	"code":                "A new code is on its way.",
	"notice":              "Your second address is saved.",
	"notice-removed":      "The second address is removed.",
	"password":            "Your new password is saved.",
	"password-everywhere": "Your new password is saved, and everything else is signed out.",
	"second-step-on":      "The second step is on. The next sign-in asks for a code.",
	"second-step-off":     "The second step is off. Your password alone opens your account.",
	"second-step-kept":    "The second step stays. Nothing is removed.",
	"linked":              "It opens your account from now on.",
	"unlinked":            "It opens your account no longer.",
	"always":              "The code is asked for after every sign-in from now on.",
	"seldom":              "The code is not asked for after signing in with another service.",
	"browser":             "That browser is asked for a code again.",
	"browsers":            "Every browser is asked for a code again.",
	"passkey":             "The passkey is made. You can sign in with it from now on.",
	"passkey-name":        "The name is saved.",
	"passkey-kept":        "The passkey stays.",
	"passkey-gone":        "The passkey is removed. Nobody can sign in with it any more.",
	"device":              "The device is signed out.",
	"devices":             "Everything else is signed out.",
	"app-password":        "The app password is gone.",
	"app":                 "The app is removed. It asks you again next time.",
	"proved":              "Thank you. You can download your data now.",
	"kept":                "Your account stays. On your other devices you sign in again.",
}

// done is the sentence for the key in the address; empty for a key that is not in the table.
func done(r *http.Request, sentences map[string]string) string {
	return sentences[r.URL.Query().Get("done")]
}

// homeDone is accountDone for the pages of the Home.
var homeDone = map[string]string{
	"invited":    "The invitation is on its way, if somebody has that address or user name.",
	"added":      "They are in your Home.",
	"joined":     "You are in.",
	"declined":   "You said no. Nobody is told.",
	"ended":      "Your Home has ended. Whatever was switched is signed out.",
	"left":       "You left the Home. Whatever was switched to you is signed out.",
	"change":     "The new name and picture are saved.",
	"pin":        "The PIN is asked from now on.",
	"no-pin":     "No PIN is asked any more.",
	"unlock":     "It is unlocked. The PIN counts again.",
	"taken-back": "The invitation is taken back.",
	"remove":     "They are no longer in your Home. Whatever was switched is signed out.",
	"signed-out": "It is signed out.",
}
