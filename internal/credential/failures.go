package credential

import (
	"time"

	"usher/internal/ratelimit"
)

// Failures is how an account's budget of wrong passwords stands.
type Failures struct {
	Count int64     // in a row
	Until time.Time // the next try counts from here on; zero when it does at once
}

// Off reports whether the password is off until it is reset.
func (f Failures) Off() bool { return f.Count >= ratelimit.MostFailures }
