package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/config"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/incident"
	"usher/internal/mfa"
	"usher/internal/relyingparty"
	"usher/internal/server"
	"usher/internal/stream"
	"usher/internal/testdb"
	"usher/internal/transmitter"
)

// reader is a client that reads its stream, and checks what it gets with a library that is not ours.
type reader struct {
	*app
	token  string
	stream string
	seen   map[string]bool // jti
	raw    []string        // what every token said
}

// heard is what a reader makes of a security event token.
type heard struct {
	jti, txn, uri string
	said          map[string]any
	about         map[string]any
}

// short is the event without what all have: its name, and the names of what it is about.
func (e heard) short() string {
	name := e.uri[strings.LastIndex(e.uri, "/")+1:]
	parts := slices.Sorted(maps.Keys(e.about))
	if f := e.about["format"]; f != "complex" {
		return name + " " + f.(string)
	}
	return name + " " + strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "format" }), "+")
}

// reads makes the stream of a client.
func (a *app) reads() *reader {
	a.Helper()
	r := &reader{app: a, token: a.own(), seen: map[string]bool{}}
	w := r.sends(http.MethodPost, "/ssf/stream", `{"delivery":{"method":"urn:ietf:rfc:8936"}}`)
	var told struct {
		ID       string `json:"stream_id"`
		Aud, Iss string
		Delivery struct {
			Endpoint string `json:"endpoint_url"`
		}
	}
	if w.Code != http.StatusCreated || json.Unmarshal(w.Body.Bytes(), &told) != nil || told.Aud != a.ID || told.Iss != origin || told.Delivery.Endpoint != origin+"/ssf/poll" {
		a.Fatalf("making a stream: %d %s", w.Code, w.Body)
	}
	r.stream = told.ID
	return r
}

// sends sends JSON with the client's token.
func (r *reader) sends(method, path, body string) *httptest.ResponseRecorder {
	q := asBearer(r.token)
	q.json = body
	return r.send(method, path, q)
}

// polls returns what waits, acknowledges it, and fails the test on anything that a validator would refuse, or that came before.
func (r *reader) polls() (all []heard) {
	r.Helper()
	acks := []string{}
	for {
		body, err := json.Marshal(map[string]any{"returnImmediately": true, "maxEvents": 2, "ack": acks})
		r.must(err)
		w := r.sends(http.MethodPost, "/ssf/poll", string(body))
		var got struct {
			Sets map[string]string
			More bool `json:"moreAvailable"`
		}
		if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &got) != nil {
			r.Fatalf("polling: %d %s", w.Code, w.Body)
		}
		if len(got.Sets) == 0 {
			if got.More {
				r.Error("there is more, and nothing comes")
			}
			return all
		}
		acks = slices.Sorted(maps.Keys(got.Sets))
		for _, jti := range acks {
			if r.seen[jti] {
				r.Errorf("%s comes again", jti)
			}
			r.seen[jti] = true
			all = append(all, r.valid(jti, got.Sets[jti]))
		}
	}
}

// valid checks a token as a receiver does: by our published keys, of its own type, with one event (SG-3).
func (r *reader) valid(jti, token string) heard {
	r.Helper()
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	r.must(err)
	var keys jose.JSONWebKeySet
	r.must(json.Unmarshal(r.send(http.MethodGet, "/oauth/keys", request{}).Body.Bytes(), &keys))
	found := keys.Key(signed.Signatures[0].Header.KeyID)
	if len(found) != 1 {
		r.Fatalf("the key is not published")
	}
	raw, err := signed.Verify(found[0])
	r.must(err)
	r.raw = append(r.raw, string(raw))
	var members map[string]json.RawMessage
	r.must(json.Unmarshal(raw, &members))
	var said struct {
		Iss, Aud, Jti, Txn string
		Iat                int64
		About              map[string]any `json:"sub_id"`
		Events             map[string]map[string]any
	}
	r.must(json.Unmarshal(raw, &said))
	_, sub := members["sub"]
	_, exp := members["exp"]
	if signed.Signatures[0].Header.ExtraHeaders[jose.HeaderType] != "secevent+jwt" || sub || exp || said.Iss != origin || said.Aud != r.ID || said.Jti != jti || said.Txn == "" ||
		said.Iat == 0 || said.Iat > r.at.Unix() || len(said.Events) != 1 {
		r.Errorf("not a security event token: %s", raw)
	}
	if strings.Contains(string(raw), "@") {
		r.Errorf("it names an address: %s", raw)
	}
	for uri, what := range said.Events {
		return heard{jti, said.Txn, uri, what, said.About}
	}
	return heard{}
}

