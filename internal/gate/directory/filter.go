package directory

import (
	"errors"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// truth is what a filter says of an entry (RFC 4511 §4.5.1.7). What is not known is no match, and so is its opposite.
type truth int8

const (
	no truth = iota
	unknown
	yes
)

// filter says whether an entry is looked for.
type filter func(*entry) truth

func never(*entry) truth { return unknown }

// mostTerms is how many comparisons a filter may have: each is made with every entry.
const mostTerms = 500

var errTooMany = errors.New("directory: too many terms")

// The choices of a filter.
const (
	andFilter ber.Tag = iota
	orFilter
	notFilter
	equalFilter
	substringFilter
	_ // greater or equal: nothing here has an order
	_ // less or equal
	presentFilter
	approxFilter
)

// compile makes a filter of its message; terms is how many comparisons it may have yet. How deep it can be was bounded before. errMalformed, errTooMany.
func compile(p *ber.Packet, terms *int) (filter, error) {
	if p.ClassType != ber.ClassContext {
		return nil, errMalformed
	}
	if *terms--; *terms < 0 {
		return nil, errTooMany
	}
	switch p.Tag {
	case andFilter, orFilter, notFilter:
		return combine(p, terms)
	case equalFilter, approxFilter:
		return equal(p)
	case substringFilter:
		return substring(p, terms)
	case presentFilter:
		a := called[strings.ToLower(p.Data.String())]
		if a == nil {
			return never, nil
		}
		return passing(a, func(string) bool { return true }), nil
	}
	return never, nil
}

// passing is the filter that one of an attribute's values passes.
func passing(a *attribute, passes func(value string) bool) filter {
	return func(e *entry) truth {
		if slices.ContainsFunc(e.compared[a.name], passes) {
			return yes
		}
		return no
	}
}

func combine(p *ber.Packet, terms *int) (filter, error) {
	parts := make([]filter, len(p.Children))
	for i, c := range p.Children {
		var err error
		if parts[i], err = compile(c, terms); err != nil {
			return nil, err
		}
	}
	switch {
	case p.Tag == notFilter && len(parts) == 1:
		return func(e *entry) truth { return yes - parts[0](e) }, nil
	case p.Tag == notFilter:
		return nil, errMalformed
	case p.Tag == andFilter:
		return func(e *entry) truth {
			least := yes
			for _, f := range parts {
				least = min(least, f(e))
			}
			return least
		}, nil
	}
	return func(e *entry) truth {
		most := no
		for _, f := range parts {
			most = max(most, f(e))
		}
		return most
	}, nil
}

// equal compares whole values. What is the same but for its spelling is alike as well (RFC 4511 §4.5.1.7.6).
func equal(p *ber.Packet) (filter, error) {
	if len(p.Children) != 2 {
		return nil, errMalformed
	}
	name, ok := text(p.Children[0])
	value, also := text(p.Children[1])
	if !ok || !also {
		return nil, errMalformed
	}
	a := called[strings.ToLower(name)]
	if a == nil {
		return never, nil
	}
	want, ok := a.compared(value)
	if !ok {
		return never, nil
	}
	return passing(a, func(have string) bool { return have == want }), nil
}

// substring compares the beginning, parts of the middle in their order, and the end.
func substring(p *ber.Packet, terms *int) (filter, error) {
	if len(p.Children) != 2 || !is(p.Children[1], ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence) || len(p.Children[1].Children) == 0 {
		return nil, errMalformed
	}
	name, ok := text(p.Children[0])
	if !ok {
		return nil, errMalformed
	}
	parts := p.Children[1].Children
	if *terms -= len(parts); *terms < 0 {
		return nil, errTooMany
	}
	for i, c := range parts {
		if c.ClassType != ber.ClassContext || c.TagType != ber.TypePrimitive || c.Tag > finalPart || c.Tag == initialPart && i > 0 || c.Tag == finalPart && i < len(parts)-1 {
			return nil, errMalformed
		}
	}
	a := called[strings.ToLower(name)]
	if a == nil || a.names { // names have no parts that could be compared
		return never, nil
	}
	return passing(a, func(have string) bool { return contains(have, parts) }), nil
}

// The parts of a substring.
const (
	initialPart ber.Tag = iota
	_
	finalPart
)

func contains(have string, parts []*ber.Packet) bool {
	for _, p := range parts {
		part := strings.ToLower(p.Data.String())
		switch p.Tag {
		case initialPart:
			rest, ok := strings.CutPrefix(have, part)
			if !ok {
				return false
			}
			have = rest
		case finalPart:
			return strings.HasSuffix(have, part)
		default:
			_, rest, ok := strings.Cut(have, part)
			if !ok {
				return false
			}
			have = rest
		}
	}
	return true
}
