package api

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"usher/internal/outage"
	"usher/internal/ratelimit"
	"usher/internal/signin"
)

func TestEveryProblemIsExplained(t *testing.T) {
	eachHouse(t, func(h *house) {
		for name, p := range problems {
			if got := h.ask(http.MethodGet, "/api/v1/problems/"+name, "").is(200, "").Body.String(); !strings.Contains(got, p.title) {
				t.Errorf("%s says %q", name, got)
			}
			if strings.ContainsAny(p.title+p.detail, "!") || !strings.HasSuffix(p.detail, ".") || p.status < 400 {
				t.Errorf("%s: %q", name, p.detail)
			}
		}
		h.ask(http.MethodGet, "/api/v1/problems/nothing", "").is(404, "not-found")
		h.ask(http.MethodGet, "/api/v1/nothing", "").is(404, "not-found")
		h.ask(http.MethodGet, "/api/", "").is(404, "not-found")
		h.ask(http.MethodDelete, "/api/v1/me", "").is(405, "wrong-method")
		h.ask(http.MethodOptions, "/api/v1/sign-in", "").is(405, "wrong-method")
		h.ask("BREW", "/api/v1/me", "").is(405, "wrong-method")
		h.ask(http.MethodGet, "/api/v1/me?a=%00", "").is(400, "bad-request")
		if got := h.ask(http.MethodGet, "/api/v1/sign-in", "").is(405, "").Header().Get("Allow"); got != "POST" {
			t.Errorf("allows %q", got)
		}
	})
}

func TestProblemsAreListed(t *testing.T) {
	all := Problems(testOrigin)
	for i, p := range all {
		if p.Status != problems[p.Name].status || p.Title == "" || strings.Contains(p.Text, "ORIGIN") || i > 0 && all[i-1].Status > p.Status {
			t.Errorf("%+v after %+v", p, all[max(i-1, 0)])
		}
	}
	if len(all) != len(problems) {
		t.Errorf("%d of %d problems are listed", len(all), len(problems))
	}
}

func TestProblemOf(t *testing.T) {
	for _, m := range meaning {
		if _, known := problems[m.name]; !known {
			t.Errorf("%v is the unknown problem %q", m.err, m.name)
		}
	}
	for _, name := range refusals {
		if _, known := problems[name]; !known {
			t.Errorf("a refusal is the unknown problem %q", name)
		}
	}
	for want, err := range map[string]error{
		"broken": errors.New("sql: no such table: account"), "not-now": errors.Join(signin.ErrWrong, fmt.Errorf("recording: %w", outage.Err)),
		"too-many-tries": fmt.Errorf("x: %w", &ratelimit.LimitedError{}),
	} {
		if got := problemOf(err); got.name != want || strings.Contains(got.detail, "sql") {
			t.Errorf("%v is %q", err, got.name)
		}
	}
}

// The description says the same as the table of routes.
func TestDescriptionListsEveryRoute(t *testing.T) {
	var want, got []string
	for _, rt := range (&Door{}).routes() {
		want = append(want, rt.pattern)
	}
	path := ""
	for line := range strings.Lines(string(openAPI)) {
		if m := regexp.MustCompile(`^  (/\S+):\n$`).FindStringSubmatch(line); m != nil {
			path = m[1]
		}
		if m := regexp.MustCompile(`^    (get|post|put|patch|delete):\n$`).FindStringSubmatch(line); m != nil {
			got = append(got, strings.ToUpper(m[1])+" "+path)
		}
		if strings.Contains(line, "\t") {
			t.Errorf("a tab in %q", line)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("it lists\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