// hears fails the test unless these events, and no other, wait.
func (r *reader) hears(what string, want ...string) (all []heard) {
	r.Helper()
	all = r.polls()
	var got []string
	for _, e := range all {
		got = append(got, e.short())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.Errorf("%s: told %q, want %q", what, got, want)
	}
	return all
}

// aReader is a client that people sign in to and that reads its stream.
func aReader(c *relyingparty.Client) {
	c.Auth, c.Grants = relyingparty.PrivateKey, append(c.Grants, relyingparty.Credentials)
	c.Scopes = append(c.Scopes, relyingparty.Signals, relyingparty.ManageSignals)
}

const (
	oneEnded   = "session-revoked session+user"
	allEnded   = "session-revoked iss_sub"
	everyEnded = "session-revoked uri"
	mustReset  = "account-credential-change-required iss_sub"
	changed    = "credential-change iss_sub"
)

// What happens through the doors is told to the server that it concerns, as SG-4 has it, once each.
func TestSignalsTellWhatHappens(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.newGate(h.offer(h.anna)).reads()
		stranger := h.newGate(h.offer(h.bert)).reads()
		gate.hears("nothing has happened")

		player := h.program(h.anna)
		v := gate.sees(h.playsAt(gate.app, player))
		h.is(h.send(http.MethodPost, "/api/v1/sign-out", asBearer(player)), http.StatusNoContent)
		ended := gate.hears("one player signed out", oneEnded)
		if user, session := ended[0].about["user"].(map[string]any), ended[0].about["session"].(map[string]any); user["sub"] != h.anna.ID || user["iss"] != origin || session["id"] != v.Sid || v.Sid == "" {
			t.Errorf("the session is %v of %v", session, user)
		}

		h.is(h.post("/account/password", url.Values{"current": {h.password}, "password": {"velvet orchard comet ladder"}}, "usher", h.signedIn(h.anna)), http.StatusSeeOther)
		h.password = "velvet orchard comet ladder"
		said := gate.hears("password changed, everything stays", changed)[0].said
		if said["credential_type"] != "password" || said["change_type"] != "update" || said["reason_admin"] == nil || said["event_timestamp"] == nil {
			t.Errorf("said %v", said)
		}

		h.must(h.db.TurnOnFactor(h.Context(), credential.NewFactor{AccountID: h.anna.ID, Key: mfa.NewKey()}, audit.New(h.at, audit.SecondFactorOn, h.anna.ID, h.anna.ID)))
		if said := gate.hears("second step", changed)[0].said; said["credential_type"] != "app" || said["change_type"] != "create" {
			t.Errorf("said %v", said)
		}

		stranger.hears("another's account")

		h.declare(incident.All)
		gate.token = "" // ended with everything else, and there is none while the server is suspended
		if w := gate.sends(http.MethodPost, "/ssf/poll", "{}"); w.Code != http.StatusUnauthorized {
			t.Errorf("without a token: %d", w.Code)
		}
		h.do("UPDATE account SET secured = 9999999999")
		h.must(h.servers().BringBack(h.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
		gate.token = gate.own()
		gate.hears("an incident for all, and brought back", everyEnded, "session-established device+user")
		gate.hears("and no more")
	})
}

