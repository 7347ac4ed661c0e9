package gate

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
	"usher/internal/gate/keep"
	"usher/internal/secret"
)

// reply is what a service answers, and how often it was asked.
type reply struct {
	status int
	body   string
	asked  int
	sent   string // of the last question
}

// told is a service that answers like that, by path, and what asks it.
type told struct {
	asker
	folder *keep.Folder
}

// tells is a service that answers questions of a server's own, by their paths.
func tells(t testing.TB, replies map[string]*reply) told {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch here, s := "http://"+r.Host, replies[r.URL.Path]; {
		case s != nil:
			body, _ := io.ReadAll(r.Body)
			s.asked++
			s.sent = string(body)
			w.WriteHeader(s.status)
			_, _ = io.WriteString(w, s.body)
		case r.URL.Path == "/t":
			_, _ = io.WriteString(w, `{"access_token":"a","expires_in":600}`)
		default:
			_, _ = fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":"%[1]s/t","device_authorization_endpoint":"%[1]s/d","introspection_endpoint":"%[1]s/i"}`, here)
		}
	}))
	t.Cleanup(service.Close)
	at, err := url.Parse(service.URL)
	if err != nil {
		t.Fatal(err)
	}
	folder := claimedFolder(t, t.TempDir(), service.URL)
	client := accounts.New(at, folder, "1.0", time.Now)
	return told{asker{client, &accounts.Places{Client: client}, func() {}, func() {}}, folder}
}

// A password is sent once, whatever the answer: every further try would count against its account. Only a no of the service's own is one.
func TestOwnPasswordsAreSentOnce(t *testing.T) {
	signIn := &reply{}
	a := tells(t, map[string]*reply{"/api/v1/server/sign-ins": signIn})
	for _, c := range []struct {
		status int
		body   string
		want   error
	}{
		{200, `{"active":true,"sub":"acc-bob","username":"bob","groups":["household"],"exp":1,"amr":["pwd","otp"]}`, nil}, {401, `{"type":"x/wrong"}`, door.ErrRefused}, {403, `{"type":"x/no-passwords"}`, door.ErrOff},
		{429, `{"type":"x/too-many-tries"}`, door.ErrBusy}, {503, `{"type":"x/not-now"}`, door.ErrAway}, {403, `<h1>Portal</h1>`, door.ErrAway}, {200, `<h1>Portal</h1>`, door.ErrAway}, {200, `{}`, door.ErrAway},
		{403, `{"error":"unauthorized_client","standing":"suspended"}`, door.ErrSuspended}, {400, `{"type":"x/bad-request"}`, door.ErrRefused}, {413, `{"type":"x/too-large"}`, door.ErrRefused},
		{422, `{"type":"x/bad-fields"}`, door.ErrRefused}, {400, `<h1>Portal</h1>`, door.ErrAway}, {422, `<h1>Portal</h1>`, door.ErrAway}, {400, `{"error":"invalid_request"}`, door.ErrAway},
	} {
		signIn.status, signIn.body, signIn.asked = c.status, c.body, 0
		got, err := a.SignIn(t.Context(), "bob", secret.TokenOf("secret123456"))
		if !errors.Is(err, c.want) || signIn.asked != 1 || signIn.sent != `{"login":"bob","password":"secret123456"}` {
			t.Errorf("%d %s: %v after %d questions, %s", c.status, c.body, err, signIn.asked, signIn.sent)
		}
		if err == nil && (got.Account != "acc-bob" || got.UserName != "bob" || !got.Once || got.Session != "" || got.AppPassword) {
			t.Errorf("it is %+v", got)
		}
	}
	signIn.status, signIn.body, signIn.asked = 401, `{"type":"x/dead-token"}`, 0
	if _, err := a.SignIn(t.Context(), "bob", secret.TokenOf("secret")); !errors.Is(err, door.ErrAway) || signIn.asked != 2 {
		t.Errorf("with a token that has ended: %v after %d questions", err, signIn.asked)
	}
}

// A password that ends in six digits has no code in it for that: who has no second step comes in by it again and again. The service says which it was.
func TestAPasswordMayEndInDigits(t *testing.T) {
	const on = `{"addresses":[],"account_passwords":true}`
	for methods, want := range map[string]error{`"pwd"`: nil, `"pwd","otp"`: door.ErrRefused} {
		signIn := &reply{status: 200, body: fmt.Sprintf(`{"active":true,"sub":"acc-bob","username":"bob","groups":["household"],"exp":9999999999,"amr":[%s]}`, methods)}
		a := tells(t, map[string]*reply{"/api/v1/server/sign-ins": signIn, "/api/v1/server": {status: 200, body: on}})
		d := door.NewDecider(a, "https://accounts.example", "srv-1", time.Hour, nil)
		d.Passwords = a
		for i, want := range []error{nil, want} {
			if _, err := d.Bind(t.Context(), "bob", secret.TokenOf("summer20241225"), netip.MustParseAddr("192.0.2.1")); !errors.Is(err, want) {
				t.Errorf("%s, time %d: %v, want %v", methods, i+1, err, want)
			}
		}
	}
}

// Whether they are taken is asked once in a while, however many come; while nobody answers it is as it was.
func TestWhetherOwnPasswordsAreTaken(t *testing.T) {
	server := &reply{status: 200, body: `{"addresses":[],"account_passwords":true}`}
	a := tells(t, map[string]*reply{"/api/v1/server": server})
	for range 5 {
		if on, err := a.TakesPasswords(t.Context()); !on || err != nil {
			t.Fatalf("%t %v", on, err)
		}
	}
	if server.asked != 1 {
		t.Errorf("asked %d times", server.asked)
	}
	off := tells(t, map[string]*reply{"/api/v1/server": &reply{status: 200, body: `{"addresses":[]}`}})
	if on, err := off.TakesPasswords(t.Context()); on || err != nil {
		t.Errorf("%t %v", on, err)
	}
	nobody := tells(t, map[string]*reply{"/api/v1/server": &reply{status: 503}})
	if on, err := nobody.TakesPasswords(t.Context()); on || !errors.Is(err, door.ErrAway) {
		t.Errorf("%t %v", on, err)
	}
}

// What is said of an app password is told from what is said of a token.
func TestAppPasswordsAreTold(t *testing.T) {
	for answer, want := range map[string]door.Decision{
		`,"token_type":"app_password","scope":"directory"`: {AppPassword: true, Directory: true}, `,"token_type":"app_password"`: {AppPassword: true},
		`,"token_type":"Bearer","scope":"openid directory"`: {},
	} {
		body := fmt.Sprintf(`{"active":true,"sub":"acc-ann","sid":"s","exp":%d%s}`, time.Now().Add(time.Hour).Unix(), answer)
		got, err := tells(t, map[string]*reply{"/i": {status: 200, body: body}}).Ask(t.Context(), secret.NewServerPassword())
		if err != nil || got.AppPassword != want.AppPassword || got.Directory != want.Directory {
			t.Errorf("%s: %+v %v", answer, got, err)
		}
	}
}
