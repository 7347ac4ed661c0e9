package server

import (
	"time"

	"usher/internal/account"
)

// Guest is somebody whom the owner of a server lets in besides, found by what the owner typed. Nothing here tells whether there is such an account.
type Guest struct {
	ID      string
	Label   string // as the owner typed it
	Handle  account.Handle
	AddedAt time.Time
}
