package web

import (
	"context"
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/outage"
	"usher/internal/passkey"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/response"
	"usher/internal/server"
	"usher/internal/social"
)

// handler answers a request or says what went wrong; show turns that into a page and a log line.
type handler func(w http.ResponseWriter, r *http.Request) error

// show adapts a handler for the mux.
func (d *Door) show(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			d.fail(w, r, err)
		}
	})
}

// fail answers with the page that belongs to an error. What is nobody's fault but ours goes to the log, with the number the page shows.
func (d *Door) fail(w http.ResponseWriter, r *http.Request, err error) {
	if response.Left(w, r) {
		return
	}
	switch { // these only redirect, and never fail
	case errors.Is(err, errAskAgain):
		_ = d.askAgain(w, r)
		return
	case errors.Is(err, credential.ErrNoPassword):
		_ = d.passwordFirst(w, r)
		return
	}
	page := d.errorPage(err)
	if !page.RetryAt.IsZero() {
		response.RetryAfter(w, page.RetryAt.Sub(d.Now()))
	}
	if page.Status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		response.LogFailure(d.Log, r, err)
	}
	d.Pages.Error(w, r, page)
}

func (d *Door) errorPage(err error) ErrorPage {
	limited := new(ratelimit.LimitedError)
	switch {
	case errors.As(err, &limited):
		return ErrorPage{Status: http.StatusTooManyRequests, RetryAt: limited.Until}
	case errors.Is(err, argon2id.ErrBusy), errors.Is(err, outage.Err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ErrorPage{Status: http.StatusServiceUnavailable, RetryAt: d.Now().Add(response.BusyPause)}
	case errors.Is(err, errNotFound), errors.Is(err, account.ErrNotFound), errors.Is(err, device.ErrNotFound), errors.Is(err, notice.ErrNotFound), errors.Is(err, incident.ErrNotFound),
		errors.Is(err, relyingparty.ErrNotFound), errors.Is(err, server.ErrNotFound), errors.Is(err, social.ErrNotOffered), errors.Is(err, passkey.ErrNotFound):
		return ErrorPage{Status: http.StatusNotFound}
	case errors.Is(err, errForbidden):
		return ErrorPage{Status: http.StatusForbidden}
	case errors.Is(err, credential.ErrSpent):
		return ErrorPage{Status: http.StatusConflict}
	}
	return ErrorPage{Status: http.StatusInternalServerError}
}

var (
	errNotFound  = errors.New("web: no such page")
	errForbidden = errors.New("web: not for this account")
)

// refuse shows a form again with what is wrong with it. Limits and a full house are told in the form too, so that nothing typed is lost.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, form *Form, err error) (status int, known bool) {
	limited := new(ratelimit.LimitedError)
	switch {
	case errors.As(err, &limited):
		form.RetryAt = limited.Until
		response.RetryAfter(w, limited.Until.Sub(d.Now()))
		return http.StatusTooManyRequests, true
	case errors.Is(err, argon2id.ErrBusy):
		form.Problem = "There is more to do than we can do at once. Try again in a few seconds."
		response.RetryAfter(w, response.BusyPause)
		return http.StatusServiceUnavailable, true
	case errors.Is(err, errLate):
		return http.StatusUnprocessableEntity, true
	case errors.Is(err, credential.ErrStale): // the five minutes ended between the look at them and the act
		form.Problem = "It is a while since you typed your password. Type it once more."
	}
	return http.StatusUnprocessableEntity, form.Refused()
}

// again answers a refused form: with the page when the form says why, else with the error page.
func (d *Door) again(w http.ResponseWriter, r *http.Request, form *Form, err error, show func(status int) error) error {
	status, known := d.refuse(w, r, form, err)
	if !known {
		return err
	}
	return show(status)
}

// to sends the browser on after a form (RFC 9700 §4.12: 303, never 307).
func to(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}
