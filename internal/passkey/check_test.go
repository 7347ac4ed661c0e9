package passkey_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/passkey"
	"usher/internal/passkey/passkeytest"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

const origin = "https://usher.example.org"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a service with one person, her authenticator and her browser.
type world struct {
	*testing.T
	db      *store.DB
	check   *passkey.Checker
	now     time.Time
	ann     account.Account
	own     *passkeytest.Authenticator
	browser secret.Token
}

func each(t *testing.T, f func(w *world)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url string) {
		w := &world{T: t, db: teststore.Open(t, url, start), now: start, own: passkeytest.New(t, origin), browser: secret.NewToken()}
		party, err := passkey.NewParty(origin, "Usher")
		w.must(err)
		clock := func() time.Time { return w.now }
		w.check = &passkey.Checker{Store: w.db, Resolver: &credential.Resolver{Store: w.db, Now: clock}, Party: party, Now: clock}
		w.ann = teststore.Person(t, w.db, "ann", start, nil)
		f(w)
	})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) is(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got %v, want %v", err, want)
	}
}

func (w *world) question(p passkey.Purpose) passkey.Question {
	w.Helper()
	clock, err := w.db.ReadClock(w.Context())
	w.must(err)
	q := passkey.Question{For: p, Browser: w.browser, Stamp: credential.Stamp{Born: clock.Epoch}}
	if p != passkey.ForSignIn {
		q.Account, q.Stamp = w.ann, credential.StampNow(clock, w.ann.Standing)
	}
	return q
}

func (w *world) ask(p passkey.Purpose) []byte {
	w.Helper()
	o, err := w.check.Ask(w.Context(), w.question(p))
	w.must(err)
	return o.JSON()
}

func (w *world) answer(p passkey.Purpose, text string) passkey.Answer {
	a := passkey.Answer{Text: text, For: p, Browser: w.browser}
	if p != passkey.ForSignIn {
		a.AccountID = w.ann.ID
	}
	return a
}

func (w *world) checks(p passkey.Purpose, text string) (passkey.Proof, error) {
	return w.check.Check(w.Context(), w.answer(p, text))
}

// adds makes a passkey.
func (w *world) adds() passkey.Passkey {
	w.Helper()
	p, question, err := w.check.CheckNew(w.Context(), w.answer(passkey.ForNew, w.own.Create(w.ask(passkey.ForNew))))
	w.must(err)
	p.ID, p.Name = id.New(w.now), "Bitwarden"
	w.must(w.db.AddPasskey(w.Context(), p, question, audit.New(w.now, audit.PasskeyAdded, w.ann.ID, w.ann.ID)))
	return p
}

func (w *world) spends(p passkey.Proof) {
	w.Helper()
	w.must(w.db.SpendPasskey(w.Context(), p.Use, audit.Act{At: w.now}))
}

func TestPasskeyIsMadeAndUsed(t *testing.T) {
	each(t, func(w *world) {
		made := w.adds()
		if len(made.UserHandle) != 32 || made.Counter != 0 || made.Eligible || made.AAGUID != "" || len(made.Transports) != 1 {
			t.Errorf("%+v", made)
		}
		p, err := w.checks(passkey.ForSignIn, w.own.Get(w.ask(passkey.ForSignIn)))
		w.must(err)
		if p.Account.ID != w.ann.ID || !p.Verified || p.Use.Counter != 1 || p.Passkey.Name != "Bitwarden" {
			t.Errorf("%+v", p)
		}
		w.spends(p)
		w.own.Synced = true
		if synced := w.adds(); !synced.Eligible || !synced.BackedUp {
			t.Errorf("what its keeper copies: %+v", synced)
		}
		if got := len(w.own.Keys); got != 2 || string(w.own.Keys[0].Handle) != string(w.own.Keys[1].Handle) {
			t.Error("the second passkey knows the account by another handle")
		}
	})
}

