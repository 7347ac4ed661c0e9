package server

import (
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/relyingparty"
)

// Group is what somebody is to a server.
type Group string

// The groups. Who is in none is not let in.
const (
	Owner     Group = "owner"
	Household Group = "household"
	Friend    Group = "guest"
	Player    Group = "player" // the owner's, and without a say: a TV that somebody let in by a code, an app, an app password of the account or of the server
	Nobody    Group = ""
)

// MayType reports whether the account's own password counts at a server where its owner lets it be typed.
func (g Group) MayType() bool { return g == Owner || g == Household }

// Visit is what a token made for a server is judged by: the credential it was made from, the server, and what the account is to it.
type Visit struct {
	Parent credential.Found
	Person account.Account
	Held   Held
	Group  Group
	Agreed []relyingparty.Scope // by somebody who is not the owner
	Since  time.Time            // when the account came in by the list; zero for the owner
	EndsAt time.Time            // when it is let in no more, or not as this; zero: no end
	Client relyingparty.Client  // that holds the credential; zero when none does
}

// Person is somebody whom a server lets in, and who has come in.
type Person struct {
	account.Account
	Group  Group
	EndsAt time.Time            // when they are let in no more, or not as this; zero: no end
	Agreed []relyingparty.Scope // by somebody who is not the owner
	Here   bool                 // the owner, signed in at the server itself
}

// AtServer reports whether the credential is a sign-in at the server itself, and none of a player's. An app password of the server speaks of it, too, and is
// a player's.
func (v Visit) AtServer() bool {
	return v.Parent.Subject == v.Held.ID && v.Parent.Kind != credential.ServerPassword
}

// Shown is the group that the server is told. What has no say in the owner's account has none in the server either.
func (v Visit) Shown() Group {
	if v.Group == Owner && (v.Parent.IsPlayer() || !v.AtServer() && v.Parent.MayAct() != nil) {
		return Player
	}
	return v.Group
}
