package issuertest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Facebook answers as Facebook's documentation says: the login dialog, the exchange of a code, and /me. It is no OpenID issuer.
type Facebook struct {
	URL       string // of both the dialog and the Graph API, which are two hosts at Facebook
	AppID     string
	AppSecret string

	bait  *httptest.Server
	lured atomic.Int64

	mu       sync.Mutex
	redirect string
	account  Account
	asked    []url.Values
	codes    map[string]*facebookCode
	tokens   map[string]facebookGrant
	trick    Trick
	obstacle map[Endpoint]Obstacle
}

// facebookGrant is what a person gave to the app.
type facebookGrant struct {
	who    Account
	scopes []string
}

type facebookCode struct {
	facebookGrant
	redirect  string
	challenge string // of PKCE, which the documentation describes for the flow with OpenID; checked here wherever it is sent
	used      bool
}

// StartFacebook opens a stand-in for Facebook that ends with the test.
func StartFacebook(t Test) *Facebook {
	t.Helper()
	f := &Facebook{AppID: "1234567890123456", AppSecret: "0123456789abcdef0123456789abcdef", codes: map[string]*facebookCode{}, tokens: map[string]facebookGrant{}, obstacle: map[Endpoint]Obstacle{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.URL = server.URL
	f.bait = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.lured.Add(1)
		f.answer(w, r)
	}))
	t.Cleanup(f.bait.Close)
	return f
}

// DialogURL is where a browser is sent.
func (f *Facebook) DialogURL() string { return f.URL + "/v23.0/dialog/oauth" }

// TokenURL is where a code is exchanged.
func (f *Facebook) TokenURL() string { return f.URL + "/v23.0/oauth/access_token" }

// ProfileURL is where the app asks whom a token stands for.
func (f *Facebook) ProfileURL() string { return f.URL + "/v23.0/me" }

// SignIn says who will be signed in by whoever comes from now on, unless their Browser says otherwise.
func (f *Facebook) SignIn(who Account) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.account = who
}

// SayNo has whoever comes from now on change their mind.
func (f *Facebook) SayNo() { f.SignIn(Account{}) }

// Play has Facebook play a trick with the answer that the browser brings; it has no tokens for others.
func (f *Facebook) Play(trick Trick) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trick = trick
}

// Obstruct has an endpoint do this until it is called with an empty Obstacle.
func (f *Facebook) Obstruct(endpoint Endpoint, obstacle Obstacle) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.obstacle[endpoint] = obstacle
}

// Asked are the questions by which the dialog was opened, oldest first.
func (f *Facebook) Asked() []url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// Lured counts the requests of those who followed a redirect away.
func (f *Facebook) Lured() int { return int(f.lured.Load()) }

// version is a path of the Graph API without its version, which may be left out.
var version = regexp.MustCompile(`^/v\d+\.\d+/`)

func (f *Facebook) endpoint(path string) Endpoint {
	return map[string]Endpoint{"/dialog/oauth": Authorization, "/oauth/access_token": Tokens, "/me": UserInfo}[version.ReplaceAllString(path, "/")]
}

// ServeHTTP answers, or does what stands in the way.
func (f *Facebook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	obstacle := f.obstacle[f.endpoint(r.URL.Path)]
	f.mu.Unlock()
	if obstacle != "" {
		obstacle.serve(w, r, f.bait.URL)
		return
	}
	f.answer(w, r)
}

func (f *Facebook) answer(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.endpoint(r.URL.Path) {
	case Authorization:
		f.dialog(w, r)
	case Tokens:
		f.exchange(w, r.Form)
	case UserInfo:
		f.me(w, r)
	default:
		graphError(w, http.StatusNotFound, fault{Message: "Unknown path components: " + r.URL.Path, Type: "OAuthException", Code: 2500})
	}
}

