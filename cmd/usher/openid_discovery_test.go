package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"usher/internal/grant"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// What the provider says about itself is so: every endpoint it names is there, and nothing that it leaves out is done (OA-4).
func TestDiscoveryAgrees(t *testing.T) {
	eachDoors(t, func(d *doors) {
		w := d.send(http.MethodGet, "/.well-known/openid-configuration", request{})
		if again := d.send(http.MethodGet, "/.well-known/oauth-authorization-server", request{}); again.Body.String() != w.Body.String() {
			d.Error("the two descriptions differ")
		}
		var told map[string]any
		d.must(json.Unmarshal(w.Body.Bytes(), &told))
		list := func(name string) (all []string) {
			for _, v := range told[name].([]any) {
				all = append(all, v.(string))
			}
			return all
		}
		for name, want := range map[string][]string{
			"response_types_supported": {"code"}, "response_modes_supported": {"query", "form_post"}, "code_challenge_methods_supported": {"S256"},
			"id_token_signing_alg_values_supported": {"RS256"}, "subject_types_supported": {"public"},
			"grant_types_supported":                         {"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "client_credentials"},
			"token_endpoint_auth_methods_supported":         {"none", "client_secret_basic", "client_secret_post", "private_key_jwt"},
			"introspection_endpoint_auth_methods_supported": {"client_secret_basic", "client_secret_post", "private_key_jwt"},
		} {
			if got := list(name); !slices.Equal(got, want) {
				d.Errorf("%s: %v", name, got)
			}
		}
		if told["issuer"] != origin || told["request_parameter_supported"] != false || told["request_uri_parameter_supported"] != false || told["authorization_response_iss_parameter_supported"] != true {
			d.Errorf("%v", told)
		}
		endpoints := 0
		for name, address := range told {
			text, is := address.(string)
			if !is || name == "issuer" {
				continue
			}
			endpoints++
			path, ours := strings.CutPrefix(text, origin)
			if w := d.send(http.MethodOptions, path, request{header: fromElsewhere}); !ours || w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Origin") != "*" ||
				w.Header().Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization") {
				d.Errorf("%s: %d %v", name, w.Code, w.Header())
			}
			if w := d.send(http.MethodDelete, path, request{}); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
				d.Errorf("%s: DELETE is answered %d", name, w.Code)
			}
		}
		if endpoints != 8 {
			d.Errorf("%d endpoints are named", endpoints)
		}
		if w := d.send(http.MethodGet, "/oauth/register", request{}); w.Code != http.StatusNotFound {
			d.Errorf("clients register themselves: %d", w.Code)
		}
	})
}

// An old ring gains signing keys where there can be one node only. Where there may be several, what has to be signed is refused as an outage, which no
// app signs people out for, until a rotation makes keys.
func TestOldRingsGainSigningKeys(t *testing.T) {
	eachDoors(t, func(d *doors) {
		path := d.cfg.KeyRingPath()
		raw, err := os.ReadFile(path)
		d.must(err)
		var file map[string]any
		d.must(json.Unmarshal(raw, &file))
		delete(file, "signing_keys")
		raw, err = json.Marshal(file)
		d.must(err)
		d.must(os.WriteFile(path+".old", raw, 0o600))
		d.must(os.Rename(path+".old", path))
		d.must(d.stack.keys.Reload())

		h := d.people()
		d.gainSigningKeys()
		gained := d.stack.keys.Ring().CanSign()
		if gained == d.cfg.Postgres() {
			d.Errorf("keys were gained: %t", gained)
		}
		if gained {
			reread, err := secret.OpenKeeper(path)
			if d.must(err); !reread.Ring().CanSign() {
				d.Error("the keys are in no file")
			}
		}
		app := d.newApp("jellyfin", nil)
		code := h.allow(app.begun(), h.signedIn(h.anna)).Query().Get("code")
		form := url.Values{"grant_type": {string(relyingparty.Code)}, "code": {code}, "code_verifier": {someVerifier}, "redirect_uri": app.RedirectURIs}
		r, err := http.NewRequestWithContext(d.Context(), http.MethodPost, origin+grant.TokenPath, strings.NewReader(form.Encode()))
		d.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(app.ID, app.secret.Reveal())
		w, err := (&http.Client{Transport: d}).Do(r)
		d.must(err)
		if gained != (w.StatusCode == http.StatusOK) || !gained && (w.StatusCode != http.StatusServiceUnavailable || w.Header.Get("Retry-After") == "") {
			d.Errorf("%d %v", w.StatusCode, w.Header)
		}
	})
}
