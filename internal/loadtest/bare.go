package main

import (
	"io"
	"log/slog"
	"net/http"

	"usher/internal/middleware"
)

// bareWord makes this program the bare server.
const bareWord = "bare"

// serveBare is the least a Go program can do for a request, in the server the service uses.
func serveBare(listen string) error {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "hello\n")
	})
	return middleware.Server(listen, handler, slog.New(slog.DiscardHandler)).ListenAndServe()
}