// dialog signs whoever comes in, and asks nothing.
func (f *Facebook) dialog(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	f.asked = append(f.asked, asked)
	if f.redirect == "" {
		f.redirect = asked.Get("redirect_uri")
	}
	to, err := url.Parse(f.redirect)
	if err != nil || asked.Get("client_id") != f.AppID || asked.Get("redirect_uri") != f.redirect {
		http.Error(w, "Invalid App ID, or URL blocked: this redirect failed because the redirect URI is not white-listed", http.StatusBadRequest)
		return
	}
	who := f.account
	if named := r.Header.Get(browserHeader); named != "" {
		if err := json.Unmarshal([]byte(named), &who); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	values := url.Values{}
	if who.Subject == "" {
		values = url.Values{"error": {"access_denied"}, "error_code": {"200"}, "error_description": {"Permissions error"}, "error_reason": {"user_denied"}}
	} else {
		code := "AQ" + rand.Text() + rand.Text()
		f.codes[code] = &facebookCode{facebookGrant: facebookGrant{who: who, scopes: given(asked.Get("scope"), who.Declined)}, redirect: f.redirect, challenge: asked.Get("code_challenge")}
		values.Set("code", code)
	}
	if asked.Has("state") {
		values.Set("state", asked.Get("state"))
	}
	f.trick.answer(values)
	to.RawQuery, to.Fragment = values.Encode(), "_=_"
	http.Redirect(w, r, to.String(), http.StatusFound)
}

// given are the permissions that were asked for and not declined; public_profile always is.
func given(asked string, declined []string) []string {
	scopes := []string{"public_profile"}
	for _, scope := range strings.FieldsFunc(asked, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.Contains(declined, scope) && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

func (f *Facebook) exchange(w http.ResponseWriter, asked url.Values) {
	code := f.codes[asked.Get("code")]
	wrong := fault{Type: "OAuthException", Code: 100}
	switch {
	case asked.Get("client_id") != f.AppID:
		wrong = fault{Message: "Error validating application. Cannot get application info due to a system error.", Type: "OAuthException", Code: 101}
	case subtle.ConstantTimeCompare([]byte(asked.Get("client_secret")), []byte(f.AppSecret)) != 1:
		wrong = fault{Message: "Error validating client secret.", Type: "OAuthException", Code: 1}
	case code == nil:
		wrong.Message = "Invalid verification code format."
	case code.used:
		wrong.Message, wrong.Subcode = "This authorization code has been used.", 36009
	case code.redirect != asked.Get("redirect_uri"):
		wrong.Message, wrong.Subcode = "Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request", 36008
	case code.challenge != "" && code.challenge != challengeOf(asked.Get("code_verifier")):
		wrong.Message = "Error validating verification code: the code_verifier does not match."
	default:
		code.used = true
		token := "EAA" + rand.Text() + rand.Text()
		f.tokens[token] = code.facebookGrant
		answerJSON(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "bearer", "expires_in": 5183944})
		return
	}
	graphError(w, http.StatusBadRequest, wrong)
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// me tells of whom a token stands for what was asked and given. An app that requires proofs, as this one does, has to prove each call.
func (f *Facebook) me(w http.ResponseWriter, r *http.Request) {
	token := r.Form.Get("access_token")
	if bearer, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); is {
		token = bearer
	}
	granted, known := f.tokens[token]
	switch {
	case !known:
		graphError(w, http.StatusBadRequest, fault{Message: "Invalid OAuth access token - Cannot parse access token", Type: "OAuthException", Code: 190})
		return
	case !r.Form.Has("appsecret_proof"):
		graphError(w, http.StatusBadRequest, fault{Message: "API calls from the server require an appsecret_proof argument", Type: "GraphMethodException", Code: 100})
		return
	case !hmac.Equal([]byte(r.Form.Get("appsecret_proof")), []byte(f.proof(token))):
		graphError(w, http.StatusBadRequest, fault{Message: "Invalid appsecret_proof provided in the API argument", Type: "GraphMethodException", Code: 100})
		return
	}
	fields := strings.Split(r.Form.Get("fields"), ",")
	if !r.Form.Has("fields") {
		fields = []string{"name"}
	}
	answerJSON(w, http.StatusOK, granted.profile(fields))
}

// proof is what shows that a call with a token comes from the app's own server.
func (f *Facebook) proof(token string) string {
	proof := hmac.New(sha256.New, []byte(f.AppSecret))
	proof.Write([]byte(token))
	return hex.EncodeToString(proof.Sum(nil))
}

// profile never says whether an address is proved, and leaves out what the person did not give or has not got.
func (g facebookGrant) profile(fields []string) map[string]any {
	body := map[string]any{"id": g.who.Subject}
	for name, text := range map[string]string{"name": g.who.Name(), "first_name": g.who.GivenName, "last_name": g.who.FamilyName} {
		if slices.Contains(fields, name) && text != "" {
			body[name] = text
		}
	}
	if slices.Contains(fields, "email") && slices.Contains(g.scopes, "email") && g.who.Email != "" {
		body["email"] = g.who.Email
	}
	for name, value := range g.who.More {
		body[name] = value
	}
	return body
}

// fault is an error of the Graph API.
type fault struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Code    int    `json:"code"`
	Subcode int    `json:"error_subcode,omitempty"`
	Trace   string `json:"fbtrace_id"`
}

func graphError(w http.ResponseWriter, status int, wrong fault) {
	wrong.Trace = "A" + rand.Text()[:22]
	answerJSON(w, status, map[string]any{"error": wrong})
}
