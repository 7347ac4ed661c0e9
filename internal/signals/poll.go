package signals

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"usher/internal/relyingparty"
	"usher/internal/transmitter"
)

// wanted is a poll (RFC 8936 §2.2).
type wanted struct {
	Most   *int                       `json:"maxEvents"`
	AtOnce bool                       `json:"returnImmediately"`
	Acks   []string                   `json:"ack"`
	Errors map[string]json.RawMessage `json:"setErrs"` // what is wrong with tokens, which are dropped: a token that comes again is the same (§2.4.4, §2.6)
}

// sets is the answer (RFC 8936 §2.3).
type sets struct {
	Sets map[string]string `json:"sets"`
	More bool              `json:"moreAvailable,omitempty"`
}

// refusalCodes are what may be wrong with a token (RFC 8935 §2.4, as RFC 8936 §2.6 takes them over).
var refusalCodes = []string{"invalid_request", "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed", "access_denied"}

// refusals are the codes by which tokens are refused, each once; "other" for what is none.
func refusals(all map[string]json.RawMessage) (codes []string) {
	for _, raw := range all {
		var said struct {
			Code string `json:"err"`
		}
		if json.Unmarshal(raw, &said) != nil || !slices.Contains(refusalCodes, said.Code) {
			said.Code = "other"
		}
		if !slices.Contains(codes, said.Code) {
			codes = append(codes, said.Code)
		}
	}
	slices.Sort(codes)
	return codes
}

// slack is what an answer may take besides its waiting.
const slack = 20 * time.Second

// poll answers with what waits, or waits itself.
func (d *Door) poll(w http.ResponseWriter, r *http.Request, c relyingparty.Client) error {
	var p wanted
	if err := read(r, &p); err != nil {
		return err
	}
	most := transmitter.MostSets
	if p.Most != nil {
		most = min(most, *p.Most)
	}
	if most < 0 || len(p.Acks)+len(p.Errors) > transmitter.MostAcks {
		return errBody
	}
	if len(p.Errors) > 0 {
		d.Log.WarnContext(r.Context(), "a client refuses signals; they are not sent again", "client", c.ID, "count", len(p.Errors), "why", refusals(p.Errors))
	}
	if !p.AtOnce { // longer than a request may take otherwise
		control, until := http.NewResponseController(w), time.Now().Add(transmitter.Patience+slack)
		if err := errors.Join(control.SetReadDeadline(until), control.SetWriteDeadline(until)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
	}
	got, err := d.Transmitter.Poll(r.Context(), c, transmitter.Poll{
		Acks: slices.AppendSeq(p.Acks, maps.Keys(p.Errors)), Most: most, Wait: !p.AtOnce,
	})
	if err != nil {
		return err
	}
	send(w, http.StatusOK, sets{got.Tokens, got.More})
	return nil
}