// Options tell nobody anything: without an account they are the same for everybody but for the question, and carry no name.
func TestOptions(t *testing.T) {
	each(t, func(w *world) {
		shape := func(text []byte) (fields map[string]any) {
			w.must(json.Unmarshal(text, &fields))
			challenge, err := base64.RawURLEncoding.DecodeString(fields["challenge"].(string))
			if err != nil || !secret.TokenOf(string(challenge)).WellFormed() {
				t.Errorf("the question is %v", err)
			}
			delete(fields, "challenge")
			return fields
		}
		say := func(fields map[string]any) string {
			text, err := json.Marshal(fields)
			w.must(err)
			return string(text)
		}
		before := say(shape(w.ask(passkey.ForSignIn)))
		w.adds()
		if after := say(shape(w.ask(passkey.ForSignIn))); after != before || before != `{"allowCredentials":[],"rpId":"usher.example.org","timeout":240000,"userVerification":"required"}` {
			t.Errorf("before %s, after %s", before, after)
		}
		for purpose, want := range map[passkey.Purpose]string{passkey.ForCode: "required", passkey.ForAgain: "required"} {
			if got := shape(w.ask(purpose)); got["userVerification"] != want || len(got["allowCredentials"].([]any)) != 1 {
				t.Errorf("%s: %v", purpose, got)
			}
		}
		made := shape(w.ask(passkey.ForNew))
		user, wanted := made["user"].(map[string]any), made["authenticatorSelection"].(map[string]any)
		handle, err := base64.RawURLEncoding.DecodeString(user["id"].(string))
		if err != nil || len(handle) != 32 || strings.Contains(string(handle), w.ann.ID) || user["name"] != w.ann.Email {
			t.Errorf("%v: %v", err, user)
		}
		if wanted["residentKey"] != "required" || wanted["userVerification"] != "required" || made["attestation"] != "none" || len(made["excludeCredentials"].([]any)) != 1 {
			t.Errorf("%v", made)
		}
	})
}

// Wrong in one thing, an answer does not count: and uses its question up.
func TestAnswersThatDoNotCount(t *testing.T) {
	each(t, func(w *world) {
		w.adds()
		good := *w.own
		other := secret.NewToken()
		for name, test := range map[string]struct {
			change func(a *passkeytest.Authenticator)
			want   error
		}{
			"page of another site":       {func(a *passkeytest.Authenticator) { a.Origin = "https://evil-example.com" }, passkey.ErrWrong},
			"name that ends alike":       {func(a *passkeytest.Authenticator) { a.Origin = "https://badusher.example.org" }, passkey.ErrWrong},
			"page below":                 {func(a *passkeytest.Authenticator) { a.Origin = "https://www.usher.example.org" }, passkey.ErrWrong},
			"page above":                 {func(a *passkeytest.Authenticator) { a.Origin = "https://example.org" }, passkey.ErrWrong},
			"without encryption":         {func(a *passkeytest.Authenticator) { a.Origin = "http://usher.example.org" }, passkey.ErrWrong},
			"other port":                 {func(a *passkeytest.Authenticator) { a.Origin = origin + ":8443" }, passkey.ErrWrong},
			"spelled otherwise":          {func(a *passkeytest.Authenticator) { a.Origin = "https://USHER.example.org" }, passkey.ErrWrong},
			"page in a frame":            {func(a *passkeytest.Authenticator) { a.CrossOrigin = true }, passkey.ErrWrong},
			"other relying party":        {func(a *passkeytest.Authenticator) { a.Party = "example.org" }, passkey.ErrWrong},
			"answer about a new passkey": {func(a *passkeytest.Authenticator) { a.Type = "webauthn.create" }, passkey.ErrWrong},
			"nobody touched it":          {func(a *passkeytest.Authenticator) { a.Absent = true }, passkey.ErrWrong},
			"user not verified":          {func(a *passkeytest.Authenticator) { a.Unverified = true }, passkey.ErrUnverified},
			"copied all at once":         {func(a *passkeytest.Authenticator) { a.Synced = true }, passkey.ErrWrong},
			"question that nobody asked": {func(a *passkeytest.Authenticator) {
				a.Challenge = base64.RawURLEncoding.EncodeToString([]byte(other.Reveal()))
			}, passkey.ErrGone},
			"no question": {func(a *passkeytest.Authenticator) { a.Challenge = "." }, passkey.ErrGone},
		} {
			t.Run(name, func(t *testing.T) {
				*w.own = good
				test.change(w.own)
				asked := w.ask(passkey.ForSignIn)
				_, err := w.checks(passkey.ForSignIn, w.own.Get(asked))
				w.is(err, test.want)
				if errors.Is(test.want, passkey.ErrWrong) { // right this time, and too late
					*w.own = good
					_, err = w.checks(passkey.ForSignIn, w.own.Get(asked))
					w.is(err, passkey.ErrGone)
				}
			})
		}
		if n := teststore.Recorded(t, w.db, w.ann.ID, audit.PasskeyRefused); n != 13 {
			t.Errorf("%d refusals are recorded", n)
		}
	})
}

