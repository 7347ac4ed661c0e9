package gate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"

	"usher/internal/gate/accounts"
	"usher/internal/gate/doctor"
	"usher/internal/gate/keep"
	"usher/internal/gate/watch"
)

// errUnwell says that something is wrong with the gate; what, was printed.
var errUnwell = errors.New("something is wrong with this gate")

// Doctor prints a line for each thing that a gate needs, whether it runs or not, and how to cure what is wrong. The error is not nil when something is.
func Doctor(ctx context.Context, s Settings) (err error) {
	host, port, err := net.SplitHostPort(s.Config.Listen)
	if err != nil {
		return err
	}
	p := patient(s, about(s, origins(host, port)), port)
	p.Around = surroundings(s, host, port)
	folder, running, err := keep.Look(s.Config.Folder)
	if p.Barred = errors.Is(err, fs.ErrPermission); err == nil {
		defer func() { err = errors.Join(err, folder.Close()) }()
		raw, err := folder.Peek(watch.File)
		if err == nil && raw != nil {
			p.Known, err = watch.Parse(raw)
		}
		if err != nil {
			p.Known = watch.Known{} // the gate sets it aside when it starts
		}
		p.Folder, p.Running = folder, running
	}
	p.Client = accounts.New(s.Config.ServiceURL(), folder, s.Version, s.Now)
	found := p.Examine(ctx)
	if err := printed(s.Out, found); err != nil {
		return err
	}
	if !doctor.Well(found) {
		return errUnwell
	}
	return nil
}

func printed(out io.Writer, found []doctor.Finding) error {
	for _, f := range found {
		line := fmt.Sprintf("%-6s%-13s %s", f.State, f.What, f.Says)
		if f.Cure != "" {
			line += ". " + f.Cure
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}

func patient(s Settings, about accounts.About, port string) doctor.Patient {
	return doctor.Patient{
		Service: s.Config.ServiceURL(), Path: s.Config.Folder, Upstream: s.Config.Upstream, Media: s.Config.Media,
		LDAP: doctor.LDAP{Listen: s.Config.LDAPListen, Certificate: s.Config.LDAPCertificate, Key: s.Config.LDAPKey, Base: s.Config.LDAPBase},
		Port: port, Announce: s.Config.Announce, Addresses: about.Addresses, Machine: reachable(), Now: s.Now,
	}
}

// examine looks at the gate that runs.
func (g *gate) examine(ctx context.Context) []doctor.Finding { return g.patient().Examine(ctx) }

func (g *gate) patient() doctor.Patient {
	p := patient(g.Settings, g.about(), g.port)
	p.Client, p.Folder, p.Running, p.Known, p.Around = g.client, g.folder, true, g.watch.Known(), g.around.Settings
	return p
}

// reachable lists the machine's addresses at which others can reach it.
func reachable() (all []netip.Addr) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil // then nothing is said about what can be reached
	}
	for _, address := range addresses {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil && prefix.Addr().IsGlobalUnicast() {
			all = append(all, prefix.Addr().Unmap())
		}
	}
	return all
}
