package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/store"
	"usher/internal/teststore"
)

func TestAccountsAreListedAndFiltered(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.root.get("/admin/accounts").is(200).has(2, "tbody tr").shows("tbody .sub", "ann").has(1, "a[href="+o.page(o.ann)+"]").shows("tbody .tag", "administrator").
			shows("tbody td", "not signed in")
		o.root.post(o.page(o.ann) + "/lock").leadsTo(o.page(o.ann) + "?done=lock")
		o.root.get("/admin/accounts?state=locked").has(1, "tbody tr").has(1, "option[value=locked][selected]").shows("tbody .tag", "locked")
		o.root.get("/admin/accounts?state=deleting").has(0, "tbody tr").shows(".empty", "No account fits")
	})
}

func TestSearchLeavesNothingInTheAddress(t *testing.T) {
	eachOffice(t, func(o *office) {
		found := o.root.get("/admin/accounts").submit("/admin/accounts", "q", "ANN@exam").leadsTo("/admin/accounts?search=yes").is(200)
		found.has(1, "tbody tr").shows("tbody", "ann")
		if got := found.value("input#q"); got != "ANN@exam" {
			t.Errorf("the field keeps %q", got)
		}
		o.root.get("/admin/accounts").has(2, "tbody tr").submit("/admin/accounts", "q", "  ").leadsTo("/admin/accounts")
		if len(o.root.get("/admin/accounts?search=yes").value("input#q")) != 0 {
			t.Error("what was searched for is still known")
		}
		o.root.post("/admin/accounts", "q", "zed", "state", "active").leadsTo("/admin/accounts?search=yes&state=active").shows(".empty", "No account fits").shows(".empty", "shorter part")
		for _, text := range []string{nasty, "é=&;,\" \\", strings.Repeat("é", 500)} {
			want := strings.ToValidUTF8(text[:min(len(text), longestSearchText)], "")
			if got := o.root.post("/admin/accounts", "q", text).leadsTo("/admin/accounts?search=yes").is(200).value("input#q"); got != want {
				t.Errorf("the field keeps %q, want %q", got, want)
			}
		}
	})
}

// fill makes more accounts than one page has.
func (o *office) fill(n int) {
	o.t.Helper()
	made := 0
	_, err := o.db.LoadAccounts(o.t.Context(), func() (account.Account, error) {
		if made == n {
			return account.Account{}, io.EOF
		}
		made++
		o.pass(time.Millisecond)
		return teststore.Draft(o.t, o.db, fmt.Sprintf("guest%03d", made), o.clock()), nil
	})
	o.must(err)
}

func TestAccountsInPages(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.fill(admin.PageSize + 5)
		first := o.root.get("/admin/accounts").has(admin.PageSize, "tbody tr").has(0, "a[href=/admin/accounts].button")
		next, _ := attr(pick(first.doc, "a[rel=next]")[0], "href")
		o.root.get(next).is(200).has(5+2, "tbody tr").has(0, "a[rel=next]").has(1, ".paging a[href=/admin/accounts]")

		found := o.root.post("/admin/accounts", "q", "guest").leadsTo("/admin/accounts?search=yes").has(admin.PageSize, "tbody tr")
		next, _ = attr(pick(found.doc, "a[rel=next]")[0], "href")
		o.root.get(next).is(200).has(5, "tbody tr").has(1, ".paging a[href=/admin/accounts?search=yes]")
	})
}

// crowded is a store with too many accounts to open each one; slow is one where opening them takes too long.
type crowded struct{ *store.DB }

func (crowded) AtMostAccounts(context.Context, int) (bool, error) { return false, nil }

type slow struct{ *store.DB }

func (slow) ScanAccounts(context.Context, account.Filter, string) ([]account.Account, error) {
	return nil, fmt.Errorf("reading accounts: %w", context.DeadlineExceeded)
}

func TestSearchInACrowd(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.door.Admin.Store = crowded{o.db}
		o.root.get("/admin/accounts").shows("label[for=q]", "Whole address or user name").has(2, "tbody tr")
		o.root.post("/admin/accounts", "q", annMail).leadsTo("/admin/accounts?search=yes").has(1, "tbody tr")
		o.root.post("/admin/accounts", "q", "an").leadsTo("/admin/accounts?search=yes").has(0, "tbody tr").shows(".empty p", "only whole addresses")
	})
}

func TestSearchThatTakesTooLong(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.door.Admin.Store = slow{o.db}
		o.root.post("/admin/accounts", "q", "ann").is(http.StatusSeeOther)
		page := o.root.get("/admin/accounts?search=yes").is(http.StatusServiceUnavailable).shows(".problem[role=alert]", "took too long").has(0, ".empty")
		if page.value("input#q") != "ann" {
			t.Error("what was typed is lost")
		}
	})
}

func FuzzSearched(f *testing.F) {
	for _, seed := range []string{"ann", "ann%40example.org", "%", "%zz", "%00", "%ff", "a+b", "\"", "é"} {
		f.Add(seed)
	}
	d := &Door{}
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", cookieSearch+"="+value)
		got := d.searched(r)
		if !utf8.ValidString(got) || strings.ContainsRune(got, 0) {
			t.Errorf("%q is read as %q", value, got)
		}
	})
}