// A question is for one purpose, one account and one browser, for five minutes, and for one answer.
func TestQuestionsCountOnce(t *testing.T) {
	each(t, func(w *world) {
		w.adds()
		asked := w.ask(passkey.ForSignIn)
		text := w.own.Get(asked)
		p, err := w.checks(passkey.ForSignIn, text)
		w.must(err)
		w.spends(p)
		_, err = w.checks(passkey.ForSignIn, text) // replayed
		w.is(err, passkey.ErrGone)

		for _, asked := range []passkey.Purpose{passkey.ForSignIn, passkey.ForCode, passkey.ForReset, passkey.ForAgain, passkey.ForNew} {
			text := w.own.Get(w.ask(asked))
			for _, used := range []passkey.Purpose{passkey.ForSignIn, passkey.ForCode, passkey.ForReset, passkey.ForAgain} {
				if used != asked {
					_, err := w.checks(used, text)
					w.is(err, passkey.ErrGone)
				}
			}
		}
		strange := w.answer(passkey.ForSignIn, w.own.Get(w.ask(passkey.ForSignIn)))
		for _, browser := range []secret.Token{{}, secret.NewToken()} {
			strange.Browser = browser
			_, err := w.check.Check(w.Context(), strange)
			w.is(err, passkey.ErrGone)
		}
		late := w.own.Get(w.ask(passkey.ForSignIn))
		w.now = w.now.Add(5 * time.Minute)
		_, err = w.checks(passkey.ForSignIn, late)
		w.is(err, passkey.ErrGone)
	})
}

// Somebody else's passkey is no proof for an account, nor one that nobody has.
func TestOtherPeoplesPasskeys(t *testing.T) {
	each(t, func(w *world) {
		ann, hers := w.ann, w.own
		w.adds()
		w.ann, w.own = teststore.Person(t, w.db, "bert", start, nil), passkeytest.New(t, origin)
		w.adds()
		w.ann = ann
		for _, purpose := range []passkey.Purpose{passkey.ForCode, passkey.ForReset, passkey.ForAgain} {
			_, err := w.checks(purpose, w.own.GetWith(w.own.Keys[0], w.ask(purpose)))
			w.is(err, passkey.ErrUnknown)
		}
		nobodys := passkeytest.New(t, origin)
		nobodys.Create(w.ask(passkey.ForNew))
		_, err := w.checks(passkey.ForSignIn, nobodys.Get(w.ask(passkey.ForSignIn)))
		w.is(err, passkey.ErrUnknown)
		hers.Keys[0].Handle = w.own.Keys[0].Handle // a right signature that names somebody else
		_, err = w.checks(passkey.ForSignIn, hers.Get(w.ask(passkey.ForSignIn)))
		w.is(err, passkey.ErrWrong)
		hers.Keys[0].Handle = nil // or nobody
		_, err = w.checks(passkey.ForSignIn, hers.Get(w.ask(passkey.ForSignIn)))
		w.is(err, passkey.ErrWrong)
		forged := *nobodys.Keys[0] // somebody's id and handle, another key
		forged.ID, forged.Handle, forged.Counter = w.own.Keys[0].ID, w.own.Keys[0].Handle, 50
		_, err = w.checks(passkey.ForSignIn, nobodys.GetWith(&forged, w.ask(passkey.ForSignIn)))
		w.is(err, passkey.ErrWrong)
	})
}

