package local

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"usher/internal/gate/accounts"
	"usher/internal/outage"
	"usher/internal/secret"
)

// media is what a server tells everybody about itself.
type media struct {
	XMLName    xml.Name `xml:"MediaContainer" json:"-"`
	Size       int      `xml:"size,attr" json:"size"`
	APIVersion string   `xml:"apiVersion,attr" json:"apiVersion"`
	Claimed    bool     `xml:"-" json:"claimed"`
	ClaimedXML int      `xml:"claimed,attr" json:"-"`
	Machine    string   `xml:"machineIdentifier,attr" json:"machineIdentifier"`
	Version    string   `xml:"version,attr" json:"version"`
}

// apiVersion is that of the wire API which the answers follow.
const apiVersion = "1.1.1"

// identity says which server this is, and whether it belongs to somebody; never to whom.
func (d *Door) identity(w http.ResponseWriter, r *http.Request) {
	sum := sha256.Sum256([]byte(d.Folder.Thumbprint()))
	m := media{APIVersion: apiVersion, Machine: hex.EncodeToString(sum[:20]), Version: d.Facts.Version}
	if o := d.ownership(); o.Claimed { // players look for the id under which their account lists it
		m.Claimed, m.ClaimedXML, m.Machine = true, 1, o.Server.ID
	}
	answer(w, r, http.StatusOK, "MediaContainer", m)
}

// myPlex is how a server stands with its account, in the words of plex.tv.
type myPlex struct {
	XMLName       xml.Name `xml:"MyPlex" json:"-"`
	AuthToken     string   `xml:"authToken,attr" json:"authToken"` // always empty: what the server has is told to nobody
	UserName      string   `xml:"username,attr" json:"username"`
	SignIn        string   `xml:"signInState,attr" json:"signInState"`
	Mapping       string   `xml:"mappingState,attr" json:"mappingState"`
	MappingError  string   `xml:"mappingError,attr" json:"mappingError"`
	MappingSays   string   `xml:"mappingErrorMessage,attr" json:"mappingErrorMessage"`
	PublicAddress string   `xml:"publicAddress,attr" json:"publicAddress"`
	PublicPort    int      `xml:"publicPort,attr" json:"publicPort"`
	Private       string   `xml:"privateAddress,attr" json:"privateAddress"`
	PrivatePort   string   `xml:"privatePort,attr" json:"privatePort"`
	Features      string   `xml:"subscriptionFeatures,attr" json:"subscriptionFeatures"`
	Active        int      `xml:"subscriptionActive,attr" json:"subscriptionActive"`
	Subscription  string   `xml:"subscriptionState,attr" json:"subscriptionState"`
}

func (d *Door) standing() myPlex {
	m := myPlex{SignIn: "none", Mapping: "unknown", PrivatePort: d.Facts.Port, Subscription: "Unknown"}
	if o := d.ownership(); o.Claimed {
		m.SignIn, m.UserName = "ok", o.Server.Owner.Name
		if o.SignedOut != nil {
			m.SignIn = "invalid"
		}
	}
	return m
}

// leave says whether a program may act on whose server it is: it comes from near, and has a token of the owner's or knows the set-up code, or the owner of the
// machine has waived that.
func (d *Door) leave(r *http.Request, waivable bool) (bool, error) {
	if d.Networks.judge(r) != near {
		return false, nil
	}
	if owner, err := d.Owner(r); owner || err != nil {
		return owner, err
	}
	window, err := d.Folder.Window()
	if err != nil {
		return false, err
	}
	now, code := d.Now(), r.Header.Get("X-Usher-Setup")
	if code == "" {
		code = r.URL.Query().Get(setupField)
	}
	return window.OpenAt(now) && (window.Knows(code) || waivable && window.WaivedAt(now)), nil
}

// permitted answers programs that may not act.
func (d *Door) permitted(w http.ResponseWriter, r *http.Request, waivable bool) bool {
	may, err := d.leave(r, waivable)
	switch {
	case errors.Is(err, outage.Err):
		plexError(w, http.StatusServiceUnavailable, "the account service does not say just now whose token that is")
	case err != nil:
		d.Log.Error("request failed", "route", r.Pattern, "error", err)
		plexError(w, http.StatusInternalServerError, "something went wrong here; the gate's log says what")
	case !may:
		plexError(w, http.StatusUnauthorized, "neither a set-up code that counts now nor a token of the server's owner came. The code stands at the end of the gate's log and counts for 15 minutes; 'usher gate reopen' prints a new one. Ask from this machine or beside it, at the server's IP address")
	}
	return may && err == nil
}

// plexClaim takes a claim token from a program. To who may not claim it says that first: a program that sends no token yet learns whether its set-up code
// counts. A token is never written into a log, nor into the answer.
func (d *Door) plexClaim(w http.ResponseWriter, r *http.Request) {
	if !d.permitted(w, r, true) {
		return
	}
	err := d.Claims.Redeem(r.Context(), secret.TokenOf(r.URL.Query().Get("token")))
	switch {
	case err == nil:
		answer(w, r, http.StatusOK, "MyPlex", d.standing())
	case errors.Is(err, accounts.ErrTaken):
		plexError(w, http.StatusUnauthorized, err.Error())
	case errors.Is(err, accounts.ErrDead), errors.Is(err, accounts.ErrTooMany):
		plexError(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, outage.Err):
		d.Log.Warn("the service does not answer", "error", err)
		plexError(w, http.StatusServiceUnavailable, "the account service does not answer just now")
	default:
		d.Log.Error("request failed", "route", r.Pattern, "error", err)
		plexError(w, http.StatusBadGateway, "the account service did not take the claim; the gate's log says why")
	}
}

func (d *Door) plexAccount(w http.ResponseWriter, r *http.Request) {
	if d.permitted(w, r, false) {
		answer(w, r, http.StatusOK, "MyPlex", d.standing())
	}
}

func (d *Door) plexUnclaim(w http.ResponseWriter, r *http.Request) {
	if !d.permitted(w, r, false) {
		return
	}
	err := d.Claims.Unclaim(r.Context())
	switch {
	case errors.Is(err, accounts.ErrSignedOut):
		plexError(w, http.StatusUnauthorized, "this server is signed out: its owner gives it up, or brings it back, at "+d.serversPage())
		return
	case err != nil && !errors.Is(err, accounts.ErrUnclaimed):
		d.Log.Error("request failed", "route", r.Pattern, "error", err)
		plexError(w, http.StatusServiceUnavailable, "the account service did not take it back; the gate's log says why")
		return
	}
	answer(w, r, http.StatusOK, "MyPlex", d.standing())
}

// answer writes XML, and JSON to those who ask for it. No header and no text of it says HTTP in capitals: an old script looks for that.
func answer(w http.ResponseWriter, r *http.Request, status int, name string, what any) {
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		if raw, err := json.Marshal(map[string]any{name: what}); err == nil {
			write(w, status, "application/json", raw)
		}
		return
	}
	if raw, err := xml.Marshal(what); err == nil {
		write(w, status, "text/xml;charset=utf-8", append([]byte(xml.Header), raw...))
	}
}

func write(w http.ResponseWriter, status int, kind string, raw []byte) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the reader may be gone; nothing is left to tell them
}

func plexError(w http.ResponseWriter, status int, text string) {
	write(w, status, "text/plain; charset=utf-8", []byte(text+"\n"))
}
