package credential

import (
	"testing"

	"usher/internal/account"
	"usher/internal/device"
	"usher/internal/ratelimit"
)

func TestNewSignIn(t *testing.T) {
	s := NewSignIn("a", "password", device.Client{UserAgent: "Firefox/1 Linux", Place: "Lyon"}, now)
	if s.Device.AccountID != "a" || s.Device.Name != "Firefox on Linux" || s.Device.Method != "password" || s.Device.Seen.Place != "Lyon" {
		t.Errorf("%+v", s.Device)
	}
	if !s.Token.WellFormed() || !s.FreshAt.Equal(now) || !s.Known.Empty() {
		t.Error("the sign-in's token, or its freshness")
	}
	if other := NewSignIn("a", "password", device.Client{}, now); other.Device.ID == s.Device.ID || other.Token == s.Token {
		t.Error("two sign-ins are one")
	}
}

func TestCandidateExists(t *testing.T) {
	if (Candidate{}).Exists() || !(Candidate{Account: account.Account{Standing: account.Standing{ID: "a"}}}).Exists() {
		t.Error("who has an id exists")
	}
}

func TestFailuresOff(t *testing.T) {
	if (Failures{Count: ratelimit.MostFailures - 1}).Off() || !(Failures{Count: ratelimit.MostFailures}).Off() {
		t.Error("off at the last failure, and not before")
	}
	if (Exhausted{}).Error() == "" {
		t.Error("says nothing")
	}
}