// A server that is signed out alone learns it by the poll that waits; brought back, it learns that too. Its guests are its own.
func TestSignalsOfOneServer(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna).reads()
		h.must(h.servers().Invite(h.Context(), h.here(h.anna), h.anna, gate.ID, guest(h.bert.UserName)))
		h.do("UPDATE server_access SET account_id = $1", h.bert.ID)
		h.must(h.db.EndEverything(h.Context(), h.bert.ID, nil, audit.Act{At: h.at}))
		if about := gate.hears("a guest signed everything out", allEnded)[0].about; about["sub"] != h.bert.ID {
			t.Errorf("about %v", about)
		}
		guests, err := h.servers().Guests(h.Context(), h.here(h.anna), gate.ID)
		h.must(err)
		h.must(h.servers().Dismiss(h.Context(), h.here(h.anna), gate.ID, guests[0].ID, device.Client{}))
		if about := gate.hears("a guest was taken off", allEnded)[0].about; about["sub"] != h.bert.ID {
			t.Errorf("about %v", about)
		}
		h.must(h.db.EndEverything(h.Context(), h.bert.ID, nil, audit.Act{At: h.at}))
		gate.hears("no guest any more")

		h.must(h.servers().SignOut(h.Context(), h.here(h.anna), gate.ID, device.Client{}))
		if w := gate.sends(http.MethodPost, "/ssf/poll", "{}"); w.Code != http.StatusUnauthorized || !strings.Contains(w.Header().Get("WWW-Authenticate"), "invalid_token") {
			t.Errorf("suspended, it reads: %d %s", w.Code, w.Body)
		}
		h.must(h.servers().BringBack(h.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
		gate.token = gate.own()
		all := gate.hears("signed out alone and brought back", "session-revoked device+user", "session-established device+user")
		if device := all[0].about["device"].(map[string]any); device["id"] != gate.ID || device["format"] != "opaque" {
			t.Errorf("the device is %v", device)
		}
		h.must(h.servers().Unclaim(h.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
		if w := gate.sends(http.MethodPost, "/ssf/poll", "{}"); w.Code != http.StatusUnauthorized {
			t.Errorf("unclaimed, it reads: %d %s", w.Code, w.Body)
		}
	})
}

// A server is told when what an app password of it has signed in is signed out, of its owner's and of a guest's, wherever that is done; and no other server is.
func TestSignalsOfAppPasswords(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, other := h.opened(h.anna).reads(), h.opened(h.anna).reads()
		h.admitted(gate.app, h.bert, server.Friend)
		gate.hears("a guest came in", "session-established iss_sub")
		ends := func(who account.Account, path string) visitor {
			t.Helper()
			password := h.passwordAt(gate.app, who)
			v := gate.sees(password)
			list, err := h.db.ListDevices(h.Context(), who.ID)
			h.must(err)
			i := slices.IndexFunc(list, func(dev device.Device) bool { return dev.Method == device.ByServerPassword })
			gate.hears("an app password was made and shown")
			h.is(h.post(path, url.Values{"id": {list[i].ID}}, "usher", h.signedIn(who)), http.StatusSeeOther)
			return v
		}
		for _, who := range []account.Account{h.anna, h.bert} {
			for _, path := range []string{"/account/devices/sign-out", "/account/app-passwords/revoke", "/account/app-passwords/revoke?server=" + gate.ID} {
				v := ends(who, path)
				about := gate.hears(path, oneEnded)[0].about
				if user, session := about["user"].(map[string]any), about["session"].(map[string]any); user["sub"] != who.ID || session["id"] != v.Sid || v.Sid == "" {
					t.Errorf("%s: the session is %v of %v, want %s", path, session, user, v.Sid)
				}
			}
		}
		const everything = "/account/devices/sign-out-all"
		ends(h.bert, everything)
		if about := gate.hears("a guest signed everything out", allEnded)[0].about; about["sub"] != h.bert.ID {
			t.Errorf("about %v", about)
		}
		other.hears("app passwords of another server")
		ends(h.anna, everything) // the server, too
		h.must(h.servers().BringBack(h.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
		gate.token = gate.own()
		if about := gate.hears("its owner signed everything out, and brought it back", allEnded, "session-established device+user"); about[0].about["sub"] != h.anna.ID && about[1].about["sub"] != h.anna.ID {
			t.Errorf("about %v", about)
		}
	})
}

// An app is told about people who agreed to it, by the session that it knows, and of nobody else.
func TestSignalsOfApps(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		app := d.newApp("jellyfin", aReader).reads()
		browser := h.signedIn(h.anna)
		code, verifier := h.codeFor(app.app, browser)
		token := said(app.redeems(code, verifier)).Access
		var st struct{ Sid string }
		h.must(json.Unmarshal(app.introspects(token).Body.Bytes(), &st))
		h.is(h.post("/sign-out", nil, "usher", browser), http.StatusSeeOther)
		ended := app.hears("the browser signed out", oneEnded)
		if session := ended[0].about["session"].(map[string]any); session["id"] != st.Sid || st.Sid == "" {
			t.Errorf("the session is %v, want %s", session, st.Sid)
		}
		h.must(h.db.EndEverything(h.Context(), h.bert.ID, nil, audit.Act{At: h.at}))
		app.hears("somebody that it does not know")
		h.must(h.db.RequireReset(h.Context(), h.anna.ID, "", audit.New(h.at, audit.ResetRequired, audit.CLI, h.anna.ID)))
		both := app.hears("reset required", mustReset, allEnded)
		if both[0].txn != both[1].txn {
			t.Error("one act has two numbers")
		}
		h.must(h.admin().Lock(h.Context(), admin.Actor(audit.CLI), h.anna.ID))
		app.hears("locked", "account-disabled iss_sub", allEnded)
		h.must(h.admin().Unlock(h.Context(), admin.Actor(audit.CLI), h.anna.ID))
		app.hears("unlocked", "account-enabled iss_sub", allEnded) // what was refused may count again: see TestAnyWordForgetsRefusals
		for _, raw := range app.raw {
			for _, secret := range []string{token, app.token, h.anna.Email, h.anna.UserName} {
				if strings.Contains(raw, secret) {
					t.Error("a token gives something away")
				}
			}
		}
	})
}

