package keep

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"
)

// Server is whose server it is, as the service said when it was claimed.
type Server struct {
	// Service is the origin of the service it was claimed at.
	Service string `json:"service"`
	// ID is what the service calls the server, and its client_id there.
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Owner     Owner     `json:"owner"`
	ClaimedAt time.Time `json:"claimed_at"`
}

// Owner is the account a server belongs to.
type Owner struct {
	Subject string `json:"sub"`
	Name    string `json:"name"`
}

// Called says in a sentence whose the server is.
func (o Owner) Called() string { return cmp.Or(o.Name, "an account without a user name") }

// form is the version of the identity's file.
const form = 1

// kept is the identity on the disk. It names the key that it belongs to: in another server's folder it means nothing.
type kept struct {
	Form       int    `json:"usher_gate"`
	Thumbprint string `json:"key"`
	Server
}

// errForeign says that a file is not ours, or not whole.
var errForeign = errors.New("keep: not a file of this server")

// longestName bounds texts that the service chose, in bytes.
const longestName = 1000

func parseServer(raw []byte, thumbprint string) (Server, error) {
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		return Server{}, errForeign
	}
	u, err := url.Parse(k.Service)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return Server{}, errForeign
	}
	if k.Form != form || k.Thumbprint != thumbprint || !isID(k.ID) || k.Owner.Subject == "" || len(k.Name)+len(k.Owner.Name)+len(k.Owner.Subject) > longestName {
		return Server{}, errForeign
	}
	return k.Server, nil
}

// isID reports whether a text can be an id of the service: it stands in paths and headers.
func isID(text string) bool {
	outside := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	}
	return text != "" && len(text) <= 128 && !strings.ContainsFunc(text, outside)
}

// formatServer refuses what parseServer would not read again.
func formatServer(s Server, thumbprint string) ([]byte, error) {
	raw, err := json.MarshalIndent(kept{form, thumbprint, s}, "", " ")
	if err != nil {
		return nil, err
	}
	if _, err := parseServer(raw, thumbprint); err != nil {
		return nil, errors.New("the service named the server in a way that cannot be kept")
	}
	return append(raw, '\n'), nil
}
