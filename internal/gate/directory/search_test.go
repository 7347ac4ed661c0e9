package directory

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// ldapsearch runs the client of that name and returns the first parts of the names it found.
func (p *place) ldapsearch(t *testing.T, who, password string, more ...string) (found []string, out string) {
	t.Helper()
	args := append([]string{"-x", "-LLL", "-o", "ldif-wrap=no", "-H", "ldap://" + p.address, "-D", who, "-w", password}, more...)
	raw, err := exec.Command("ldapsearch", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ldapsearch %q: %v\n%s", more, err, raw)
	}
	for _, m := range aFoundName.FindAllStringSubmatch(string(raw), -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return found, string(raw)
}

var aFoundName = regexp.MustCompile(`(?m)^dn:[: ]*((?:\w+=)?[^,\n]*)`)

// What media servers and others look for, as they send it, over the tree that LLDAP shows.
func TestSearchesOfMediaServers(t *testing.T) {
	p := opened(t, nil)
	people := []string{"uid=Anna", "uid=bert", "uid=cleo", "uid=dora@example.org"}
	for name, c := range map[string]struct {
		base, filter string
		want         []string
	}{
		"Jellyfin, by attribute":       {"ou=people,dc=usher", "(uid=*)", people},
		"Jellyfin, by group":           {"dc=usher", "(memberof=cn=guests,ou=groups,dc=usher)", []string{"uid=cleo", "uid=dora@example.org"}},
		"Jellyfin, two groups":         {"ou=people,dc=usher", "(|(memberOf=cn=owners,ou=groups,dc=usher)(memberOf=CN=Household, OU=groups, DC=usher))", []string{"uid=Anna", "uid=bert"}},
		"Jellyfin, preset":             {"dc=usher", "(memberOf=CN=JellyfinUsers,DC=contoso,DC=com)", nil},
		"Jellyfin, administrators":     {"dc=usher", "(enabledService=JellyfinAdministrator)", nil},
		"Jellyfin, its test of a name": {"dc=usher", "(&(uid=*)(|(uid=bert)(cn=bert)(mail=bert)(displayName=bert)))", []string{"uid=bert"}},
		"Emby":                         {"ou=people,dc=usher", "(uid=bert)", []string{"uid=bert"}},
		"Emby, by group":               {"ou=people,dc=usher", "(&(uid=bert)(memberOf=cn=guests,ou=groups,dc=usher))", nil},
		"Calibre-Web, a person":        {"dc=usher", "(&(objectclass=person)(uid=bert))", []string{"uid=bert"}},
		"Calibre-Web, a group":         {"dc=usher", "(&(objectclass=groupOfUniqueNames)(cn=guests))", []string{"cn=guests"}},
		"LLDAP, name or address":       {"ou=people,dc=usher", "(&(|(uid=dora@example.org)(mail=dora@example.org))(objectClass=person))", []string{"uid=dora@example.org"}},
		"LLDAP, accounts":              {"dc=usher", "(&(objectClass=posixAccount)(objectClass=mailAccount)(!(uid=anna)))", []string{"uid=bert", "uid=cleo", "uid=dora@example.org"}},
		"groups of somebody":           {"ou=groups,dc=usher", "(&(objectClass=groupOfNames)(member=uid=cleo,ou=people,dc=usher))", []string{"cn=guests"}},
		"part of a name":               {"dc=usher", "(cn=*van*oo*)", []string{"uid=Anna"}},
		"case and blanks":              {"dc=usher", "(CN=  ANNA   van LOON )", []string{"uid=Anna"}},
		"by an OID":                    {"dc=usher", "(0.9.2342.19200300.100.1.3=BERT@example.org)", []string{"uid=bert"}},
		"everything":                   {"dc=usher", "(objectClass=*)", append([]string{"cn=guests", "cn=household", "cn=owners", "dc=usher", "ou=groups", "ou=people"}, people...)},
		"not what is unknown":          {"dc=usher", "(!(shoeSize=42))", nil},
		"unknown or known":             {"dc=usher", "(|(shoeSize=42)(uid=bert))", []string{"uid=bert"}},
		"an order":                     {"dc=usher", "(uid>=a)", nil},
		"a rule of matching":           {"dc=usher", "(memberOf:1.2.840.113556.1.4.1941:=cn=guests,ou=groups,dc=usher)", nil},
		"without address":              {"ou=people,dc=usher", "(&(uid=*)(!(mail=*)))", []string{"uid=cleo"}},
		"alike":                        {"dc=usher", "(uid~=BERT)", []string{"uid=bert"}},
		"no such group":                {"dc=usher", "(memberOf=anything)", nil},
		"not in no such group":         {"dc=usher", "(!(memberOf=anything))", nil},
	} {
		t.Run(name, func(t *testing.T) {
			found, out := p.ldapsearch(t, "uid=anna,ou=people,dc=usher", "jellyfins", "-b", c.base, c.filter)
			slices.Sort(c.want)
			if !slices.Equal(found, c.want) {
				t.Errorf("%q, want %q\n%s", found, c.want, out)
			}
		})
	}
}

// Attack L1: what looks like a filter in somebody's name is a name.
func TestNamesAreNoFilters(t *testing.T) {
	p := opened(t, nil)
	found, _ := p.ldapsearch(t, "anna", "jellyfins", "-b", "dc=usher", `(cn=Cleo, \28the\29 \2astar\2a)`)
	if !slices.Equal(found, []string{"uid=cleo"}) {
		t.Errorf("%q", found)
	}
	for _, value := range []string{"*", "bert)(uid=*", "*)(objectClass=*", `\2a`, "bert,ou=people,dc=usher"} {
		c := p.dial(t)
		if code := c.bind("anna", "jellyfins"); code != success {
			t.Fatal(code)
		}
		if names, code := c.search(searchOf("dc=usher", subScope, equals("uid", value))); code != success || names != nil {
			t.Errorf("%q finds %q (%d)", value, names, code)
		}
		if code := c.bind("uid="+escaped(value)+",ou=people,dc=usher", "berts"); code != invalidCredentials {
			t.Errorf("%q: %d", value, code)
		}
	}
}

// Attack L7: a person's own password shows that person.
func TestAPersonSeesThemself(t *testing.T) {
	p := opened(t, nil)
	found, out := p.ldapsearch(t, "cn=Cleo,ou=people,dc=usher", "cleos", "-b", "dc=usher", "(objectClass=*)")
	if want := []string{"cn=guests", "dc=usher", "ou=groups", "ou=people", "uid=cleo"}; !slices.Equal(found, want) {
		t.Errorf("%q", found)
	}
	for _, others := range []string{"bert", "Anna", "dora", "owners", "household"} {
		if strings.Contains(out, others) {
			t.Errorf("%s is there:\n%s", others, out)
		}
	}
	c := p.dial(t)
	if code := c.bind("cleo", "cleos"); code != success {
		t.Fatal(code)
	}
	_, nobody := c.search(searchOf("uid=nobody,ou=people,dc=usher", baseScope, present("uid")))
	_, somebody := c.search(searchOf("uid=bert,ou=people,dc=usher", baseScope, present("uid")))
	if nobody != noSuchObject || somebody != nobody {
		t.Errorf("nobody is %d, bert %d", nobody, somebody)
	}
	if names, code := c.search(searchOf("UID=Cleo, ou=people, dc=usher", baseScope, equals("memberOf", "cn=guests,ou=groups,dc=usher"))); code != success || len(names) != 1 {
		t.Errorf("%q %d", names, code)
	}
}

func TestScopesAndSelections(t *testing.T) {
	p := opened(t, nil)
	for name, c := range map[string]struct {
		args []string
		want []string // dn, and the lines after it in any order
	}{
		"one level":      {[]string{"-s", "one", "-b", "dc=usher", "(objectClass=*)", "1.1"}, []string{"dn: ou=people,dc=usher", "dn: ou=groups,dc=usher"}},
		"the base":       {[]string{"-s", "base", "-b", "uid=bert,ou=people,dc=usher", "(objectClass=*)", "UID", "mail", "memberof", "shoeSize"}, []string{"dn: uid=bert,ou=people,dc=usher", "uid: bert", "mail: Bert@example.org", "memberOf: cn=household,ou=groups,dc=usher"}},
		"types only":     {[]string{"-A", "-s", "base", "-b", "uid=bert,ou=people,dc=usher", "(objectClass=*)", "uid", "mail"}, []string{"dn: uid=bert,ou=people,dc=usher", "uid:", "mail:"}},
		"on request":     {[]string{"-s", "base", "-b", "cn=guests,ou=groups,dc=usher", "(objectClass=*)", "+"}, []string{"dn: cn=guests,ou=groups,dc=usher", "entryDN: cn=guests,ou=groups,dc=usher", "subschemaSubentry: cn=subschema"}},
		"what is split":  {[]string{"-b", "dc=usher", "(uid=anna)", "givenName", "sn", "displayName"}, []string{"dn: uid=Anna,ou=people,dc=usher", "givenName: Anna van", "sn: Loon", "displayName: Anna van Loon"}},
		"who is in":      {[]string{"-b", "dc=usher", "(cn=owners)", "member", "uniqueMember"}, []string{"dn: cn=owners,ou=groups,dc=usher", "member: uid=Anna,ou=people,dc=usher", "uniqueMember: uid=Anna,ou=people,dc=usher"}},
		"by entryUUID":   {[]string{"-b", "dc=usher", "(entryUUID=" + uuid("s-bert") + ")", "uid"}, []string{"dn: uid=bert,ou=people,dc=usher", "uid: bert"}},
		"paged, perhaps": {[]string{"-E", "pr=2/noprompt", "-b", "dc=usher", "(uid=bert)", "uid"}, []string{"dn: uid=bert,ou=people,dc=usher", "uid: bert"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, out := p.ldapsearch(t, "anna", "jellyfins", c.args...)
			lines := strings.FieldsFunc(out, func(r rune) bool { return r == '\n' })
			lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "#") })
			slices.Sort(lines)
			slices.Sort(c.want)
			if !slices.Equal(lines, c.want) {
				t.Errorf("%q, want %q", lines, c.want)
			}
		})
	}
	out, err := exec.Command("ldapsearch", "-x", "-LLL", "-H", "ldap://"+p.address, "-D", "anna", "-w", "jellyfins", "-b", "dc=usher", "-z", "2", "(uid=*)", "1.1").CombinedOutput()
	if err == nil || strings.Count(string(out), "dn: ") != 2 || !strings.Contains(string(out), "Size limit exceeded (4)") {
		t.Errorf("two at most: %v\n%s", err, out)
	}
	out, err = exec.Command("ldapsearch", "-x", "-LLL", "-H", "ldap://"+p.address, "-D", "anna", "-w", "jellyfins", "-b", "dc=usher", "-E", "!pr=2/noprompt", "(uid=*)", "1.1").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Critical extension is unavailable (12)") {
		t.Errorf("a critical control: %v\n%s", err, out)
	}
}

