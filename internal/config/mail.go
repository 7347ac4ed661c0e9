package config

import (
	"errors"
	"net/mail"
	"net/url"
	"strings"
)

// NoticeSender returns the sender of notices: notice_from, or mail_from where it is empty.
func (c Config) NoticeSender() string {
	if c.NoticeFrom != "" {
		return c.NoticeFrom
	}
	return c.MailFrom
}

// HashSlotCount returns how many password hashes run at once on a machine with this many cores.
func (c Config) HashSlotCount(cores int) int {
	if c.HashSlots > 0 {
		return c.HashSlots
	}
	return max(1, cores)
}

// ContactLink returns contact as a link (mailto:, https: or http:), or "" when there is none.
func (c Config) ContactLink() string {
	text := strings.TrimPrefix(c.Contact, "mailto:")
	if u, err := url.Parse(text); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
		if _, err := parseName(u.Hostname()); err != nil || u.User != nil {
			return ""
		}
		return u.String()
	}
	if a, err := parseSender(text); err == nil && a.Address == text {
		return (&url.URL{Scheme: "mailto", Opaque: url.PathEscape(text)}).String()
	}
	return ""
}

// parseSender reads an address with or without a display name; the address itself is ASCII with a real domain.
func parseSender(text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return nil, errors.New("is " + quote(text) + "; it has to be one address such as Usher <usher@example.org>")
	}
	at := strings.LastIndexByte(a.Address, '@')
	if strings.Count(a.Address, "@") != 1 || strings.ContainsFunc(a.Address, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("is " + quote(text) + "; the address has to be plain letters, digits and signs")
	}
	if _, err := parseName(a.Address[at+1:]); err != nil {
		return nil, err
	}
	return a, nil
}

func (r *review) mail() {
	from := r.sender("mail_from", r.MailFrom)
	notices := from
	if r.NoticeFrom != "" {
		notices = r.sender("notice_from", r.NoticeFrom)
	}
	r.within("mail_per_minute", r.MailPerMinute, 1, mostMailPerMinute)
	if (r.SMTPUser == "") != r.SMTPPassword.Empty() {
		key, other := "smtp_password", "smtp_user"
		if r.SMTPUser == "" {
			key, other = other, key
		}
		r.refuse(key, "is missing; %s needs it", other)
	}
	if r.SMTPServer == "" {
		if r.SMTPUser != "" {
			r.refuse("smtp_server", "is missing; smtp_user needs it")
		}
		return
	}
	host, port, err := splitPort(r.SMTPServer)
	if err != nil || host == "" || port == 0 {
		r.refuse("smtp_server", "is %s; it has to be host:port, such as mail.example.org:587", quote(r.SMTPServer))
		return
	}
	name, err := parseName(host)
	switch {
	case err != nil:
		r.refuse("smtp_server", "%v", err)
	case isLoopback(name):
	default:
		r.remoteServer(from, notices)
	}
}

// remoteServer holds what a mail server on another machine asks for.
func (r *review) remoteServer(from, notices string) {
	if r.SMTPTLS == TLSNone {
		r.refuse("smtp_tls", "is none, which is allowed only for a mail server on this machine; use starttls or implicit")
	}
	if strings.HasSuffix(from, "@localhost") {
		r.refuse("mail_from", "is an address at localhost, which other mail servers refuse; use an address of your domain")
	}
	if r.NoticeFrom != "" && strings.HasSuffix(notices, "@localhost") {
		r.refuse("notice_from", "is an address at localhost, which other mail servers refuse; use an address of your domain")
	}
}

// sender checks one sender and returns its bare address in lower case.
func (r *review) sender(key, text string) string {
	a, err := parseSender(text)
	if err != nil {
		r.refuse(key, "%v", err)
		return ""
	}
	return strings.ToLower(a.Address)
}
