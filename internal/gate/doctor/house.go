package doctor

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"usher/internal/config"
	"usher/internal/gate/accounts"
	"usher/internal/gate/neighbours"
)

// addresses looks where people find the server, and whether they can sign in there.
func (p Patient) addresses(ctx context.Context) Finding {
	f := p.told(ctx)
	if !p.unconfirmed(ctx) {
		return f
	}
	if f.State == Good {
		f.Says = "people find it at " + f.Says
	}
	return odd(f.Says+"; but its owner has confirmed no address, so nobody can sign in", strings.TrimSpace(f.Cure+" Its owner opens "+p.Client.Issuer()+"/servers, chooses this server, and confirms where it is."))
}

// unconfirmed reports whether the service says that people may sign in at no address. Where it says nothing, other lines tell why.
func (p Patient) unconfirmed(ctx context.Context) bool {
	if p.Folder == nil {
		return false
	}
	all, err := (&accounts.Places{Client: p.Client}).Learn(ctx)
	return err == nil && len(all) == 0
}

// told looks at the addresses that the gate tells the service.
func (p Patient) told(ctx context.Context) Finding {
	outside := false
	for _, address := range p.Addresses {
		u, err := url.Parse(address)
		if err != nil {
			continue
		}
		host := u.Hostname()
		if a, err := netip.ParseAddr(host); err == nil {
			outside = outside || !a.IsLoopback()
			continue
		}
		if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
			return odd("the address "+address+" leads nowhere, seen from here", "Correct --address, or the DNS entry of "+host+".")
		}
		outside = outside || host != "localhost"
	}
	if !outside {
		return odd("only this machine itself can reach the server", "Give the address at which people find it as --address.")
	}
	return good(strings.Join(p.Addresses, ", "))
}

// writable is W_OK of access(2).
const writable = 2

// Unwritable says of the gate's folder at path that nothing can be written into it.
func Unwritable(path string) Finding {
	return wrong("nothing can be written into the gate's folder "+path, "Give it to the user who runs the gate, 'chown -R NAME "+path+"', and see that its disk is neither full nor read-only.")
}

// makes reports whether this user can write into the folder at path, or make it where there is none.
func makes(path string) bool {
	for {
		err := syscall.Access(path, writable)
		if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
			path = parent
			continue
		}
		return err == nil
	}
}

func (p Patient) key(context.Context) Finding {
	if p.Barred {
		return wrong("you may not look into the gate's folder "+p.Path, "Run this as the user who runs the gate (sudo -u NAME), or give the folder to that user: 'chown -R NAME "+p.Path+"'.")
	}
	if p.Folder == nil && !makes(p.Path) {
		return wrong("there is no key in "+p.Path+", and none can be written there", "Name the right folder with --folder, or make this one for the user who runs the gate: 'install -d -o NAME -m 700 "+p.Path+"'. Its disk must be neither full nor read-only.")
	}
	if p.Folder == nil {
		return wrong("there is no key in "+p.Path, "Name the right folder with --folder, or start the gate: it makes one.")
	}
	if syscall.Access(p.Path, writable) != nil {
		return Unwritable(p.Path)
	}
	if info, err := os.Stat(p.Path); err == nil && info.Mode().Perm()&0o077 != 0 {
		return odd("others on this machine can look into "+p.Path, "Run 'chmod 700 "+p.Path+"'.")
	}
	return good("it lies in " + p.Path + ", and its fingerprint is " + p.Folder.Thumbprint())
}

func (p Patient) upstream(ctx context.Context) Finding {
	switch {
	case p.Media != "":
		if _, err := os.ReadDir(p.Media); err != nil {
			return wrong("the folder "+p.Media+" cannot be read", "Correct --media, and see that its disk is there, and that the user who runs the gate may read it.")
		}
		return good("the folder " + p.Media + " is shown")
	case p.Upstream == "":
		return odd("none is named", "Name it with --upstream, or a folder with --media. Where another proxy asks the gate, all is well.")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, p.Upstream, nil)
	if err != nil {
		return wrong("its address is none", "Correct --upstream.")
	}
	direct := &http.Transport{DisableKeepAlives: true}
	answer, err := direct.RoundTrip(r)
	if err != nil {
		return wrong("nothing answers at "+p.Upstream, "Start the media server, or correct --upstream.")
	}
	_ = answer.Body.Close()
	return good(p.Upstream + " answers")
}

// around looks whether the media server can be reached past the gate: then the gate keeps nobody out.
func (p Patient) around(ctx context.Context) Finding {
	u, err := url.Parse(p.Upstream)
	if p.Upstream == "" || err != nil {
		return good("none: nothing stands behind the gate that others could reach")
	}
	host := u.Hostname()
	a, err := netip.ParseAddr(host)
	here := host == "localhost" || err == nil && (a.IsLoopback() || slices.Contains(p.Machine, a.Unmap()))
	if !here {
		return odd("the media server is not on this machine, so it cannot be seen from here who else reaches it", "Let only the gate in: publish no port of its container, or close it in the firewall.")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if port == p.Port {
		return good("the gate itself answers at that port")
	}
	for _, address := range p.Machine {
		at := net.JoinHostPort(address.String(), port)
		c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", at)
		if err != nil {
			continue
		}
		_ = c.Close()
		return odd("the media server answers at "+at+" as well, where nobody has to pass the gate", "Have it listen at 127.0.0.1 alone, or close that port in the firewall.")
	}
	return good("none: the media server answers on this machine alone")
}

// announcing looks whether others in the house can find the server by themselves. Where they cannot, it works by its address all the same.
func (p Patient) announcing(context.Context) Finding {
	switch {
	case p.Announce == config.Off:
		return good("it says in no network that it is there, and hears no others: --announce is off")
	case p.Around.Host.IsLoopback():
		return good("it says in no network that it is there: it listens for this machine alone")
	}
	const otherwise = " People find the server by its address all the same, and --announce off ends this line."
	cards, err := neighbours.Able(p.Around)
	switch {
	case errors.Is(err, neighbours.ErrTaken):
		return odd("others in the network cannot find it by themselves: "+neighbours.ErrTaken.Error(), "Stop that program, or have it share the port."+otherwise)
	case errors.Is(err, neighbours.ErrNowhere):
		return odd("others in the network cannot find it by themselves: "+err.Error(), "Give a container the network of its machine ('--network host')."+otherwise)
	case err != nil:
		return odd("others in the network cannot find it by themselves: "+err.Error(), "See that this user may open UDP port 5353."+otherwise)
	}
	return good("it says that it is there by " + strings.Join(cards, ", "))
}