// A stream is its client's alone, and what is asked of it is answered as SSF 1.0 has it (SG-1, SG-2).
func TestStreams(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		var told map[string]any
		h.must(json.Unmarshal(d.send(http.MethodGet, "/.well-known/ssf-configuration", request{}).Body.Bytes(), &told))
		if told["spec_version"] != "1_0" || told["issuer"] != origin || told["jwks_uri"] != origin+"/oauth/keys" || told["default_subjects"] != "ALL" {
			t.Errorf("told %v", told)
		}
		gate := h.newGate(h.offer(h.anna)).reads()
		other := h.newGate(h.offer(h.bert)).reads()
		attic := &reader{app: d.newApp("attic", aServer)} // may only read
		attic.token = attic.own()
		stranger := &reader{app: attic.app}
		for _, c := range []struct {
			by           *reader
			method, path string
			body         string
			code         int
			says         string
		}{
			{gate, "GET", "/ssf/stream", "", 200, gate.stream}, {gate, "GET", "/ssf/stream?stream_id=" + gate.stream, "", 200, `"method":"urn:ietf:rfc:8936"`},
			{gate, "GET", "/ssf/stream?stream_id=" + other.stream, "", 404, "not_found"}, {gate, "POST", "/ssf/stream", "{}", 409, "stream_exists"},
			{gate, "PATCH", "/ssf/stream", `{"stream_id":"` + gate.stream + `","description":"attic"}`, 200, `"description":"attic"`},
			{gate, "PATCH", "/ssf/stream", `{"stream_id":"` + other.stream + `","description":"attic"}`, 404, "not_found"},
			{gate, "PATCH", "/ssf/stream", `{"description":"attic"}`, 400, "stream_id is missing"},
			{gate, "PATCH", "/ssf/stream", `{"stream_id":"` + gate.stream + `","description":"` + strings.Repeat("a", 201) + `"}`, 400, "invalid_request"},
			{gate, "PATCH", "/ssf/stream", `{"stream_id":"` + gate.stream + `","description":"a\u0000b"}`, 400, "invalid_request"},
			{gate, "PATCH", "/ssf/stream", `{"stream_id":"` + gate.stream + `","delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://10.0.0.7/x"}}`, 400, "endpoint_url"},
			{gate, "PATCH", "/ssf/stream", `{"stream_id":"` + gate.stream + `","delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"http://a.example/x"}}`, 400, "endpoint_url"},
			{gate, "PATCH", "/ssf/stream", `{"stream_id":"` + gate.stream + `","delivery":{"method":"urn:ietf:rfc:8935"}}`, 400, "endpoint_url"},
			{gate, "PATCH", "/ssf/stream", `{"stream_id":"` + gate.stream + `","delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://a.example/","authorization_header":"a\r\nb"}}`, 400, "invalid_request"},
			{gate, "PATCH", "/ssf/stream", `{"stream_id":"` + gate.stream + `","delivery":{"method":"carrier pigeon"}}`, 400, "method is"},
			{gate, "PUT", "/ssf/stream", `{"stream_id":"` + gate.stream + `","events_requested":["https://schemas.openid.net/secevent/caep/event-type/session-revoked","x"]}`, 200, `"events_delivered":["https://schemas.openid.net/secevent/caep/event-type/session-revoked"],"delivery"`},
			{gate, "PUT", "/ssf/stream", `{"stream_id":"` + gate.stream + `"}`, 200, "account-purged"},
			{gate, "GET", "/ssf/status?stream_id=" + gate.stream, "", 200, `"status":"enabled"`}, {gate, "GET", "/ssf/status", "", 400, "stream_id"},
			{gate, "POST", "/ssf/status", `{"stream_id":"` + gate.stream + `","status":"paused","reason":"moving"}`, 200, `"reason":"moving"`},
			{gate, "POST", "/ssf/status", `{"stream_id":"` + gate.stream + `","status":"gone"}`, 400, "status is"},
			{gate, "POST", "/ssf/status", `{"stream_id":"` + other.stream + `","status":"paused"}`, 404, "not_found"},
			{gate, "POST", "/ssf/poll", `{"returnImmediately":true}`, 200, `{"sets":{}}`},
			{gate, "POST", "/ssf/status", `{"stream_id":"` + gate.stream + `","status":"enabled"}`, 200, "enabled"},
			{gate, "POST", "/ssf/verify", `{"stream_id":"` + other.stream + `","state":"x"}`, 404, "not_found"}, {gate, "POST", "/ssf/verify", `{"stream_id":"a\u0000b"}`, 404, "not_found"},
			{gate, "POST", "/ssf/poll", `{"maxEvents":-1}`, 400, "invalid_request"}, {gate, "POST", "/ssf/poll", `[]`, 400, "invalid_request"}, {gate, "POST", "/ssf/poll", `{} {}`, 400, "invalid_request"},
			{gate, "POST", "/ssf/poll", `{"maxEvents":0,"ack":["nothing","a\u0000b"]}`, 200, `{"sets":{}}`},
			{gate, "DELETE", "/ssf/stream", "", 400, "stream_id"}, {gate, "DELETE", "/ssf/stream?stream_id=" + other.stream, "", 404, "not_found"},
			{gate, "DELETE", "/ssf/poll", "", 405, "invalid_request"}, {gate, "GET", "/ssf/other", "", 404, "not_found"},
			{attic, "GET", "/ssf/stream", "", 200, "[]"}, {attic, "POST", "/ssf/stream", "{}", 403, "insufficient_scope"}, {attic, "DELETE", "/ssf/stream?stream_id=" + gate.stream, "", 403, "insufficient_scope"},
			{attic, "POST", "/ssf/poll", "{}", 404, "not_found"}, {stranger, "GET", "/ssf/stream", "", 401, "{}"},
		} {
			w := c.by.sends(c.method, c.path, c.body)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("%s %s %s: %d %s, want %d %s", c.method, c.path, c.body, w.Code, w.Body, c.code, c.says)
			}
		}
		for what, token := range map[string]string{"a person's": h.program(h.anna), "a server token": h.playsAt(gate.app, h.program(h.anna))} {
			if w := d.send(http.MethodGet, "/ssf/stream", asBearer(token)); w.Code != http.StatusUnauthorized {
				t.Errorf("%s token: %d %s", what, w.Code, w.Body)
			}
		}
		if w := d.send(http.MethodGet, "/ssf/stream?access_token="+gate.token, request{}); w.Code != http.StatusUnauthorized {
			t.Errorf("a token in the address: %d", w.Code)
		}
		h.is(gate.sends(http.MethodPost, "/ssf/verify", `{"stream_id":"`+gate.stream+`","state":"eins"}`), http.StatusNoContent)
		got := gate.hears("verification", "verification opaque")
		if got[0].said["state"] != "eins" || got[0].about["id"] != gate.stream {
			t.Errorf("%+v", got)
		}
		h.is(gate.sends(http.MethodDelete, "/ssf/stream?stream_id="+gate.stream, ""), http.StatusNoContent)
		if w := gate.sends(http.MethodPost, "/ssf/poll", "{}"); w.Code != http.StatusNotFound {
			t.Errorf("a stream that is gone: %d", w.Code)
		}
	})
}

