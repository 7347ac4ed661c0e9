package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"usher/internal/secret"
)

// decode sets the field of c from texts. The error completes a sentence that begins with the key, and never carries
// the text of a secret.
func (s setting) decode(c any, texts []string) error {
	for _, text := range texts {
		if !s.shown(text) {
			return errors.New("holds a line break or another character that cannot be shown")
		}
	}
	if s.list() {
		return s.decodeList(c, texts)
	}
	if len(texts) != 1 {
		return fmt.Errorf("is given %d times; once is enough", len(texts))
	}
	return s.decodeOne(c, texts[0])
}

// shown reports whether a text can be shown in a line, or in several where the setting has those.
func (s setting) shown(text string) bool {
	if s.lines {
		text = strings.NewReplacer("\r\n", "", "\n", "").Replace(text)
	}
	return printable(text)
}

func (s setting) decodeOne(c any, text string) error {
	if s.enum != nil && !slices.Contains(s.enum, text) {
		return fmt.Errorf("is %s; it can be %s", quote(text), either(s.enum))
	}
	switch field := s.in(c).Addr().Interface().(type) {
	case *secret.Token:
		*field = secret.TokenOf(text)
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("is %s, which is not a whole number", quote(text))
		}
		*field = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("is %s, which is not a length of time such as 15s or 2m", quote(text))
		}
		*field = d
	case *slog.Level:
		if err := field.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("is %s, which is not a level", quote(text))
		}
	default:
		s.in(c).SetString(text)
	}
	return nil
}

func (s setting) decodeList(c any, texts []string) error {
	switch field := s.in(c).Addr().Interface().(type) {
	case *[]netip.Prefix:
		networks, err := parseNetworks(texts)
		if err != nil {
			return err
		}
		*field = networks
	case *[]string:
		if slices.Contains(texts, "") {
			return errors.New("has an empty entry")
		}
		*field = slices.Clone(texts)
	default:
		panic("config: no way to read a " + s.kind.String())
	}
	return nil
}

// parseNetworks reads networks and single addresses, and refuses those that cannot be meant as they stand.
func parseNetworks(texts []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range texts {
		network, err := parseNetwork(text)
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("has %s, which is not a network such as 10.0.0.0/8 or fd00::/8", quote(text))
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("has %s; write it as an IPv4 network", quote(text))
	case p.Masked() != p:
		return netip.Prefix{}, fmt.Errorf("has %s, an address inside a network; write %s, or the address alone", quote(text), p.Masked())
	}
	return p, nil
}

// commas splits what a flag, a variable or a value file gives for a list; no text at all is the empty list.
func commas(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i, part := range parts {
		parts[i] = strings.TrimSpace(part)
	}
	return parts
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// quote shows what was given, shortened, so that one wrong value cannot bury the message.
func quote(text string) string {
	if text == "" {
		return "empty"
	}
	const most = 60
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return strconv.Quote(text)
}

// either writes "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
