package incident_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRead(t *testing.T) {
	each(t, func(w *world) {
		ann, bob := w.account("ann", nil), w.account("bob", nil)
		list := "\ufeff# people\r\nANN@example.org\r\n\r\n  bob  \r\nnobody@example.org\r\n" + strings.Repeat("x", 5000) + "\r\nann\r\nno\x00body\r\n\xff\xfe\r\n#bob\r\nbob@example.org"
		named, err := w.flow.Read(w.ctx(), iotest.OneByteReader(strings.NewReader(list)))
		w.must(err)
		want := []string{ann.ID, bob.ID}
		slices.Sort(want)
		if !slices.Equal(named.Accounts, want) || named.Names != 8 || named.Unknown != 4 || !slices.Equal(named.Lines, []int{5, 6, 8, 9}) {
			t.Errorf("%+v", named)
		}
		again, err := w.flow.Read(w.ctx(), strings.NewReader(list))
		w.must(err)
		other, err := w.flow.Read(w.ctx(), strings.NewReader("ann"))
		w.must(err)
		if named.Source != again.Source || named.Source == other.Source || strings.Contains(fmt.Sprint(named), "nobody") {
			t.Errorf("sources %q, %q, %q", named.Source, again.Source, other.Source)
		}
		_, err = w.flow.Read(w.ctx(), iotest.ErrReader(errors.New("gone")))
		if err == nil || !strings.Contains(err.Error(), "gone") {
			t.Errorf("got %v", err)
		}
	})
}

// More names than fit into one question, most of them of nobody: counted all, listed some.
func TestReadMany(t *testing.T) {
	each(t, func(w *world) {
		var list strings.Builder
		for n := range 1600 {
			_, _ = fmt.Fprintf(&list, "nobody%d@example.org\n", n)
			if n == 700 {
				list.WriteString("root@example.org\n")
			}
		}
		named, err := w.flow.Read(w.ctx(), strings.NewReader(list.String()))
		w.must(err)
		if named.Names != 1601 || named.Unknown != 1600 || len(named.Lines) != 1000 || len(named.Accounts) != 1 || named.Lines[701] != 703 {
			t.Errorf("%d names, %d unknown, %d lines, %d accounts", named.Names, named.Unknown, len(named.Lines), len(named.Accounts))
		}
	})
}
