package relyingparty

import "time"

// Logout is one sign-in that has ended and of which its client is still to be told (OpenID Connect Back-Channel Logout 1.0).
type Logout struct {
	Grant     string // sid of the tokens that were given for it
	ClientID  string
	AccountID string // sub of those tokens
	Attempts  int    // before this one
	CreatedAt time.Time
}

// LogoutLife is how long a client that does not answer is tried.
const LogoutLife = 24 * time.Hour
