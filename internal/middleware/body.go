package middleware

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"usher/internal/request"
)

// MaxBody is the most bytes of a request's body anybody here reads.
const MaxBody = 64 << 10

// boundedBody refuses bodies over MaxBody. One that tells no length is read here,
// so that the refusal is a page and not an error in the middle of a handler.
func (c *chain) boundedBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > MaxBody {
			c.page(w, r, http.StatusRequestEntityTooLarge, request.RefusedSize)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		if r.ContentLength < 0 {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				status, kind := bodyFault(err)
				c.page(w, r, status, kind)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.ContentLength = int64(len(body))
			r.TransferEncoding = nil
		}
		next.ServeHTTP(w, r)
	})
}

func bodyFault(err error) (status int, kind string) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge, request.RefusedSize
	}
	return http.StatusBadRequest, request.RefusedBody
}

// RequireForm is for doors that serve pages: an unsafe request must carry a plain
// HTML form (application/x-www-form-urlencoded, in UTF-8) or nothing. The form is
// parsed here into r.PostForm; one with NUL, broken text or the same field twice
// never reaches a handler.
func RequireForm(page ErrorPage) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if status, kind := formFault(r); status != 0 {
				page(w, r, status, kind)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func formFault(r *http.Request) (status int, kind string) {
	if safe(r.Method) {
		return 0, ""
	}
	if !isForm(r.Header["Content-Type"]) && r.ContentLength != 0 {
		return http.StatusUnsupportedMediaType, request.RefusedContentType
	}
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return http.StatusRequestEntityTooLarge, request.RefusedSize
		}
		return http.StatusBadRequest, request.RefusedForm
	}
	if !cleanForm(r.PostForm) {
		return http.StatusBadRequest, request.RefusedForm
	}
	return 0, ""
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func isForm(contentTypes []string) bool {
	if len(contentTypes) != 1 {
		return false
	}
	mediaType, params, err := mime.ParseMediaType(contentTypes[0])
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return false
	}
	charset, given := params["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}

func cleanForm(form url.Values) bool {
	for name, values := range form {
		if len(values) != 1 || !cleanText(name) || !cleanText(values[0]) {
			return false
		}
	}
	return true
}