// A counter that went back is refused and told, once; whoever holds the original is not shut out.
func TestCounterGoesBack(t *testing.T) {
	each(t, func(w *world) {
		w.adds()
		copied := *w.own.Keys[0]
		for range 3 {
			p, err := w.checks(passkey.ForSignIn, w.own.Get(w.ask(passkey.ForSignIn)))
			w.must(err)
			w.spends(p)
		}
		_, err := w.checks(passkey.ForSignIn, w.own.GetWith(&copied, w.ask(passkey.ForSignIn))) // counts 1
		w.is(err, passkey.ErrCounter)
		if n := teststore.Mailed(t, w.db, notice.KindPasskeyAlarm); n != 1 || teststore.Recorded(t, w.db, w.ann.ID, audit.PasskeyAlarm) != 1 {
			t.Errorf("%d mails", n)
		}
		all, err := w.db.ListPasskeys(w.Context(), w.ann.ID)
		w.must(err)
		if !all[0].AlarmAt.Equal(w.now) || all[0].Counter != 1 {
			t.Errorf("%+v", all[0])
		}
		p, err := w.checks(passkey.ForSignIn, w.own.Get(w.ask(passkey.ForSignIn))) // the original counts 4
		w.must(err)
		w.spends(p)
		_, err = w.checks(passkey.ForSignIn, w.own.GetWith(&copied, w.ask(passkey.ForSignIn))) // and the copy's 2 is told again
		w.is(err, passkey.ErrCounter)
	})
}

// Where a passkey stands for the code alone, one that does not know its user does; nowhere else.
func TestUnverifiedStandsForTheCode(t *testing.T) {
	each(t, func(w *world) {
		w.adds()
		w.own.Unverified = true
		q := w.question(passkey.ForCode)
		q.Unverified = true
		o, err := w.check.Ask(w.Context(), q)
		w.must(err)
		if !strings.Contains(string(o.JSON()), `"userVerification":"preferred"`) {
			t.Errorf("%s", o.JSON())
		}
		p, err := w.checks(passkey.ForCode, w.own.Get(o.JSON()))
		w.must(err)
		if p.Verified {
			t.Error("it says that its user was verified")
		}
		_, err = w.checks(passkey.ForAgain, w.own.Get(w.ask(passkey.ForAgain)))
		w.is(err, passkey.ErrUnverified)
	})
}

// New passkeys that are not what was asked for are not taken.
func TestNewPasskeysThatDoNotCount(t *testing.T) {
	each(t, func(w *world) {
		for name, change := range map[string]func(a *passkeytest.Authenticator){
			"other origin": func(a *passkeytest.Authenticator) { a.Origin = "https://evil-example.com" },
			"in a frame":   func(a *passkeytest.Authenticator) { a.CrossOrigin = true },
			"other party":  func(a *passkeytest.Authenticator) { a.Party = "org" },
			"no new one":   func(a *passkeytest.Authenticator) { a.Type = "webauthn.get" },
			"not verified": func(a *passkeytest.Authenticator) { a.Unverified = true },
			"not touched":  func(a *passkeytest.Authenticator) { a.Absent = true },
			"attested":     func(a *passkeytest.Authenticator) { a.Format = "fido-u2f" },
			"badly so":     func(a *passkeytest.Authenticator) { a.Format = "packed" },
		} {
			a := passkeytest.New(t, origin)
			change(a)
			asked := w.ask(passkey.ForNew)
			_, _, err := w.check.CheckNew(w.Context(), w.answer(passkey.ForNew, a.Create(asked)))
			if !errors.Is(err, passkey.ErrWrong) || name == "attested" && !strings.Contains(err.Error(), "nobody asked for") {
				t.Errorf("%s: %v", name, err)
			}
			_, _, err = w.check.CheckNew(w.Context(), w.answer(passkey.ForNew, w.own.Create(asked)))
			w.is(err, passkey.ErrGone)
		}
		for range passkey.Most {
			w.adds()
		}
		_, err := w.check.Ask(w.Context(), w.question(passkey.ForNew))
		w.is(err, passkey.ErrTooMany)
	})
}

