package local

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"usher/internal/gate/keep"
	"usher/internal/secret"
)

const (
	visitCookie = "usher-gate-visit"
	visitLife   = time.Hour
	// mostVisits bounds what is remembered. Those who know the code are the last to be forgotten.
	mostVisits = 500
)

// visit is one browser on the pages of the server.
type visit struct {
	peer netip.Addr
	// code is the set-up code that the browser has shown to know.
	code     secret.Token
	returned bool // it keeps our cookie
	seen     time.Time
}

// visits are the browsers of this start, by the hash of their cookie.
type visits struct {
	key [32]byte // of page tokens

	mu     sync.Mutex
	all    map[[sha256.Size]byte]*visit
	warned map[netip.Addr]bool
}

// guest is what a handler knows of the browser it answers.
type guest struct {
	cookie secret.Token
	Knows  bool // the set-up code
	// Crowded says that another browser uses the same address: something may stand in between, and everybody looks near.
	Crowded bool
}

// of finds the browser of a request, or remembers a new one and gives it its cookie. A code that the request brings counts from here on.
func (v *visits) of(w http.ResponseWriter, r *http.Request, window keep.Window, now time.Time, brought string) guest {
	v.mu.Lock()
	defer v.mu.Unlock()
	token, known := v.find(r, now)
	if known == nil {
		token = secret.NewToken()
		known = &visit{peer: peer(r)}
		v.add(token, known)
		http.SetCookie(w, &http.Cookie{Name: visitCookie, Value: token.Reveal(), Path: "/.usher/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: int(visitLife / time.Second)})
	}
	known.seen, known.peer = now, peer(r)
	if window.OpenAt(now) && window.Knows(brought) {
		known.code = window.Secret
	}
	return guest{token, window.OpenAt(now) && window.Knows(known.code.Reveal()), v.crowded(known.peer)}
}

func (v *visits) find(r *http.Request, now time.Time) (secret.Token, *visit) {
	for _, c := range r.CookiesNamed(visitCookie) {
		known := v.all[sha256.Sum256([]byte(c.Value))]
		if known != nil && now.Sub(known.seen) < visitLife {
			known.returned = true
			return secret.TokenOf(c.Value), known
		}
	}
	return secret.Token{}, nil
}

func (v *visits) add(token secret.Token, new *visit) {
	if v.all == nil {
		v.all = map[[sha256.Size]byte]*visit{}
	}
	for len(v.all) >= mostVisits {
		var oldest [sha256.Size]byte
		var found *visit
		for hash, known := range v.all {
			if found == nil || known.code.Empty() && !found.code.Empty() || known.code.Empty() == found.code.Empty() && known.seen.Before(found.seen) {
				oldest, found = hash, known
			}
		}
		delete(v.all, oldest)
	}
	v.all[sha256.Sum256([]byte(token.Reveal()))] = new
}

// crowded counts only browsers that came back with their cookie: one that keeps none is no second.
func (v *visits) crowded(at netip.Addr) bool {
	browsers := 0
	for _, known := range v.all {
		if known.returned && known.peer == at {
			browsers++
		}
	}
	return browsers > 1
}

// firstCrowd reports whether an address with several browsers has not been told of yet.
func (v *visits) firstCrowd(at netip.Addr) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.warned == nil {
		v.warned = map[netip.Addr]bool{}
	}
	first := !v.warned[at]
	v.warned[at] = true
	return first
}

// pageToken stands in every form of a page for one browser: another website's form cannot have it.
func (v *visits) pageToken(cookie secret.Token) string {
	mac := hmac.New(sha256.New, v.key[:])
	mac.Write([]byte(cookie.Reveal()))
	return hex.EncodeToString(mac.Sum(nil))
}

func (v *visits) right(cookie secret.Token, token string) bool {
	return hmac.Equal([]byte(token), []byte(v.pageToken(cookie)))
}
