package grant

import "testing"

func TestLocation(t *testing.T) {
	const issuer = "https://us.example"
	for uri, want := range map[string]string{
		"https://a.example/cb":      "https://a.example/cb?code=x%26y&state=s+1&iss=https%3A%2F%2Fus.example",
		"https://a.example/cb?k=v":  "https://a.example/cb?k=v&code=x%26y&state=s+1&iss=https%3A%2F%2Fus.example",
		"https://a.example/cb?":     "https://a.example/cb?code=x%26y&state=s+1&iss=https%3A%2F%2Fus.example",
		"com.example.app:/cb":       "com.example.app:/cb?code=x%26y&state=s+1&iss=https%3A%2F%2Fus.example",
		"http://127.0.0.1:49152/cb": "http://127.0.0.1:49152/cb?code=x%26y&state=s+1&iss=https%3A%2F%2Fus.example",
	} {
		if got := (Return{URI: uri, State: "s 1"}).answer(issuer, Field{"code", "x&y"}).Location(); got != want {
			t.Errorf("%s: %s", uri, got)
		}
	}
	if got := (Return{URI: "https://a.example/cb"}).answer(issuer).Location(); got != "https://a.example/cb?iss=https%3A%2F%2Fus.example" {
		t.Errorf("without a state: %s", got)
	}
}

func TestOrigin(t *testing.T) {
	for uri, want := range map[string]string{
		"https://a.example/cb": "https://a.example", "https://a.example:8443/cb?x=y": "https://a.example:8443", "http://[::1]:7/cb": "http://[::1]:7",
		"com.example.app:/cb": "com.example.app:", "com.example.app://host/cb": "com.example.app:",
	} {
		if got := (Answer{URI: uri}).Origin(); got != want {
			t.Errorf("%s: %s", uri, got)
		}
	}
}

func TestChallenges(t *testing.T) {
	for text, good := range map[string]bool{
		"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM": true, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c": false, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=": false,
		"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM": false, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw.cM": false, "": false,
	} {
		if isChallenge(text) != good {
			t.Errorf("%q", text)
		}
	}
}
