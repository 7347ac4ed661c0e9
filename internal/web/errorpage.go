package web

import (
	"net/http"
	"time"

	"usher/internal/request"
)

// ErrorPage is "error". An empty Title or Sentence is filled in from Kind, then from Status.
type ErrorPage struct {
	Status   int
	Kind     string // one of the request.Refused constants, or empty
	Title    string
	Sentence string
	RetryAt  time.Time // shown as the time to try again, with 429 and 503
	Request  string    // the number that stands in the log
	Peer     string    // the proxy nobody told us to trust, with request.RefusedProxy
}

// Error answers with the error page for e.Status, adding the request's number
// when e carries none. A Retry-After header is the caller's to set.
func (rd *Renderer) Error(w http.ResponseWriter, r *http.Request, e ErrorPage) {
	if e.Request == "" {
		e.Request = request.From(r.Context()).ID
	}
	rd.Page(w, r, e.Status, "error", Page{Data: e})
}

// Refused answers what was turned away before it reached a handler.
func (rd *Renderer) Refused(w http.ResponseWriter, r *http.Request, status int, kind string) {
	e := ErrorPage{Status: status, Kind: kind}
	if client := request.From(r.Context()).Client; kind == request.RefusedProxy && client.IsValid() {
		e.Peer = client.String()
	}
	rd.Error(w, r, e)
}

type errorWords struct {
	title, sentence, icon string
}

// refusalWords say more than the status does, where the kind tells more.
var refusalWords = map[string]errorWords{
	request.RefusedHost:        {"Not the right address", "This service does not answer to the name in your address bar. Check the address, or ask the person who runs it.", "alert"},
	request.RefusedProxy:       {"A proxy that is not known yet", "", "server"},
	request.RefusedMethod:      {"That is not done here", "This page cannot be asked for in this way. Go back and use the buttons on the page.", "alert"},
	request.RefusedTarget:      {"The address is damaged", "There is something in the address that cannot be read. Type it again, or start from the start page.", "alert"},
	request.RefusedCrossOrigin: {"Sent from another website", "Another website tried to send this for you, so we did nothing. If it was you, open the page here and try again.", "shield"},
	request.RefusedSize:        {"That is too much", "What was sent is larger than anything we ask for. Nothing was changed.", "alert"},
	request.RefusedBody:        {"It broke off", "What you sent did not arrive whole, so nothing was changed. Go back and send it again.", "alert"},
	request.RefusedContentType: {"We could not read that", "What was sent is not one of our forms. Nothing was changed. Go back and try again.", "alert"},
	request.RefusedForm:        {"We could not read that", "What was sent has characters that cannot be read. Nothing was changed. Go back and try again.", "alert"},
}

var statusWords = map[int]errorWords{
	http.StatusBadRequest:            {"We could not read that", "What was sent is not complete or not valid. Nothing was changed. Go back and try again.", "alert"},
	http.StatusForbidden:             {"Not for this account", "Your account may not see this page. If you think it should, ask the person who runs this service.", "lock"},
	http.StatusNotFound:              {"Nothing here", "There is no page at this address. It may have moved, or the link was not complete.", "search"},
	http.StatusMethodNotAllowed:      {"That is not done here", "This page cannot be asked for in this way. Go back and use the buttons on the page.", "alert"},
	http.StatusConflict:              {"Somebody was faster", "This changed while you looked at it. Go back, look again, and then decide.", "clock"},
	http.StatusGone:                  {"This link is used up", "It was used already, or it is too old. You can ask for a new one.", "clock"},
	http.StatusRequestEntityTooLarge: {"That is too much", "What was sent is larger than anything we ask for. Nothing was changed.", "alert"},
	http.StatusMisdirectedRequest:    {"Not the right address", "This service does not answer to the name in your address bar. Check the address, or ask the person who runs it.", "alert"},
	http.StatusTooManyRequests:       {"Too many tries", "To keep accounts safe, we let some time pass between tries.", "clock"},
	http.StatusInternalServerError:   {"Something went wrong on our side", "It is not your fault, and you can try again. If it stays, tell the person who runs this service.", "alert"},
	http.StatusServiceUnavailable:    {"A moment, please", "There is more to do than we can do at once, or we are starting. Nothing is lost.", "clock"},
}

func (e ErrorPage) words() errorWords {
	if words, ok := refusalWords[e.Kind]; ok {
		return words
	}
	if words, ok := statusWords[e.Status]; ok {
		return words
	}
	if e.Status >= http.StatusInternalServerError {
		return statusWords[http.StatusInternalServerError]
	}
	return statusWords[http.StatusBadRequest]
}

// Heading is the title of the page.
func (e ErrorPage) Heading() string {
	if e.Title != "" {
		return e.Title
	}
	return e.words().title
}

// Text is the sentence under the title; it is empty where the template has its own.
func (e ErrorPage) Text() string {
	if e.Sentence != "" {
		return e.Sentence
	}
	return e.words().sentence
}

// Icon is the name of the icon above the title.
func (e ErrorPage) Icon() string { return e.words().icon }
