package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/incident"
	"usher/internal/relyingparty"
)

// listener is a client that is told of sign-outs, on a socket of its own, and checks what it gets with a library that is not ours.
type listener struct {
	*app
	mu  sync.Mutex
	got []string
}

func (d *doors) newListener(id string) *listener {
	d.Helper()
	l := &listener{}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		token := r.PostFormValue("logout_token")
		l.mu.Lock()
		defer l.mu.Unlock()
		l.got = append(l.got, token)
	}))
	d.Cleanup(s.Close)
	l.app = d.newApp(id, func(c *relyingparty.Client) { c.LogoutURI, c.TrustedPrivate = s.URL, true })
	return l
}

// told runs the jobs and returns the sids that came, each of which was told once.
func (l *listener) told() (sids []string) {
	l.Helper()
	l.must(l.findLogouts(l.Context()))
	l.must(l.newLogouts().Round(l.Context()))
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, raw := range l.got {
		said, err := l.provider.VerifierContext(l.outside(), &oidc.Config{ClientID: l.ID, Now: l.now}).Verify(l.outside(), raw)
		l.must(err)
		signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
		l.must(err)
		var c struct {
			SID    string                     `json:"sid"`
			Nonce  *string                    `json:"nonce"`
			Events map[string]json.RawMessage `json:"events"`
		}
		l.must(said.Claims(&c))
		if signed.Signatures[0].Header.ExtraHeaders[jose.HeaderType] != "logout+jwt" || c.Nonce != nil || string(c.Events["http://schemas.openid.net/event/backchannel-logout"]) != "{}" {
			l.Errorf("told %s", raw)
		}
		sids = append(sids, c.SID)
	}
	l.got = nil
	return sids
}

// sidOf is the sid of a new sign-in to the client.
func (h *holder) sidOf(l *listener, browser string, scopes ...string) string {
	h.Helper()
	tokens := h.tokensFor(l.app, browser, scopes...)
	id, err := l.provider.VerifierContext(h.outside(), &oidc.Config{ClientID: l.ID, Now: h.now}).Verify(h.outside(), tokens.Extra("id_token").(string))
	h.must(err)
	var said struct {
		SID string `json:"sid"`
	}
	h.must(id.Claims(&said))
	return said.SID
}

// Whatever ends a sign-in, the client that holds it is told of that one, once; a client that holds none is told nothing.
func TestAppsAreToldOfSignOuts(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		l, other := d.newListener("jellyfin"), d.newListener("immich")
		for name, end := range map[string]func(browser string){
			"signed out here": func(browser string) { h.is(h.post("/sign-out", nil, "usher", browser), http.StatusSeeOther) },
			"everything": func(browser string) {
				h.is(h.post("/account/devices/sign-out-all", nil, "usher", browser), http.StatusSeeOther)
			},
			"password": func(browser string) {
				form := url.Values{"current": {h.password}, "password": {h.password + " again"}, "sign_out": {"yes"}}
				h.is(h.post("/account/password", form, "usher", browser), http.StatusSeeOther)
				h.password += " again"
			},
			"locked": func(string) {
				h.must(h.admin().Lock(h.Context(), admin.Actor(audit.CLI), h.anna.ID))
				h.must(h.admin().Unlock(h.Context(), admin.Actor(audit.CLI), h.anna.ID))
			},
		} {
			browser := h.signedIn(h.anna)
			sid := h.sidOf(l, browser, "openid")
			if got := l.told(); len(got) != 0 {
				t.Errorf("%s: told before: %v", name, got)
			}
			end(browser)
			if got := l.told(); len(got) != 1 || got[0] != sid {
				t.Errorf("%s: told of %v, want %s", name, got, sid)
			}
			if got := l.told(); len(got) != 0 {
				t.Errorf("%s: told again: %v", name, got)
			}
		}
		stays := h.sidOf(l, h.signedIn(h.anna), "openid", "offline_access")
		draft := incident.Draft{Action: incident.Require, Scope: incident.All, Notice: h.words(), Alone: true}
		_, err := h.incidents().Declare(h.Context(), audit.CLI, draft)
		h.must(err)
		if got := l.told(); len(got) != 1 || got[0] != stays {
			t.Errorf("incident: told of %v, want %s", got, stays)
		}
		if got := other.told(); len(got) != 0 {
			t.Errorf("a client that nobody is signed in to is told of %v", got)
		}
	})
}
