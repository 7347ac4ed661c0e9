package server

import (
	"time"

	"usher/internal/account"
	"usher/internal/credential"
)

// Guest is somebody whom the owner of a server lets in besides, found by what the owner typed. Nothing here tells whether there is such an account.
type Guest struct {
	ID      string
	Label   string // as the owner typed it
	Handle  account.Handle
	AddedAt time.Time
}

// Group is what somebody is to a server.
type Group string

// The groups. Who is in none is not let in.
const (
	Owner  Group = "owner"
	Friend Group = "guest"
	Nobody Group = ""
)

// Visit is what a token made for a server is judged by: the credential it was made from, the server, and what the account is to it.
type Visit struct {
	Parent credential.Found
	Person account.Account
	Held   Held
	Group  Group
}