// What the server says about itself is for everybody to read, and no more.
func TestTheServerAboutItself(t *testing.T) {
	p := opened(t, nil)
	c := p.dial(t)
	c.send(searchOf("", baseScope, present("objectClass")))
	if tag, _, entry := c.take(); tag != opSearchEntry || !strings.Contains(string(entry.Bytes()), startTLS) || !strings.Contains(string(entry.Bytes()), "dc=usher") {
		t.Errorf("%d: %q", tag, entry.Bytes())
	}
	c.take()
	for _, base := range []string{"dc=usher", "cn=subschema", "ou=people,dc=usher", "not a name"} {
		if _, code := c.search(searchOf(base, subScope, present("objectClass"))); code != insufficientAccess {
			t.Errorf("%s: %d", base, code)
		}
	}
	_, out := p.ldapsearch(t, "bert", "berts", "-s", "base", "-b", "cn=subschema", "(objectClass=subschema)", "attributeTypes", "objectClasses")
	if !strings.Contains(out, "NAME 'uniqueMember'") || !strings.Contains(out, "NAME 'inetOrgPerson'") {
		t.Errorf("the schema is\n%s", out)
	}
	for _, base := range []string{"dc=elsewhere", "not a name", ""} {
		if code := c.bind("anna", "jellyfins"); code != success {
			t.Fatal(code)
		}
		if _, code := c.search(searchOf(base, subScope, present("objectClass"))); code != noSuchObject {
			t.Errorf("%s: %d", base, code)
		}
	}
}

