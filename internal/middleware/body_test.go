package middleware_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"usher/internal/middleware"
)

func TestBodiesAreBounded(t *testing.T) {
	var got int
	h := middleware.Chain(middleware.Settings{Origin: origin(t, "http://localhost:8484"), ErrorPage: errorPage}, slog.New(slog.DiscardHandler))(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("the handler's read failed: %v", err)
			}
			got = len(body)
		}))
	for _, c := range []struct {
		name   string
		size   int
		length int64
		status int
	}{
		{"exactly the limit", middleware.MaxBody, middleware.MaxBody, 200},
		{"exactly the limit, chunked", middleware.MaxBody, -1, 200},
		{"one more, announced", middleware.MaxBody + 1, middleware.MaxBody + 1, 413},
		{"one more, chunked", middleware.MaxBody + 1, -1, 413},
		{"endless", 10 << 20, -1, 413},
		{"nothing", 0, 0, 200},
		{"nothing, chunked", 0, -1, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			got = -1
			r := httptest.NewRequest("POST", "http://localhost:8484/", strings.NewReader(strings.Repeat("a", c.size)))
			r.ContentLength = c.length
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			if c.status == 200 && got != c.size {
				t.Errorf("the handler read %d bytes of %d", got, c.size)
			}
			if c.status == 413 && (got != -1 || !strings.Contains(w.Body.String(), "kind=size ")) {
				t.Errorf("the handler read %d; page %q", got, w.Body)
			}
		})
	}
}

func TestABodyThatBreaksOff(t *testing.T) {
	s := newService(t, middleware.Settings{})
	res := s.ask("POST", "/form/x", func(r *http.Request) {
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader("a=b"), broken{}))
		r.ContentLength = -1
	})
	if res.StatusCode != 400 || !strings.Contains(text(t, res), "kind=body ") {
		t.Errorf("status %d", res.StatusCode)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func form(contentType []string, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if contentType != nil {
		r.Header["Content-Type"] = contentType
	}
	w := httptest.NewRecorder()
	middleware.RequireForm(errorPage)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "a="+r.PostForm.Get("a"))
	})).ServeHTTP(w, r)
	return w
}

func TestOnlyFormsPass(t *testing.T) {
	ordinary := []string{"application/x-www-form-urlencoded"}
	for _, c := range []struct {
		name, method string
		contentType  []string
		target, body string
		status       int
		answer       string
	}{
		{"a form", "POST", ordinary, "/", "a=b&c=d", 200, "a=b"},
		{"a form in UTF-8", "POST", []string{"application/x-www-form-urlencoded; charset=UTF-8"}, "/", "a=%C3%BC", 200, "a=ü"},
		{"an empty form", "POST", ordinary, "/", "", 200, "a="},
		{"nothing", "POST", nil, "/", "", 200, "a="},
		{"a page", "GET", nil, "/?a=%00", "", 200, "a="},
		{"the query is not the form", "POST", ordinary, "/?a=query", "c=d", 200, "a="},
		{"no type", "POST", nil, "/", "a=b", 415, "kind=content-type "},
		{"JSON", "POST", []string{"application/json"}, "/", `{"a":"b"}`, 415, "kind=content-type "},
		{"plain text", "POST", []string{"text/plain"}, "/", "a=b", 415, "kind=content-type "},
		{"multipart", "POST", []string{"multipart/form-data; boundary=x"}, "/", "--x--", 415, "kind=content-type "},
		{"two types", "POST", []string{"application/x-www-form-urlencoded", "text/plain"}, "/", "a=b", 415, "kind=content-type "},
		{"a broken type", "POST", []string{"application/x-www-form-urlencoded; charset"}, "/", "a=b", 415, "kind=content-type "},
		{"another charset", "POST", []string{"application/x-www-form-urlencoded; charset=utf-7"}, "/", "a=b", 415, "kind=content-type "},
		{"the same field twice", "POST", ordinary, "/", "a=b&a=c", 400, "kind=form "},
		{"NUL", "POST", ordinary, "/", "a=b%00c", 400, "kind=form "},
		{"NUL in a name", "POST", ordinary, "/", "a%00=b", 400, "kind=form "},
		{"not UTF-8", "POST", ordinary, "/", "a=%ff", 400, "kind=form "},
		{"a surrogate", "POST", ordinary, "/", "a=%ed%a0%80", 400, "kind=form "},
		{"a broken escape", "POST", ordinary, "/", "a=%zz", 400, "kind=form "},
		{"a semicolon", "POST", ordinary, "/", "a=b;c=d", 400, "kind=form "},
		{"put", "PUT", []string{"application/json"}, "/", "{}", 415, "kind=content-type "},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := form(c.contentType, c.method, c.target, c.body)
			if w.Code != c.status || !strings.HasPrefix(w.Body.String(), c.answer) {
				t.Errorf("%d %q, want %d %q", w.Code, w.Body, c.status, c.answer)
			}
		})
	}
}

func FuzzForm(f *testing.F) {
	for _, seed := range []string{"a=b", "a=%00", "a=b&a=c", "=", "&&", "a=%ff", "%zz", "a;b", "a=\x00", "a=\xff", "a=%ed%a0%80"} {
		f.Add("application/x-www-form-urlencoded", seed)
	}
	f.Add("text/plain;charset=\"", "a=b")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		w := form([]string{contentType}, "POST", "/", body)
		switch w.Code {
		case 200:
			if strings.ContainsRune(w.Body.String(), 0) || strings.ToValidUTF8(w.Body.String(), "?") != w.Body.String() {
				t.Errorf("the handler got %q", w.Body)
			}
		case 400, 413, 415:
		default:
			t.Errorf("status %d", w.Code)
		}
	})
}