// nodeThatWatches is one more node of the same service, whose polls wait beside it; its watcher looks every 20 ms.
func (d *doors) nodeThatWatches() *service {
	d.Helper()
	now := d.at.Add(time.Minute)
	n, _ := openService(d.T, d.cfg, func() time.Time { return now })
	ctx, stop := context.WithCancel(d.Context())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			if err := n.room.Watch(ctx, n.db); err != nil && ctx.Err() == nil {
				d.Error(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	d.Cleanup(func() { stop(); done.Wait() })
	return n
}

// A poll that waits on one node is told of what happens on another, and of the end of its stream; a node that stops sends its polls away.
func TestPollsWait(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		d := openDoors(t, databaseURL, func(*config.Config) {})
		h := d.couple()
		gate := h.newGate(h.offer(h.anna)).reads()
		far := d.nodeThatWatches()
		type answer struct {
			sets transmitter.Sets
			err  error
		}
		wait := func(by *service) chan answer {
			got, before := make(chan answer, 1), by.room.Waiting()
			go func() {
				sets, err := by.transmitter().Poll(t.Context(), relyingparty.Client{ID: gate.ID}, transmitter.Poll{Most: 9, Wait: true})
				got <- answer{sets, err}
			}()
			for by.room.Waiting() == before {
				time.Sleep(time.Millisecond)
			}
			return got
		}
		waits := wait(far)
		h.must(h.db.EndEverything(h.Context(), h.anna.ID, nil, audit.Act{At: h.at}))
		first := <-waits
		if first.err != nil || len(first.sets.Tokens) != 1 {
			t.Fatalf("%+v", first)
		}
		again, err := far.transmitter().Poll(t.Context(), relyingparty.Client{ID: gate.ID}, transmitter.Poll{Most: 9, Wait: true})
		if err != nil || !maps.Equal(again.Tokens, first.sets.Tokens) { // not acknowledged
			t.Errorf("%+v %v", again, err)
		}
		h.must(h.db.AcknowledgeSignals(t.Context(), gate.ID, stream.Acknowledge(slices.Collect(maps.Keys(again.Tokens)))))

		waits = wait(far)
		second := make(chan answer, 1)
		go func() { // of the same stream: the first goes
			sets, err := far.transmitter().Poll(t.Context(), relyingparty.Client{ID: gate.ID}, transmitter.Poll{Most: 9, Wait: true})
			second <- answer{sets, err}
		}()
		if got := <-waits; got.err != nil || len(got.sets.Tokens) != 0 {
			t.Errorf("%+v", got)
		}
		h.declare(incident.All)
		if got := <-second; got.err != nil || len(got.sets.Tokens) != 1 {
			t.Errorf("everybody's sign-ins ended: %+v", got)
		} else {
			h.must(h.db.AcknowledgeSignals(t.Context(), gate.ID, stream.Acknowledge(slices.Collect(maps.Keys(got.sets.Tokens)))))
		}

		near := wait(d.service) // nobody watches there
		waits = wait(far)
		h.must(h.db.DeleteStream(t.Context(), gate.ID, gate.stream))
		if got := <-waits; !errors.Is(got.err, stream.ErrNotFound) {
			t.Errorf("the stream ended: %+v", got)
		}
		d.room.Close()
		if got := <-near; !errors.Is(got.err, stream.ErrNotFound) {
			t.Errorf("the node stopped: %+v", got)
		}
		if far.room.Waiting() != 0 || d.room.Waiting() != 0 {
			t.Error("somebody waits still")
		}
	})
}

