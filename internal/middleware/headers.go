package middleware

import (
	"net/http"
	"net/url"

	"usher/internal/request"
)

// The Content-Security-Policy of every answer, cut where the nonce goes. Scripts
// need the nonce; style sheets, pictures and background requests must be our own
// files; everything not named here is refused.
const (
	policyBeforeNonce = "default-src 'none'; script-src 'nonce-"
	policyAfterNonce  = "'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)

// permissions are refused to every page, ours included, but for passkeys and the copy buttons.
const permissions = "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), clipboard-read=(), clipboard-write=(self), " +
	"display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), gyroscope=(), hid=(), " +
	"identity-credentials-get=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), " +
	"picture-in-picture=(), publickey-credentials-create=(self), publickey-credentials-get=(self), screen-wake-lock=(), " +
	"serial=(), sync-xhr=(), usb=(), window-management=(), xr-spatial-tracking=()"

const hstsOneYear = "max-age=31536000"

// headers dresses answers for one origin.
type headers struct {
	https bool
	hsts  bool
}

func headersFor(origin *url.URL) headers {
	https := origin.Scheme == "https"
	port := origin.Port()
	return headers{
		https: https,
		// HSTS covers every port of a host, so only the origin that owns the host says it.
		hsts: https && (port == "" || port == "443"),
	}
}

// dress sets the headers every answer carries. Handlers may replace them.
func (s headers) dress(h http.Header, host string, facts request.Facts) {
	all := [...]struct{ name, value string }{ // in the canonical spelling
		{"X-Request-Id", facts.ID},
		{"Content-Security-Policy", policyBeforeNonce + facts.Nonce + policyAfterNonce},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Referrer-Policy", s.referrer(host)},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", permissions},
	}
	values := make([]string, len(all)) // one piece of memory for all of them
	for i, header := range all {
		values[i] = header.value
		h[header.name] = values[i : i+1 : i+1]
	}
	if s.hsts && facts.Secure {
		h.Set("Strict-Transport-Security", hstsOneYear)
	}
}

// referrer is no-referrer, except on plain http to another machine: there browsers
// send no Sec-Fetch-Site, and no-referrer makes a form's Origin null, which the
// cross-origin check has to refuse. On loopback, http too, Sec-Fetch-Site is sent.
func (s headers) referrer(host string) string {
	if s.https || loopbackHost(host) {
		return "no-referrer"
	}
	return "same-origin"
}
