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
	"browser":             "That browser is asked for a code again.",
	"browsers":            "Every browser is asked for a code again.",
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
