package directory

import "strings"

// attribute is one kind of thing that entries say.
type attribute struct {
	name string
	// oid and others are how it may be called as well.
	oid    string
	others []string
	// names says that its values are names of entries.
	names bool
	// asked says that it is told only where it is asked for.
	asked bool
}

// attributes are all there are, called as LLDAP calls them, which apps for home servers know.
var attributes = []attribute{
	{name: "objectClass", oid: "2.5.4.0"},
	{name: "uid", oid: "0.9.2342.19200300.100.1.1", others: []string{"userid", "user_id"}},
	{name: "cn", oid: "2.5.4.3", others: []string{"commonname"}},
	{name: "displayName", oid: "2.16.840.1.113730.3.1.241", others: []string{"display_name"}},
	{name: "givenName", oid: "2.5.4.42", others: []string{"gn", "first_name"}},
	{name: "sn", oid: "2.5.4.4", others: []string{"surname", "last_name"}},
	{name: "mail", oid: "0.9.2342.19200300.100.1.3", others: []string{"rfc822mailbox", "email"}},
	{name: "memberOf", oid: "1.2.840.113556.1.2.102", names: true},
	{name: "member", oid: "2.5.4.31", names: true},
	{name: "uniqueMember", oid: "2.5.4.50", names: true},
	{name: "ou", oid: "2.5.4.11", others: []string{"organizationalunitname"}},
	{name: "dc", oid: "0.9.2342.19200300.100.1.25", others: []string{"domaincomponent"}},
	{name: "o", oid: "2.5.4.10", others: []string{"organizationname"}},
	{name: "entryUUID", oid: "1.3.6.1.1.16.4", others: []string{"uuid"}},
	{name: "entryDN", oid: "1.3.6.1.1.20", names: true, asked: true},
	{name: "subschemaSubentry", oid: "2.5.18.10", names: true, asked: true},
	{name: "namingContexts", oid: "1.3.6.1.4.1.1466.101.120.5", names: true},
	{name: "supportedLDAPVersion", oid: "1.3.6.1.4.1.1466.101.120.15"},
	{name: "supportedExtension", oid: "1.3.6.1.4.1.1466.101.120.7"},
	{name: "vendorName", oid: "1.3.6.1.1.4"},
	{name: "objectClasses", oid: "2.5.21.6"},
	{name: "attributeTypes", oid: "2.5.21.5"},
	// Nothing has these. python-ldap3 asks for them, unless the schema has no such thing: then it gives up.
	{name: "ldapSyntaxes", oid: "1.3.6.1.4.1.1466.101.120.16"},
	{name: "matchingRules", oid: "2.5.21.4"},
	{name: "matchingRuleUse", oid: "2.5.21.8"},
	{name: "dITContentRules", oid: "2.5.21.2"},
	{name: "dITStructureRules", oid: "2.5.21.1"},
	{name: "nameForms", oid: "2.5.21.7"},
	{name: "createTimestamp", oid: "2.5.18.1"},
	{name: "modifyTimestamp", oid: "2.5.18.2"},
}

// called finds attributes by what clients call them, in lower case.
var called = func() map[string]*attribute {
	all := map[string]*attribute{}
	for i := range attributes {
		a := &attributes[i]
		for _, name := range append([]string{strings.ToLower(a.name), a.oid}, a.others...) {
			all[name] = a
		}
	}
	return all
}()

// spelled is our spelling of what an attribute is called; what is unknown stays as it is.
func spelled(name string) string {
	if a := called[strings.ToLower(name)]; a != nil {
		return a.name
	}
	return name
}

// folded is a text as it is compared: in lower case, with single blanks (RFC 4517 §4.2.11).
func folded(text string) string { return strings.Join(strings.Fields(strings.ToLower(text)), " ") }

// compared is a value of the attribute in the form in which it equals others; false where it is none.
func (a *attribute) compared(value string) (form string, ok bool) {
	if !a.names {
		return folded(value), true
	}
	n, err := parseDN(value)
	return n.key(), err == nil
}
