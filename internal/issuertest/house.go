// Package issuertest is, for tests, where people have accounts elsewhere: certified OpenID issuers on loopback (npm's oidc-provider) that answer as Google, as Apple or as
// any other does, and misbehave as told; and a stand-in for Facebook that answers as its documentation says. It refuses to know what is done with an answer.
package issuertest

// Test is the part of testing.TB that is needed here, so that a story can have issuers too.
type Test interface {
	Helper()
	Cleanup(end func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// House has one issuer of each kind. They end with the test.
type House struct {
	Google   *Issuer
	Apple    *Issuer
	Studio   *Issuer // a plain OpenID issuer
	Club     *Issuer // another one, as good as the first
	Facebook *Facebook
}

// Start opens a House.
func Start(t Test) *House {
	t.Helper()
	return &House{Google: StartGoogle(t), Apple: StartApple(t), Studio: StartOpenID(t, "studio"), Club: StartOpenID(t, "club"), Facebook: StartFacebook(t)}
}

// StartGoogle opens an issuer that answers as Google does.
func StartGoogle(t Test) *Issuer {
	t.Helper()
	return start(t, "google", google)
}

// StartApple opens an issuer that answers as Apple does.
func StartApple(t Test) *Issuer {
	t.Helper()
	i := start(t, "apple", apple)
	i.apple = newTeam(t)
	return i
}

// StartOpenID opens a plain issuer of that name. Two of different names share nothing.
func StartOpenID(t Test, name string) *Issuer {
	t.Helper()
	return start(t, name, plain)
}
