package local

import (
	"strings"
	"time"

	"usher/internal/gate/keep"
)

// ownership is whose the server is, and how it stands, as every page says it.
type ownership struct {
	Server keep.Server
	// Claimed says that it belongs to somebody at the service that the gate was started for, Elsewhere is the service where it does instead; else it is nobody's.
	Claimed   bool
	Elsewhere string
	// Taken is when the gate learned that it is nobody's any more; zero: it never was somebody's, or was given up here.
	Taken time.Time
	// SignedOut says why a claimed server lets nobody in, and what its owner does about it; Back is the page for that.
	SignedOut []string
	Back      string
}

func (d *Door) ownership() (o ownership) {
	known, issuer := d.Known(), strings.TrimSuffix(d.Facts.Service.String(), "/")
	s, claimed := d.Folder.Server()
	switch {
	case !claimed:
		o.Taken = known.Taken()
	case s.Service != issuer:
		o.Elsewhere = s.Service
	default:
		o.Server, o.Claimed = s, true
		if why, suspended := known.Suspends(s.ID); suspended {
			o.SignedOut, o.Back = why.Sentences(), why.Back(issuer)
		}
	}
	return o
}

// Day is when it was taken, by the server's clock; empty when it was not.
func (o ownership) Day() string {
	if o.Taken.IsZero() {
		return ""
	}
	return o.Taken.Local().Format("2 January 2006, 15:04")
}
