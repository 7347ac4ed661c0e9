package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/outage"
)

const (
	patience = 5 * time.Second
	// apart is how far clocks may be apart. What the gate signs counts for a minute.
	apart = 30 * time.Second
	// runsOut is how long before its end a certificate is spoken of.
	runsOut = 7 * 24 * time.Hour
	// heardLately is how old the last word of the service may be: one long poll, and how seldom that is written down.
	heardLately = 3 * time.Minute
	longestWord = 256 << 10
)

// proxied reports whether the service is reached through a proxy of the environment, which then looks for names and certificates.
func (p Patient) proxied() bool {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: p.Service})
	return err == nil && proxy != nil
}

func (p Patient) dns(ctx context.Context) Finding {
	host := p.Service.Hostname()
	if p.proxied() {
		return good("a proxy of the environment looks for " + host)
	}
	all, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil || len(all) == 0 {
		return wrong("the name "+host+" leads nowhere", "Correct --service, or the DNS of this machine: try 'getent hosts "+host+"'.")
	}
	return good("the name " + host + " leads to " + strings.Join(all[:min(len(all), 3)], ", "))
}

func (p Patient) tls(ctx context.Context) Finding {
	if p.Service.Scheme != "https" {
		return good("none is needed: the service is on this machine")
	}
	if p.proxied() {
		return good("seen with the service's answer: a proxy of the environment stands in between")
	}
	port := p.Service.Port()
	if port == "" {
		port = "443"
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := (&tls.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(p.Service.Hostname(), port))
	if err != nil {
		return untrusted(p.Service.Host, err)
	}
	defer func() { _ = c.Close() }()
	secured, is := c.(*tls.Conn)
	if !is || len(secured.ConnectionState().PeerCertificates) == 0 {
		return wrong("there is no certificate at "+p.Service.Host, "Look at the proxy in front of the service.")
	}
	end := secured.ConnectionState().PeerCertificates[0].NotAfter
	if left := end.Sub(p.Now()); left < runsOut {
		return odd("the service's certificate ends on "+end.Format(time.DateOnly), "Whoever runs the service has to renew it.")
	}
	return good("the certificate is good until " + end.Format(time.DateOnly))
}

// untrusted says why there is no connection that tells who answers.
func untrusted(host string, err error) Finding {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &authority):
		return wrong("this machine does not trust the certificate of "+host+": it was signed by the service itself, or by somebody unknown here", "Best get one that everybody trusts, such as from Let's Encrypt. Or install the authority's certificate on this machine (on Debian: /usr/local/share/ca-certificates, then 'update-ca-certificates').")
	case errors.As(err, &name):
		return wrong("the certificate is of another name than "+host, "Correct --service, or the certificate of the service.")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return wrong("the certificate of "+host+" has ended, or the clock is wrong", "Look at the clock first; then whoever runs the service has to renew it.")
	}
	return wrong("no connection to "+host, "Look whether this machine reaches it: 'curl -v https://"+host+"'.")
}

// Reach asks whether the account service is there.
func (p Patient) Reach(ctx context.Context) Finding {
	_, service := p.service(ctx)
	return service
}

// service asks who answers there, and what time it is.
func (p Patient) service(ctx context.Context) (clock, service Finding) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	unknown := odd("not known, for the service does not answer", "Look at the lines about DNS, the certificate and the service.")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Service.JoinPath("/.well-known/openid-configuration").String(), nil)
	if err != nil {
		return unknown, wrong("its address is none", "Correct --service.")
	}
	asked := p.Now()
	answer, err := p.Client.HTTP().Do(r)
	switch {
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return unknown, wrong("who answers at "+p.Service.Host+" cannot be told", "Look at the line about the certificate: 'usher gate doctor' shows it.")
	case errors.As(err, new(*net.DNSError)):
		return unknown, wrong("the name "+p.Service.Hostname()+" leads nowhere", "Look at the line about DNS: 'usher gate doctor' shows it.")
	case err != nil:
		return unknown, wrong(p.Service.Host+" does not answer", "Start it, wait for whoever runs it, or correct --service. Those who were let in stay in up to --outage-limit.")
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, longestWord))
	clock = compare(answer.Header.Get("Date"), asked, p.Now())
	var said struct {
		Issuer string `json:"issuer"`
	}
	switch {
	case err != nil || answer.StatusCode >= http.StatusInternalServerError:
		return clock, wrong(fmt.Sprintf("%s answers with status %d", p.Service.Host, answer.StatusCode), "Look at the log of the service.")
	case answer.StatusCode != http.StatusOK || json.Unmarshal(raw, &said) != nil || said.Issuer == "":
		return clock, wrong("what answers at "+p.Service.Host+" is no account service", "Correct --service: it is the address that people type.")
	case said.Issuer != p.Client.Issuer():
		return clock, wrong(p.Service.Host+" calls itself "+said.Issuer, "Give that as --service.")
	}
	return clock, good(said.Issuer + " answers")
}

