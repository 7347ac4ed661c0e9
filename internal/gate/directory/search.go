package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// search is what somebody looks for (RFC 4511 §4.5.1).
type search struct {
	base      dn
	named     bool // the base is a name
	scope     int64
	most      int64 // entries; 0: all
	patience  int64 // seconds; 0: ours
	filter    filter
	selection selection
}

// The scopes.
const (
	baseScope = iota
	oneScope
	subScope
)

// selection is which attributes are told (RFC 4511 §4.5.1.8).
type selection struct {
	typesOnly bool
	all, more bool
	names     map[string]bool
}

func (s selection) has(name string) bool {
	asked := called[strings.ToLower(name)].asked
	return s.names[name] || s.all && !asked || s.more && asked
}

func selected(list *ber.Packet) (selection, error) {
	s := selection{names: map[string]bool{}, all: len(list.Children) == 0}
	for _, c := range list.Children {
		name, ok := text(c)
		if !ok {
			return s, errMalformed
		}
		switch name {
		case "*":
			s.all = true
		case "+":
			s.more = true
		default: // 1.1 is nothing's name
			s.names[spelled(name)] = true
		}
	}
	return s, nil
}

// parseSearch reads a search. errMalformed, errTooMany.
func parseSearch(p *ber.Packet) (search, error) {
	if len(p.Children) != 8 || !is(p.Children[7], ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence) {
		return search{}, errMalformed
	}
	var s search
	base, ok := text(p.Children[0])
	if !ok {
		return s, errMalformed
	}
	for i, into := range map[int]*int64{1: &s.scope, 3: &s.most, 4: &s.patience} {
		tag := ber.TagInteger
		if i == 1 {
			tag = ber.TagEnumerated
		}
		n, ok := number(p.Children[i], tag)
		if !ok || n < 0 || i == 1 && n > subScope {
			return s, errMalformed
		}
		*into = n
	}
	var err error
	s.base, err = parseDN(base)
	s.named = err == nil
	if s.selection, err = selected(p.Children[7]); err != nil {
		return s, err
	}
	s.selection.typesOnly = p.Children[5].Value == true
	terms := mostTerms
	s.filter, err = compile(p.Children[6], &terms)
	return s, err
}

// search answers with what whoever has bound may see; without a bind, with what the server says about itself.
func (c *conn) search(ctx context.Context, m message) bool {
	s, err := parseSearch(m.op)
	switch {
	case errors.Is(err, errTooMany):
		return c.write(ended(m.id, opSearchDone, result{adminLimitExceeded, "the filter is too long"}))
	case err != nil:
		c.disconnect()
		return false
	}
	wait := askWait
	if s.patience > 0 {
		wait = min(wait, time.Duration(min(s.patience, longestID))*time.Second)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	entries, r := c.visible(ctx, s)
	var answers []answer
	if r.code == success {
		answers, r = s.run(m.id, entries)
	}
	return c.write(append(answers, ended(m.id, opSearchDone, r))...)
}

// visible are the entries that the one who has bound may see: with the password of the media server itself everybody, otherwise oneself.
func (c *conn) visible(ctx context.Context, s search) ([]*entry, result) {
	switch {
	case s.named && len(s.base) == 0 && s.scope == baseScope:
		return []*entry{c.root()}, result{}
	case c.bound == nil:
		return nil, result{insufficientAccess, "bind first"}
	case s.named && s.base.key() == subschema:
		return []*entry{c.schema()}, result{}
	}
	people, err := c.Accounts.People(ctx)
	switch {
	case !c.bound.Directory:
		return c.tree(oneself(c.bound.Person, people), shelvesOf(c.bound.Group)), result{}
	case err == nil:
		return c.tree(unmistaken(people), shelves), result{}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, result{timeLimitExceeded, "it took too long"}
	}
	return nil, refusal(err)
}

// oneself is somebody as who sees everybody would see them. Where it is not known who else there is, they are called by what they are found by.
func oneself(who Person, people []Person) []Person {
	if len(people) == 0 {
		who.Name = who.called()
	}
	others := slices.DeleteFunc(slices.Clone(people), func(p Person) bool { return p.ID == who.ID })
	return unmistaken(append([]Person{who}, others...))[:1]
}

// run finds what is looked for among the entries. What may not be seen is not among them, and is not there.
func (s search) run(id int64, entries []*entry) (answers []answer, r result) {
	base := s.base.key()
	there := false
	for _, e := range entries {
		there = there || s.named && e.key == base
		if !s.reaches(e, base) || s.filter(e) != yes {
			continue
		}
		if s.most > 0 && int64(len(answers)) == s.most {
			return answers, result{sizeLimitExceeded, ""}
		}
		answers = append(answers, found(id, e, s.selection))
	}
	if !there {
		return nil, result{noSuchObject, ""}
	}
	return answers, result{}
}

func (s search) reaches(e *entry, base string) bool {
	_, parent, _ := strings.Cut(e.key, ",")
	switch s.scope {
	case baseScope:
		return e.key == base
	case oneScope:
		return parent == base
	}
	return e.key == base || strings.HasSuffix(e.key, ","+base)
}
