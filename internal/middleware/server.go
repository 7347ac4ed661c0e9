package middleware

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"usher/internal/forwarded"
)

// The patience of the server. A handler that needs longer asks for it with
// http.ResponseController.
const (
	ReadHeaderTimeout = 5 * time.Second
	ReadTimeout       = 20 * time.Second
	WriteTimeout      = 60 * time.Second
	IdleTimeout       = 2 * time.Minute
	// MaxHeaderBytes is what we ask of net/http, which adds 4 KiB of grace; beyond that it answers 431.
	MaxHeaderBytes = 16 << 10
)

// Server is an http.Server with every limit set. What net/http itself has to say
// goes to logger at debug level, addresses cut down to their networks: it is about
// connections that strangers broke.
func Server(addr string, h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: ReadHeaderTimeout,
		ReadTimeout:       ReadTimeout,
		WriteTimeout:      WriteTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
		ErrorLog:          log.New(serverLog{logger}, "", 0),
		// net/http would answer "OPTIONS *" by itself, past the Host check and without our headers.
		DisableGeneralOptionsHandler: true,
	}
}

// serverLog carries net/http's own messages into the structured log.
type serverLog struct{ logger *slog.Logger }

func (s serverLog) Write(p []byte) (int, error) {
	s.logger.LogAttrs(context.Background(), slog.LevelDebug, "http server",
		slog.String("detail", withoutAddresses(strings.TrimSpace(string(p)))))
	return len(p), nil
}

// withoutAddresses replaces every word that is an address by its network.
func withoutAddresses(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		if short, ok := shortened(word); ok {
			words[i] = short
		}
	}
	return strings.Join(words, " ")
}

func shortened(word string) (string, bool) {
	bare := strings.TrimRight(word, ":;,")
	if addr := forwarded.Peer(bare); addr.IsValid() {
		return forwarded.Network(addr), true
	}
	for part := range strings.SplitSeq(bare, "->") { // net.OpError: "1.2.3.4:5->6.7.8.9:10"
		if addr := forwarded.Peer(part); addr.IsValid() {
			return "[addresses]", true
		}
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		return forwarded.Network(addr.Unmap().WithZone("")), true
	}
	return "", false
}