// compare looks how far the service's clock is from ours; the answer came between two moments.
func compare(date string, from, to time.Time) Finding {
	theirs, err := http.ParseTime(date)
	if err != nil {
		return odd("the service does not say what time it is", "Compare the clock by hand: 'date -u'.")
	}
	const second = time.Second // a date says no more
	ahead, behind := from.Sub(theirs)-second, theirs.Sub(to)
	switch {
	case ahead > apart:
		return wrong(fmt.Sprintf("it is %s ahead of the service's", ahead.Round(second)), "Set it: 'timedatectl set-ntp true'.")
	case behind > apart:
		return wrong(fmt.Sprintf("it is %s behind the service's", behind.Round(second)), "Set it: 'timedatectl set-ntp true'.")
	}
	return good("it goes with the service's")
}

// whySignedOut spells out the service's reasons.
var whySignedOut = map[string]string{
	"signed-out":        "its owner signed everything out",
	"server-signed-out": "its owner signed it out",
	"incident":          "to be safe, the service signed everything out",
	"reset-required":    "its owner's account needs a new password first",
	"locked":            "its owner's account is closed for now",
	"deleting":          "its owner's account is about to be deleted",
}

func (p Patient) claim(ctx context.Context) Finding {
	if p.Barred {
		return odd("not known, for the gate's folder cannot be read", "Look at the line about the key.")
	}
	if p.Folder == nil {
		return wrong("this server belongs to nobody", "Start the gate, and open the link that it prints.")
	}
	s, claimed := p.Folder.Server()
	const again = "Claim it again: run 'usher gate reopen' here, and open the link that it prints."
	taken := wrong("this server belongs to nobody any more: the service says that it was taken off its owner's account, and not by whom",
		again+" Or begin from nothing, with a new key: stop the gate, move its folder "+p.Path+" away, and start it.")
	taken.bare = taken.Says + ". " + again
	switch {
	case !claimed && !p.Known.Taken().IsZero():
		return taken
	case !claimed:
		return wrong("this server belongs to nobody", "Run 'usher gate reopen' here, and open the link that it prints.")
	case s.Service != p.Client.Issuer():
		return wrong("this server is claimed at "+s.Service+", and the gate is for "+p.Client.Issuer()+": it lets nobody in", "Give --service "+s.Service+" again, or claim the server anew: 'usher gate reopen'.")
	}
	st, err := p.Client.Standing(ctx)
	switch {
	case errors.Is(err, outage.Err), ctx.Err() != nil:
		f := odd("it belongs to "+s.Owner.Called()+"; whether it is signed out cannot be asked now", "Look at the line about the service.")
		f.bare = "it belongs to somebody; whether it is signed out cannot be asked now"
		return f
	case err != nil:
		return wrong("the service does not take this server's key", "Look at the clock first. If the folder was replaced, put its backup back, or claim the server anew: 'usher gate reopen'.")
	case st.State == accounts.Suspended:
		return wrong(strings.TrimSuffix("it is signed out: "+whySignedOut[st.Reason], ": "), "Its owner signs in at the service, and brings it back at "+st.Servers+".")
	case st.State != accounts.Good:
		return taken
	}
	f := good("it belongs to " + s.Owner.Called())
	f.bare = "it belongs to somebody"
	return f
}

func (p Patient) signals(context.Context) Finding {
	since := p.Now().Sub(p.Known.Heard)
	switch {
	case !p.Running:
		return odd("the gate does not run", "Start it.")
	case p.Known.State != accounts.Good:
		return odd("the gate hears of none as long as the server is nobody's, or signed out", "Look at the line about the claim.")
	case p.Known.Heard.IsZero():
		return odd("the gate has to ask about them: a sign-out closes the door some seconds later", "Wait a minute after a start. If it stays so, whoever runs the service has to bring it up to date.")
	case since > heardLately:
		return wrong(fmt.Sprintf("nothing was heard for %s: they come late", since.Round(time.Second)), "Look at the lines about DNS, the certificate and the service, and at the gate's log.")
	}
	return good(fmt.Sprintf("the gate hears of them: the last word came %s ago", max(0, since.Round(time.Second))))
}
