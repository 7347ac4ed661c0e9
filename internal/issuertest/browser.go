package issuertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// Browser is what a person uses at issuers; it keeps their cookies. One goroutine at a time.
type Browser struct {
	who    *Account
	client *http.Client
}

// NewBrowser is one before which sits whoever the issuer says.
func NewBrowser() *Browser {
	jar, _ := cookiejar.New(nil) // fails with options only
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Browser{client: &http.Client{Jar: jar, CheckRedirect: stay}}
}

// BrowserOf is one before which sits this person, whatever others do at the issuer meanwhile.
func BrowserOf(who Account) *Browser {
	b := NewBrowser()
	b.who = &who
	return b
}

// Answer is what an issuer has a browser bring back: by GET when Form is nil, else by POST, which comes from the issuer's page and without the cookies of the other site.
type Answer struct {
	URL  string
	Form url.Values
}

// Values are what the answer says, in whichever way it is brought.
func (a Answer) Values() url.Values {
	if a.Form != nil {
		return a.Form
	}
	to, err := url.Parse(a.URL)
	if err != nil {
		return url.Values{}
	}
	return to.Query()
}

// Visit goes where a browser was sent to sign in, does so, and stops before it brings the answer back. What an issuer says no to on its own page is an error.
func (b *Browser) Visit(address string) (Answer, error) {
	begun, err := url.Parse(address)
	if err != nil {
		return Answer{}, err
	}
	at := begun
	for range 10 {
		if at.Host != begun.Host {
			return Answer{URL: at.String()}, nil
		}
		next, answer, err := b.step(at)
		if err != nil || answer != nil {
			return answerOf(answer), err
		}
		at = next
	}
	return Answer{}, errors.New("the issuer sends the browser round and round")
}

func answerOf(answer *Answer) Answer {
	if answer == nil {
		return Answer{}
	}
	return *answer
}

// step asks for one page of the issuer's: it leads on, or posts an answer.
func (b *Browser) step(at *url.URL) (*url.URL, *Answer, error) {
	request, err := http.NewRequest(http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	if b.who != nil {
		named, err := json.Marshal(b.who)
		if err != nil {
			return nil, nil, err
		}
		request.Header.Set(browserHeader, string(named))
	}
	response, err := b.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	page, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // it has been read to its end
	if err != nil {
		return nil, nil, err
	}
	if to, err := response.Location(); err == nil {
		return to, nil, nil
	}
	if action, values, found := readForm(page); found {
		return nil, &Answer{URL: action, Form: values}, nil
	}
	return nil, nil, fmt.Errorf("the issuer answers %d: %s", response.StatusCode, strings.TrimSpace(string(page)))
}
