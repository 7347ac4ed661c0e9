package main

import (
	"usher/internal/backchannel"
	"usher/internal/signing"
	"usher/internal/transmitter"
)

// transmitter tells clients what happens to the accounts and servers that concern them.
func (s *service) transmitter() *transmitter.Service {
	return &transmitter.Service{Store: s.db, Sign: s.signEvent, Issuer: s.cfg.Origin, Room: s.room, Now: s.now}
}

// newPushes makes what brings signals to the clients that want to be called.
func (s *service) newPushes() *backchannel.Pusher {
	return &backchannel.Pusher{Streams: s.db, Sign: s.signEvent, Issuer: s.cfg.Origin, Now: s.now, Log: s.log}
}

func (s *service) signEvent(claims any) (string, error) { return s.signing.Sign(signing.Event, claims) }