// The longest id there is serves for everything, and a longer one is not taken.
func TestLongestID(t *testing.T) {
	each(t, func(w *world) {
		long := passkeytest.New(t, origin)
		long.Length = passkey.LongestID + 1
		_, _, err := w.check.CheckNew(w.Context(), w.answer(passkey.ForNew, long.Create(w.ask(passkey.ForNew))))
		w.is(err, passkey.ErrWrong)
		w.own.Length = passkey.LongestID
		if made := w.adds(); len(made.Credential) != passkey.LongestID {
			t.Fatalf("its id has %d bytes", len(made.Credential))
		}
		for _, p := range []passkey.Purpose{passkey.ForSignIn, passkey.ForAgain} {
			proof, err := w.checks(p, w.own.Get(w.ask(p)))
			w.must(err)
			w.spends(proof)
		}
	})
}

func TestQuestionsAreLimited(t *testing.T) {
	each(t, func(w *world) {
		for range ratelimit.PasskeyQuestions.Limit {
			w.ask(passkey.ForSignIn)
		}
		_, err := w.check.Ask(w.Context(), w.question(passkey.ForSignIn))
		if !errors.As(err, new(*ratelimit.LimitedError)) {
			t.Errorf("got %v", err)
		}
	})
}

// An incident ends the questions that were asked before it.
func TestIncidentEndsQuestions(t *testing.T) {
	each(t, func(w *world) {
		w.adds()
		text := w.own.Get(w.ask(passkey.ForAgain))
		w.must(w.db.EndEverything(w.Context(), w.ann.ID, nil, audit.New(w.now, audit.SignedOutAll, w.ann.ID, w.ann.ID)))
		_, err := w.checks(passkey.ForAgain, text)
		w.is(err, passkey.ErrGone)
	})
}

// What a browser sends may be anything.
func FuzzAnswer(f *testing.F) {
	party, err := passkey.NewParty(origin, "Usher")
	if err != nil {
		f.Fatal(err)
	}
	a := passkeytest.New(f, origin)
	created := a.Create([]byte(`{"challenge":"YWJj","rp":{"id":"usher.example.org"},"user":{"id":"YWJj"}}`))
	for _, seed := range []string{"", "{}", "null", created, a.Get([]byte(`{"challenge":"YWJj","rpId":"usher.example.org"}`)), strings.Replace(created, `"none"`, `"tpm"`, 1), strings.Repeat("[", 1000)} {
		f.Add(seed)
	}
	check := &passkey.Checker{Party: party, Resolver: nobody{}, Now: time.Now}
	f.Fuzz(func(t *testing.T, text string) {
		for _, err := range []error{second(check.Check(t.Context(), passkey.Answer{Text: text})), third(check.CheckNew(t.Context(), passkey.Answer{Text: text}))} {
			if !errors.Is(err, passkey.ErrWrong) && !errors.Is(err, passkey.ErrGone) {
				t.Errorf("got %v", err)
			}
		}
	})
}

func second(_ passkey.Proof, err error) error { return err }

func third(_ passkey.Passkey, _ string, err error) error { return err }

// nobody has asked anything.
type nobody struct{}

func (nobody) Resolve(context.Context, credential.Kind, secret.Token) (credential.Found, error) {
	return credential.Found{}, credential.ErrUnknown
}
