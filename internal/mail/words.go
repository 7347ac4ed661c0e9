package mail

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"usher/internal/notice"
)

// words is what the templates of the kinds can say. Every string in it is one tame line.
type words struct {
	Service   string
	Host      string
	Device    string // begins a sentence
	DeviceLow string // stands inside one
	Place     string
	Where     string // " near Lyon, France", or empty
	At        string
	Until     string
	UntilDay  string
	Minutes   string
	Count     string
	New       string
	From      string
	Server    string
	People    bool // of Server can be looked up
	Check     string

	product string
	address string
	link    string
}

const (
	wordJoiner   = '\u2060'
	momentLayout = "2 January 2006 at 15:04 UTC"
	dayLayout    = "2 January 2006"
)

func (c *Composer) wordsOf(n notice.Notice) (words, error) {
	w := words{
		Service: c.service,
		Host:    c.host,
		Device:  tameForeign(n.Data[notice.DataName], 64),
		Place:   tameForeign(n.Data[notice.DataPlace], 64),
		Minutes: tame(n.Data[notice.DataMinutes], 8),
		Count:   tame(n.Data[notice.DataCount], 8),
		New:     tame(n.Data[notice.DataNew], 260),
		From:    tameForeign(n.Data[notice.DataFrom], 64),
		Server:  tameForeign(n.Data[notice.DataServer], 64),
		People:  n.Data[notice.DataPeople] == "yes",
		Check:   tame(n.Data[notice.DataCheck], 16),
		product: tameForeign(n.Data[notice.DataProduct], 64),
	}
	switch n.Kind {
	case notice.KindAppPasswordMade, notice.KindPasskeyAdded, notice.KindPasskeyRemoved, notice.KindPasskeyAlarm: // whoever is at the browser chose it
		w.New = tameForeign(n.Data[notice.DataNew], 64)
	}
	if w.DeviceLow = w.Device; w.Device == "" {
		w.Device, w.DeviceLow = "A device we don't know", "a device we don't know"
	}
	if w.Place != "" {
		w.Where = " near " + w.Place
	}
	if address, err := netip.ParseAddr(n.Data[notice.DataAddress]); err == nil {
		w.address = address.Unmap().WithZone("").String()
	}
	if code := n.Data[notice.DataCode]; code != tame(code, 16) {
		return words{}, fmt.Errorf("%w: the code is none", ErrRender)
	}
	err := c.fill(&w, n)
	return w, err
}

// fill adds what can be wrong: times and the link.
func (c *Composer) fill(w *words, n notice.Notice) (err error) {
	if at := n.Data[notice.DataAt]; at != "" {
		if w.At, err = moment(at, momentLayout); err != nil {
			return err
		}
	}
	if until := n.Data[notice.DataUntil]; until != "" {
		if w.Until, err = moment(until, momentLayout); err != nil {
			return err
		}
		if w.UntilDay, err = moment(until, dayLayout); err != nil {
			return err
		}
	}
	w.link, err = c.onOrigin(n.Data[notice.DataLink])
	return err
}

// tellsDevice are the kinds that say which device it was.
var tellsDevice = []notice.Kind{
	notice.KindNewDevice, notice.KindPasswordChanged, notice.KindSecondFactorOn, notice.KindSecondFactorOff, notice.KindRecoveryCodesReplaced,
	notice.KindRecoveryCodeUsed, notice.KindCodesRefused, notice.KindAppPasswordMade, notice.KindServerClaimed, notice.KindDeviceLinked,
	notice.KindServersBack, notice.KindServerUnclaimed, notice.KindPasskeyAdded, notice.KindPasskeyRemoved, notice.KindPasskeyAlarm, notice.KindIdentityLinked, notice.KindIdentityUnlinked,
}

// list gives the facts that stand below the first line: whatever it could not say.
func (w words) list(kind notice.Kind) []fact {
	if !slices.Contains(tellsDevice, kind) {
		return nil
	}
	var facts []fact
	if w.product != "" && !strings.Contains(w.Device, w.product) {
		facts = append(facts, fact{"App", w.product})
	}
	if w.address != "" {
		facts = append(facts, fact{"IP address", w.address})
	}
	return facts
}

// onOrigin returns the link as a whole address; a notice without one leads to the front door. A link that leaves the
// origin is ErrRender, whoever made it.
func (c *Composer) onOrigin(link string) (string, error) {
	whole := link
	if link == "" || strings.HasPrefix(link, "/") {
		whole = c.origin + "/" + strings.TrimPrefix(link, "/")
	}
	if strings.HasPrefix(link, "//") || !strings.HasPrefix(whole, c.origin+"/") || !plainLink(whole) {
		return "", fmt.Errorf("%w: the link leads away from the origin", ErrRender)
	}
	return whole, nil
}

// plainLink says whether a link survives text, HTML and the habits of mail readers as it stands.
func plainLink(link string) bool {
	return len(link) <= 2000 && !strings.ContainsFunc(link, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"'<>`\\^{}|", r)
	})
}

// tame makes one short line of anything: no controls, no invisible or direction-changing characters, at most limit
// characters. A subject in plain ASCII is not encoded, and a reader would decode an encoded word (RFC 2047) that stands in
// it; a word joiner, which nobody sees, breaks it up.
func tame(text string, limit int) string {
	var out strings.Builder
	blank, count, last := false, 0, rune(0)
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		if count == limit {
			out.WriteRune('…')
			break
		}
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			blank = out.Len() > 0
			continue
		case !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r):
			continue
		}
		if blank {
			out.WriteByte(' ')
			count++
			blank = false
		}
		if r == '?' && last == '=' {
			out.WriteRune(wordJoiner)
		}
		out.WriteRune(r)
		last = r
		count++
	}
	return out.String()
}

// tameForeign is tame for what a stranger may have chosen. Mail readers turn "evil.example" into a link by themselves;
// a word joiner behind the dot keeps them from it.
func tameForeign(text string, limit int) string {
	line := []rune(tame(text, limit))
	var out strings.Builder
	for i, r := range line {
		out.WriteRune(r)
		inside := i > 0 && i+1 < len(line)
		if inside && (r == '.' && unicode.IsLetter(line[i+1]) || r == ':' && line[i+1] == '/' || r == '@') {
			out.WriteRune(wordJoiner)
		}
	}
	return out.String()
}

// messageID is the same at every try, so that a receiver who gets a mail twice can tell.
func (c *Composer) messageID(id string) string {
	strange := strings.ContainsFunc(id, func(r rune) bool {
		return r > 'z' || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-'
	})
	if id == "" || strange || len(id) > 100 {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:16])
	}
	return id + "@" + c.idHost
}

func idHost(host string) string {
	if address, err := netip.ParseAddr(host); err == nil {
		if address.Is6() {
			return "[IPv6:" + address.WithZone("").String() + "]"
		}
		return "[" + address.String() + "]"
	}
	return strings.ToLower(host)
}
