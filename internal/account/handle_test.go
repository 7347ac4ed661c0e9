package account

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Attack G8: two at signs, a quoted local part and what else one program reads in another way than the next are no address.
func TestEmailHandle(t *testing.T) {
	for typed, want := range map[string]string{
		"anna@example.org": "anna@example.org", " Anna@Example.ORG \t\n": "anna@example.org", "\u00a0anna@example.org\u3000": "anna@example.org",
		"a.b+tag@sub.example.org": "a.b+tag@sub.example.org", "o'neil@example.org": "o'neil@example.org",
		"jörg@example.org": "jörg@example.org", "JÖRG@example.org": "jÖrg@example.org", "名前@例え.jp": "名前@例え.jp",
		"İI@example.org": "İi@example.org", "ıI@example.org": "ıi@example.org", // Turkish letters stay what they are
	} {
		shown, h, err := EmailHandle(typed)
		if err != nil || h != (Handle{ByEmail, want}) || shown != strings.TrimSpace(typed) {
			t.Errorf("%q: %q, %v, %v", typed, shown, h, err)
		}
	}
	long := strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 61)+".", 3) + "org"
	if _, _, err := EmailHandle(long); err != nil || len(long) != 254 {
		t.Errorf("%d bytes: %v", len(long), err)
	}
	for _, bad := range []string{
		"", "@", "anna", "anna@", "@example.org", "anna@example", "anna@example.org.", "anna@.example.org", "anna@example..org", ".anna@example.org",
		"anna.@example.org", "an..na@example.org", "an na@example.org", "anna@exam ple.org", "anna@@example.org", "anna@example.org@evil.org",
		`"anna"@example.org`, "anna@[192.0.2.7]", "anna@-example.org", "anna@example-.org", "anna@exa_mple.org", "anna@example.org\r\nBcc: x@evil.org",
		"anna\x00@example.org", "anna\xff@example.org", "anna@example.org,bert@example.org", "Anna <anna@example.org>", "anna(c)@example.org",
		"an\u200bna@example.org", "an\u200dna@example.org", "an\u202ena@example.org", "an\u034fna@example.org", "an\ufe0fna@example.org", "an\u3164na@example.org",
		"jo\u0308rg@example.org", // not the composed form
		"\u212aim@example.org",   // the Kelvin sign
		"anna@" + strings.Repeat("b", 64) + ".org", strings.Repeat("a", 65) + "@example.org", "a" + long,
	} {
		if shown, h, err := EmailHandle(bad); !errors.Is(err, ErrBadAddress) || shown != "" || h != (Handle{}) {
			t.Errorf("%q: %q, %v, %v", bad, shown, h, err)
		}
	}
}

func TestSameAddress(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"anna@example.org", " ANNA@example.ORG"}: true, {"anna@example.org", "bert@example.org"}: false,
		{"jörg@example.org", "JÖRG@example.org"}: false, {"", ""}: false, {"x", "x"}: false,
	} {
		if SameAddress(pair[0], pair[1]) != want {
			t.Errorf("%q: %v", pair, !want)
		}
	}
}

func TestUserNameHandle(t *testing.T) {
	for typed, want := range map[string]string{
		"anna": "anna", " ANNA ": "anna", "Anna.Maria": "anna.maria", "a-b_c.d": "a-b_c.d", "007": "007",
		"ＡＮＮＡ": "anna", "Änne": "änne", "A\u0308nne": "änne", "STRASSE": "strasse", "Straße": "straße", "ΑΣ": "", "ΣΑΣ": "σασ",
		"IIı": "iiı", "名前だ": "名前だ", "\u212aim": "kim",
	} {
		shown, h, err := UserNameHandle(typed)
		if want == "" {
			if err == nil {
				t.Errorf("%q is %v", typed, h)
			}
			continue
		}
		if err != nil || h != (Handle{ByUserName, want}) {
			t.Errorf("%q: %q, %v, %v", typed, shown, h, err)
		}
	}
	for _, bad := range []string{
		"", "ab", strings.Repeat("a", 33), "anna@example.org", "an na", "anna.", ".anna", "an..na", "an._na", "-anna", "anna-", "an/na", "an\\na", "an,na", "an=na",
		"an\x00na", "an\xffna", "an\u200bna", "an\u200dna", "an\u202ena", "<b>anna", "anna\r\n.x", "ﬁne", "an\u0301\u0301\u0301\u0300a\u202c", "🙂🙂🙂",
		strings.Repeat("ä", 65),
	} {
		if shown, h, err := UserNameHandle(bad); !errors.Is(err, ErrBadUserName) || shown != "" || h != (Handle{}) {
			t.Errorf("%q: %q, %v, %v", bad, shown, h, err)
		}
	}
}

