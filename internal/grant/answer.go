package grant

import (
	"net/url"
	"strings"
)

// Return is where an authorization request is answered. It was proved to be the client's.
type Return struct {
	URI   string `json:"uri"`
	State string `json:"state,omitempty"`
	Form  bool   `json:"form,omitempty"` // response_mode=form_post
}

// Field is one parameter of an answer.
type Field struct{ Name, Value string }

// Answer is what an authorization request ends in: a code, or an error.
type Answer struct {
	URI    string
	Form   bool // the browser posts the fields (OAuth 2.0 Form Post Response Mode)
	Fields []Field
}

// Location is where a browser goes with an answer that is no form: the redirect URI with the fields added to its query (RFC 6749 §4.1.2).
func (a Answer) Location() string {
	q := make([]string, len(a.Fields))
	for i, f := range a.Fields {
		q[i] = url.QueryEscape(f.Name) + "=" + url.QueryEscape(f.Value)
	}
	switch {
	case !strings.Contains(a.URI, "?"):
		return a.URI + "?" + strings.Join(q, "&")
	case strings.HasSuffix(a.URI, "?"):
		return a.URI + strings.Join(q, "&")
	}
	return a.URI + "&" + strings.Join(q, "&")
}

// Origin is where the answer goes, as a Content-Security-Policy names it.
func (a Answer) Origin() string { return Return{URI: a.URI}.origin() }

// answer adds the state and the issuer, which every answer carries (RFC 9207).
func (r Return) answer(issuer string, fields ...Field) Answer {
	if r.State != "" {
		fields = append(fields, Field{"state", r.State})
	}
	return Answer{URI: r.URI, Form: r.Form, Fields: append(fields, Field{"iss", issuer})}
}

// origin is scheme and host of where the answer goes; of an app's own scheme, the scheme alone.
func (r Return) origin() string {
	u, err := url.Parse(r.URI)
	if err != nil {
		return ""
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

// Refused is the answer that tells a client of a refusal.
func (s *Service) Refused(r *Refusal) Answer {
	return r.To.answer(s.Issuer, Field{"error", r.Code}, Field{"error_description", r.Text})
}
