package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"usher/internal/device"
)

// sent is where a server's authorization request, with parameters besides, leads the browser of somebody, or one where nobody is signed in.
func (h *holder) sent(gate *app, browser string, parameters ...string) *httptest.ResponseRecorder {
	h.Helper()
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(oauth2.GenerateVerifier())}
	for i := 0; i < len(parameters); i += 2 {
		options = append(options, oauth2.SetAuthURLParam(parameters[i], parameters[i+1]))
	}
	var cookies map[string]string
	if browser != "" {
		cookies = map[string]string{"usher": browser}
	}
	return h.send(http.MethodGet, h.ask(gate.config.AuthCodeURL("s", options...)).RequestURI(), request{cookies: cookies})
}

// The owner of a server who sends a visitor here learns nothing that the visitor does not press a button for: not whether they are signed in, since when, whether
// they are on the list, nor whether an address has an account.
func TestServersLearnNothingUnasked(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		empty, listed, closed := h.opened(h.anna), h.opened(h.anna), h.opened(h.anna)
		for _, gate := range []*app{listed, closed} {
			h.must(h.servers().Admit(d.Context(), h.here(h.anna), gate.ID, "bert@example.org", device.Client{}))
		}
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), closed.ID, device.Client{}))
		theirs := h.signedIn(h.bert)
		d.at = d.at.Add(20 * time.Minute)
		for where, gate := range map[string]*app{"on no list": empty, "on the list": listed, "suspended": closed} {
			for who, browser := range map[string]string{"signed in": theirs, "signed out": ""} {
				for _, with := range [][]string{nil, {"prompt", "none"}, {"prompt", "none", "max_age", "60"}, {"prompt", "none", "max_age", "3600"}, {"prompt", "login"}, {"prompt", "none", "acr_values", "urn:usher:second-step"}} {
					w := h.sent(gate, browser, with...)
					if strings.Contains(w.Header().Get("Location"), "192.168.1.5") || w.Code >= http.StatusBadRequest {
						t.Errorf("%s, %s, %v: %d %s", where, who, with, w.Code, w.Header().Get("Location"))
					}
				}
			}
		}
		page := h.sent(closed, theirs)
		if !strings.Contains(page.Body.String(), "is closed for now") || strings.Contains(page.Body.String(), `value="allow"`) {
			t.Errorf("suspended: %d %s", page.Code, page.Body)
		}
		if back := h.post("/authorize/consent", consentForm(page, "allow"), "usher", theirs).Header().Get("Location"); !strings.Contains(back, "error=temporarily_unavailable") {
			t.Errorf("who presses what is not there is back at %q", back)
		}
		h.codeFor(listed, theirs)
		if back := h.sent(listed, theirs, "prompt", "none").Header().Get("Location"); !strings.Contains(back, "code=") {
			t.Errorf("who has agreed is back at %q", back)
		}
		if back := h.sent(empty, h.signedIn(h.anna), "prompt", "none").Header().Get("Location"); !strings.Contains(back, "code=") {
			t.Errorf("the owner is back at %q", back)
		}
	})
}

// A member's server is no way from our address to anywhere: what is wrong with its requests is said here.
func TestServersAreNoOpenRedirect(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		query := "/oauth/authorize?client_id=" + gate.ID + "&redirect_uri=" + url.QueryEscape(gate.config.RedirectURL)
		for _, rest := range []string{"", "&response_type=x", "&response_type=code&scope=openid", "&response_type=code&response_mode=form_post", "&request=x", "&prompt=none", "&state=" + strings.Repeat("s", 3000)} {
			for _, cookies := range []map[string]string{nil, {"usher": h.signedIn(h.bert)}} {
				w := h.send(http.MethodGet, query+rest, request{cookies: cookies})
				if w.Header().Get("Location") != "/authorize/refused?reason=unreadable" {
					t.Errorf("%.40s: %d %s", rest, w.Code, w.Header().Get("Location"))
				}
			}
		}
	})
}