// Nothing can be changed or compared.
func TestNothingChanges(t *testing.T) {
	p := opened(t, nil)
	c := p.dial(t)
	if code := c.bind("anna", "jellyfins"); code != success {
		t.Fatal(code)
	}
	for op, response := range refused {
		c.send(sequence(ber.ClassApplication, op, octets("uid=bert,ou=people,dc=usher")))
		if tag, code, _ := c.take(); tag != response || code != unwillingToPerform {
			t.Errorf("%d is answered by %d, %d", op, tag, code)
		}
	}
	c.send(sequence(ber.ClassApplication, opExtended, part(0, "1.3.6.1.4.1.4203.1.11.1"), part(1, "new password")))
	if tag, code, _ := c.take(); tag != opExtendedResponse || code != unwillingToPerform {
		t.Errorf("a new password: %d, %d", tag, code)
	}
	c.send(ber.NewInteger(ber.ClassApplication, ber.TypePrimitive, opAbandon, int64(3), ""))
	if code := c.bind("bert", "berts"); code != success {
		t.Errorf("after an abandon: %d", code)
	}
	c.send(ber.Encode(ber.ClassApplication, ber.TypePrimitive, opUnbind, nil, ""))
	if !c.ends(0) && !c.ends(5e9) {
		t.Error("it goes on after an unbind")
	}
}