// Attack F4: however the name of an account is spelled, it is one name; and a name that only looks alike is another.
func TestLoginHandleIsOne(t *testing.T) {
	for _, c := range []struct {
		want Handle
		same []string
		not  []string
	}{
		{
			Handle{ByEmail, "anna@example.org"},
			[]string{"anna@example.org", "ANNA@EXAMPLE.ORG", "  Anna@Example.Org\r\n", "\u2003anna@example.org"},
			[]string{"anna@example.org.", "anna+x@example.org", "а\u200bnna@example.org", "аnna@example.org" /* Cyrillic */, "ａnna@example.org"},
		},
		{
			Handle{ByUserName, "änne"},
			[]string{"änne", "ÄNNE", "A\u0308NNE", " Änne\t", "ÄＮＮE"},
			[]string{"anne", "änne.", "äпne" /* Cyrillic */, "än\u200bne"},
		},
	} {
		for _, typed := range c.same {
			if h := LoginHandle(typed); h != c.want {
				t.Errorf("%q is %v, want %v", typed, h, c.want)
			}
		}
		for _, typed := range c.not {
			if h := LoginHandle(typed); h == c.want {
				t.Errorf("%q is %v", typed, h)
			}
		}
	}
	if h := LoginHandle(strings.Repeat("ä", 1<<20)); len(h.Value) > 2048 {
		t.Errorf("a name of %d bytes", len(h.Value))
	}
}

func TestDisplayName(t *testing.T) {
	for typed, want := range map[string]string{
		"": "", " Anna  Maria ": "Anna  Maria", "Jo\u0308rg": "Jörg", "👩\u200d🚀": "👩\u200d🚀", strings.Repeat("名", 64): strings.Repeat("名", 64),
	} {
		if got, err := DisplayName(typed); err != nil || got != want {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	for _, bad := range []string{strings.Repeat("名", 65), "a\nb", "a\x00b", "a\xffb", "a\u202eb", "a\u2028b", "a\u2066b", "a\u200bb", "a\u0085b", "a\ufeffb"} {
		if got, err := DisplayName(bad); !errors.Is(err, ErrBadName) || got != "" {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

// A handle is its own handle, and what is shown leads back to it.
func checkHandle(t interface{ Errorf(string, ...any) }, typed string, of func(string) (string, Handle, error)) {
	shown, h, err := of(typed)
	if err != nil {
		return
	}
	for _, again := range []string{h.Value, shown} {
		if _, h2, err := of(again); err != nil || h2 != h {
			t.Errorf("%q is %q; from there %q is %q, %v", typed, h.Value, again, h2.Value, err)
		}
	}
	if LoginHandle(typed) != h {
		t.Errorf("%q signs up as %v and signs in as %v", typed, h, LoginHandle(typed))
	}
	if !utf8.ValidString(shown) || strings.ContainsAny(shown, "\x00\r\n ") {
		t.Errorf("shown as %q", shown)
	}
}

func TestHandlesAreIdempotent(t *testing.T) {
	letters := rapid.SampledFrom([]rune("aAzZ09.-_@ äÄßẞİıΣςσKÅſＡ１名か゛ｶﾞאعँ\u0308\u0301\u200d\u200b\u0345ᾳ"))
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.OneOf(rapid.StringOfN(letters, 1, 20, -1), rapid.String()).Draw(t, "typed")
		checkHandle(t, typed, UserNameHandle)
		checkHandle(t, typed, EmailHandle)
		checkHandle(t, typed+"@example.org", EmailHandle)
	})
}

func FuzzHandles(f *testing.F) {
	for _, seed := range []string{"anna", "Anna@Example.org", "İstanbul", "ΣΑΣ", "ｶﾞｶﾞ", "A\u0308nne", "עברית1", "a\u0345b", "\xff@x.y", "ﬁne@example.org", "ẞẞẞ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		checkHandle(t, typed, UserNameHandle)
		checkHandle(t, typed, EmailHandle)
		if h := LoginHandle(typed); !utf8.ValidString(h.Value) || len(h.Value) > 5000 {
			t.Errorf("%q is %q", typed, h.Value)
		}
		if name, err := DisplayName(typed); err == nil {
			if again, err := DisplayName(name); err != nil || again != name {
				t.Errorf("%q is %q is %q, %v", typed, name, again, err)
			}
		}
	})
}

func TestAddresseeOf(t *testing.T) {
	errBroken := errors.New("broken")
	for name, c := range map[string]struct {
		typed string
		found Account
		err   error
		want  Addressee
	}{
		"an address, whoever has it": {"anna@example.org", Account{}, errBroken, Addressee{Email: "anna@example.org"}},
		"a user name":                {"anna", Account{Standing: Standing{ID: "7", State: Active}, Email: "anna@example.org"}, nil, Addressee{Email: "anna@example.org", AccountID: "7"}},
		"about to be deleted":        {"anna", Account{Standing: Standing{ID: "7", State: Deleting}, Email: "anna@example.org"}, nil, Addressee{Email: "anna@example.org", AccountID: "7"}},
		"locked":                     {"anna", Account{Standing: Standing{ID: "7", State: Locked}, Email: "anna@example.org"}, nil, Addressee{Email: "anna@invalid", Nobody: true}},
		"nobody's":                   {"anna", Account{}, ErrNotFound, Addressee{Email: "anna@invalid", Nobody: true}},
	} {
		shown, h, err := ReadHandle(c.typed)
		if err != nil {
			t.Fatal(err)
		}
		got, err := AddresseeOf(shown, h, func(Handle) (Account, error) { return c.found, c.err })
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	_, h, _ := ReadHandle("anna")
	if _, err := AddresseeOf("anna", h, func(Handle) (Account, error) { return Account{}, errBroken }); !errors.Is(err, errBroken) {
		t.Errorf("an outage: %v", err)
	}
}