// What is pushed is brought to its reader in order, with the header that it gave, until it takes it; what it refuses for good does not come again.
func TestSignalsArePushed(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		var mu sync.Mutex
		var got []string
		answers := []int{http.StatusServiceUnavailable}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || r.Header.Get("Authorization") != "Bearer hush" || r.Header.Get("Content-Type") != "application/secevent+jwt" || r.Method != http.MethodPost {
				t.Errorf("%s %v %v", r.Method, r.Header, err)
			}
			if len(answers) > 0 {
				code := answers[0]
				answers = answers[1:]
				w.WriteHeader(code)
				_, _ = w.Write([]byte(`{"err":"invalid_key","description":"hm"}`))
				return
			}
			got = append(got, string(body))
			w.WriteHeader(http.StatusAccepted)
		}))
		d.Cleanup(server.Close)
		app := d.newApp("jellyfin", func(c *relyingparty.Client) {
			aReader(c)
			c.TrustedPrivate = true
		})
		r := &reader{app: app, token: app.own(), seen: map[string]bool{}}
		made := r.sends(http.MethodPost, "/ssf/stream", `{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"`+server.URL+`","authorization_header":"Bearer hush"}}`)
		if made.Code != http.StatusCreated || strings.Contains(made.Body.String(), "hush") {
			t.Fatalf("%d %s", made.Code, made.Body)
		}
		if w := r.sends(http.MethodPost, "/ssf/poll", "{}"); w.Code != http.StatusNotFound {
			t.Errorf("it is polled: %d", w.Code)
		}
		h.codeFor(app, h.signedIn(h.anna))
		push := d.newPushes()
		round := func(want int) {
			t.Helper()
			h.must(push.Round(h.Context()))
			mu.Lock()
			defer mu.Unlock()
			if len(got) != want {
				t.Errorf("%d came, want %d", len(got), want)
			}
		}
		round(0)
		h.must(h.db.RequireReset(h.Context(), h.anna.ID, "", audit.New(h.at, audit.ResetRequired, audit.CLI, h.anna.ID)))
		round(0) // 503
		round(0) // it rests
		d.at = d.at.Add(time.Minute)
		round(2)
		round(2)
		for i, want := range []string{allEnded, mustReset} {
			if e := r.valid(jtiOf(t, got[i]), got[i]); e.short() != want {
				t.Errorf("told %s, want %s", e.short(), want)
			}
		}
		h.declare(incident.All)
		mu.Lock()
		answers = []int{http.StatusBadRequest}
		mu.Unlock()
		round(2) // refused for good
		round(2)
		if rows := d.rows("SELECT COUNT(*) FROM signal"); rows[0] != "0" {
			t.Errorf("%s wait", rows[0])
		}
	})
}

func jtiOf(t *testing.T, token string) string {
	t.Helper()
	var c struct{ Jti string }
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &c) != nil {
		t.Fatalf("not a token: %v", err)
	}
	return c.Jti
}
