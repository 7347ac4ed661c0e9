package directory

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// entry is one thing in the tree.
type entry struct {
	dn, key    string
	attributes []valued
	compared   map[string][]string // by the name of the attribute
}

type valued struct {
	name   string
	values []string
}

// newEntry makes an entry of pairs of name and values; without values there is no attribute.
func newEntry(name dn, all ...valued) *entry {
	e := &entry{dn: name.String(), key: name.key(), compared: make(map[string][]string, len(all)+2)}
	all = append(all, valued{"entryDN", []string{e.dn}}, valued{"subschemaSubentry", []string{subschema}})
	for _, a := range all {
		var values, forms []string
		for _, v := range a.values {
			if form, ok := called[strings.ToLower(a.name)].compared(v); ok && v != "" {
				values, forms = append(values, v), append(forms, form)
			}
		}
		if values != nil {
			e.attributes = append(e.attributes, valued{a.name, values})
			e.compared[a.name] = forms
		}
	}
	return e
}

// subschema is where it stands what attributes there are (RFC 4512 §4.2).
const subschema = "cn=subschema"

func (d *Directory) people() dn { return d.base.below("ou", "people") }
func (d *Directory) groups() dn { return d.base.below("ou", "groups") }

// shelf is the entry of a group.
type shelf struct {
	group Group
	name  string
}

// shelves are all of them, in the order in which they are listed.
var shelves = []shelf{{Owner, "owners"}, {Household, "household"}, {Guest, "guests"}}

// shelvesOf are those that somebody of a group is on: one, or none.
func shelvesOf(g Group) (on []shelf) {
	for _, s := range shelves {
		if s.group == g {
			on = append(on, s)
		}
	}
	return on
}

// called is what somebody is found by; that of two people with one name is the subject of the later one.
func (p Person) called() string { return cmp.Or(p.UserName, p.Email, p.ID) }

// unmistaken are people without the names that somebody else is found by: apps take people by what they are called, and everybody chooses that for themself.
func unmistaken(people []Person) []Person {
	whose := map[string]string{}
	for _, p := range people {
		for _, found := range []string{p.called(), p.Email, p.ID} {
			if by, taken := whose[folded(found)]; taken && by != p.ID {
				whose[folded(found)] = "" // of two
			} else {
				whose[folded(found)] = p.ID
			}
		}
	}
	all := slices.Clone(people)
	for i, p := range all {
		if by, taken := whose[folded(p.Name)]; taken && by != p.ID && p.Name != "" {
			all[i].Name = p.called()
		}
	}
	return all
}

// tree is what a bind sees: people, and groups with those of them who are in.
func (d *Directory) tree(people []Person, groups []shelf) []*entry {
	entries := []*entry{
		d.top(),
		newEntry(d.people(), valued{"objectClass", []string{"top", "organizationalUnit"}}, valued{"ou", []string{"people"}}),
		newEntry(d.groups(), valued{"objectClass", []string{"top", "organizationalUnit"}}, valued{"ou", []string{"groups"}}),
	}
	members := map[Group][]string{}
	seen := map[string]bool{}
	for _, p := range people {
		name := d.people().below("uid", p.called())
		if seen[name.key()] {
			name = d.people().below("uid", p.ID)
		}
		seen[name.key()] = true
		e := d.person(name, p)
		entries = append(entries, e)
		members[p.Group] = append(members[p.Group], e.dn)
	}
	for _, s := range groups {
		entries = append(entries, newEntry(d.groups().below("cn", s.name),
			valued{"objectClass", []string{"top", "groupOfUniqueNames", "groupOfNames"}}, valued{"cn", []string{s.name}},
			valued{"member", members[s.group]}, valued{"uniqueMember", members[s.group]}, valued{"entryUUID", []string{uuid("group " + s.name)}}))
	}
	return entries
}

func (d *Directory) top() *entry {
	first := d.base[0]
	class := map[string]string{"dc": "domain", "o": "organization", "ou": "organizationalUnit"}[first.kind]
	return newEntry(d.base, valued{"objectClass", []string{"top", class}}, valued{first.kind, []string{first.value}})
}

func (d *Directory) person(name dn, p Person) *entry {
	shown := cmp.Or(p.Name, p.UserName, p.Email, p.ID)
	given, family := "", shown
	if i := strings.LastIndexByte(shown, ' '); i >= 0 {
		given, family = shown[:i], shown[i+1:]
	}
	var groups []string
	for _, s := range shelvesOf(p.Group) {
		groups = append(groups, d.groups().below("cn", s.name).String())
	}
	return newEntry(name,
		valued{"objectClass", []string{"top", "person", "organizationalPerson", "inetOrgPerson", "posixAccount", "mailAccount"}},
		valued{"uid", []string{name[0].value}}, valued{"cn", []string{shown}}, valued{"displayName", []string{p.Name}},
		valued{"givenName", []string{given}}, valued{"sn", []string{family}}, valued{"mail", []string{p.Email}},
		valued{"memberOf", groups}, valued{"entryUUID", []string{uuid(p.ID)}})
}

// uuid is a number for an id that stays, in the form of RFC 9562 §5.8.
func uuid(id string) string {
	h := sha256.Sum256([]byte("usher directory " + id))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// root is what the server says about itself (RFC 4512 §5.1).
func (d *Directory) root() *entry {
	extensions := []string{whoAmI}
	if d.Certificate != nil {
		extensions = append(extensions, startTLS)
	}
	return newEntry(nil, valued{"objectClass", []string{"top"}}, valued{"namingContexts", []string{d.base.String()}},
		valued{"supportedLDAPVersion", []string{"3"}}, valued{"supportedExtension", extensions}, valued{"vendorName", []string{"usher"}})
}

// classes are those that entries are of.
var classes = []string{
	"( 2.5.6.0 NAME 'top' ABSTRACT MUST objectClass )",
	"( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) )",
	"( 2.5.6.7 NAME 'organizationalPerson' SUP person STRUCTURAL MAY ou )",
	"( 2.16.840.1.113730.3.2.2 NAME 'inetOrgPerson' SUP organizationalPerson STRUCTURAL MAY ( uid $ mail $ givenName $ displayName $ memberOf ) )",
	"( 2.5.6.9 NAME 'groupOfNames' SUP top STRUCTURAL MUST cn MAY member )",
	"( 2.5.6.17 NAME 'groupOfUniqueNames' SUP top STRUCTURAL MUST cn MAY uniqueMember )",
	"( 2.5.6.5 NAME 'organizationalUnit' SUP top STRUCTURAL MUST ou )",
}

// schema lists what there is, for clients that read it before they ask.
func (d *Directory) schema() *entry {
	var types []string
	for _, a := range attributes {
		syntax := "1.3.6.1.4.1.1466.115.121.1.15"
		if a.names {
			syntax = "1.3.6.1.4.1.1466.115.121.1.12"
		}
		types = append(types, fmt.Sprintf("( %s NAME '%s' SYNTAX %s )", a.oid, a.name, syntax))
	}
	return newEntry(dn{{"cn", "subschema"}}, valued{"objectClass", []string{"top", "subschema"}}, valued{"cn", []string{"subschema"}},
		valued{"attributeTypes", types}, valued{"objectClasses", classes})
}
