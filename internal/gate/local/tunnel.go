package local

import (
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
)

// tunnelPort is where the tunnel begins on the reader's own machine.
const tunnelPort = "8888"

// tunnelData is how somebody who is elsewhere gets near.
type tunnelData struct {
	// Host is how the reader called the server, From the tunnel's beginning, To its end as seen from the server.
	Host, From, To string
}

var hostSpelling = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// tunnel explains why not from here, and gives the command that makes it work for this server.
func (d *Door) tunnel(w http.ResponseWriter, r *http.Request) {
	if d.ownership().Claimed {
		d.show(w, r, http.StatusForbidden, "message", message{
			Title: "Not from here", Text: "This page of the server opens only on the machine itself, or beside it.", Path: "/", Action: "To the server",
		})
		return
	}
	host := strings.TrimSuffix(strings.TrimPrefix(r.Host, "["), "]")
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		host = h
	}
	// ssh and PuTTY take a number of version 6 without brackets. A zone is any text, and counts on one machine alone.
	if a, err := netip.ParseAddr(host); err == nil && a.Zone() == "" {
		host = a.String()
	} else if !hostSpelling.MatchString(host) {
		host = "SERVER"
	}
	to := d.Facts.Host
	if to == "" {
		to = "127.0.0.1"
	}
	d.show(w, r, http.StatusForbidden, "elsewhere", tunnelData{Host: host, From: tunnelPort, To: net.JoinHostPort(to, d.Facts.Port)})
}