// Two people may be called alike: one by user name, the other by address.
func TestPeopleWithOneName(t *testing.T) {
	p := opened(t, nil)
	p.mu.Lock()
	p.people = append(p.people, Person{ID: "s-other", UserName: "Dora@example.org", Group: Guest}, Person{ID: "s-none", Group: "player"})
	p.mu.Unlock()
	found, out := p.ldapsearch(t, "anna", "jellyfins", "-b", "ou=people,dc=usher", "(uid=*)", "memberOf")
	if want := []string{"uid=Anna", "uid=bert", "uid=cleo", "uid=dora@example.org", "uid=s-none", "uid=s-other"}; !slices.Equal(found, want) {
		t.Errorf("%q", found)
	}
	if strings.Contains(out, "player") {
		t.Error(out)
	}
}

// Nobody is shown by a name that somebody else is found by, to whoever asks.
func TestNobodyIsCalledLikeAnother(t *testing.T) {
	p := opened(t, nil)
	for _, name := range []string{"ANNA", "anna@Example.org", " bert ", "S-Owner"} {
		p.mu.Lock()
		p.people[2].Name = name
		p.mu.Unlock()
		for who, password := range map[string]string{"anna": "jellyfins", "cleo": "cleos"} {
			_, out := p.ldapsearch(t, who, password, "-b", "ou=people,dc=usher", "(uid=cleo)", "cn", "displayName", "sn", "givenName")
			if !strings.Contains(out, "cn: cleo\n") || !strings.Contains(out, "displayName: cleo\n") || !strings.Contains(out, "sn: cleo\n") {
				t.Errorf("%q, to %s:\n%s", name, who, out)
			}
		}
	}
	_, out := p.ldapsearch(t, "anna", "jellyfins", "-b", "ou=people,dc=usher", "(uid=bert)", "cn", "displayName")
	if !strings.Contains(out, "displayName: Bert\n") { // one's own
		t.Error(out)
	}
}
