// Package gate owns the running gate: it opens the folder, listens, and puts the parts together that answer. It refuses to know what they do.
package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"usher/internal/config"
	"usher/internal/gate/accounts"
	"usher/internal/gate/doctor"
	"usher/internal/gate/door"
	"usher/internal/gate/keep"
	"usher/internal/gate/local"
	"usher/internal/gate/media"
	"usher/internal/gate/neighbours"
	"usher/internal/gate/watch"
)

// product is what the gate says it is, where owners see their servers.
const product = "usher gate"

// Settings are what a gate needs to run.
type Settings struct {
	Config  config.Gate
	Version string
	Now     func() time.Time
	Log     *slog.Logger
	// Out gets the lines for whoever started it.
	Out io.Writer
}

// gate is a gate that runs.
type gate struct {
	Settings
	folder      *keep.Folder
	client      *accounts.Client
	places      *accounts.Places
	entrance    *entrance // of the directory
	claims      *accounts.Claims
	own         *local.Door
	media       *media.Folder // nil: there is none
	door        atomic.Pointer[door.Door]
	building    sync.Mutex
	watch       *watch.Watch
	remembering sync.Mutex
	port        string   // where it listens
	where       []string // addresses that the machine has, as origins
	around      *neighbours.Neighbourhood
	jobs        sync.WaitGroup
	announce    chan struct{}
	news        chan struct{} // somebody was let in, or is not any more
	ldap        net.Listener  // nil: LDAP is off
	answerLDAP  func(context.Context) error
}

// Run answers until ctx ends; then it lets running answers finish. keep.ErrInUse.
func Run(ctx context.Context, s Settings) (err error) {
	g := &gate{Settings: s, announce: make(chan struct{}, 1), news: make(chan struct{}, 1)}
	if g.folder, err = keep.Open(s.Config.Folder, s.Now()); err != nil {
		return Barred(err)
	}
	defer func() { err = errors.Join(err, g.folder.Close()) }()
	for _, name := range g.folder.Aside() {
		s.Log.Warn("a file of the gate's folder could not be read and was set aside", "folder", s.Config.Folder, "file", name)
	}
	if note := s.Config.ClaimNote(); note != "" {
		s.Log.Warn("no claim token was read", "why", note)
	}
	if s.Config.Media != "" {
		if err := apart(s.Config.Media, s.Config.Folder); err != nil {
			return err
		}
		if g.media, err = media.Open(s.Config.Media, name(s.Config), s.Log); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, g.media.Close()) }()
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", s.Config.Listen)
	if err != nil {
		return unheard(s.Config.Listen, err)
	}
	if err = g.furnish(listener); err == nil {
		err = g.listenToLDAP(ctx)
	}
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return g.serve(ctx, listener)
}

// Barred adds what helps to an error of the gate's folder that this user may not use.
func Barred(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; run this as the user whose folder it is, or name another with --folder", err)
	}
	return err
}

// unwritable says plainly that nothing can be written into the gate's folder, and what helps, where that is the error.
func unwritable(folder string, err error) error {
	for _, why := range []syscall.Errno{syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, why) {
			f := doctor.Unwritable(folder)
			return fmt.Errorf("%s: %w; %s", f.Says, why, f.Cure)
		}
	}
	return err
}

// unheard says why the gate cannot listen, and what helps.
func unheard(listen string, err error) error {
	err = fmt.Errorf("listening on %s: %w", listen, err)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: a gate that runs already, or the media server itself; stop it, or choose another port with --listen", err)
	}
	return err
}

// furnish builds what answers at the listener.
func (g *gate) furnish(l net.Listener) (err error) {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return err
	}
	g.where, g.port = origins(host, port), port
	g.client = accounts.New(g.Config.ServiceURL(), g.folder, g.Version, g.Now)
	g.places, g.entrance = &accounts.Places{Client: g.client}, newEntrance(g)
	g.claims = &accounts.Claims{Client: g.client, About: g.about, Log: g.Log, Claimed: func(ctx context.Context) {
		select {
		case g.announce <- struct{}{}:
		default:
		}
		ctx, cancel := context.WithTimeout(ctx, settleWait)
		defer cancel()
		g.watch.Settle(ctx)
	}, GivenUp: func() {
		if err := g.watch.GivenUp(); err != nil {
			g.Log.Warn("it was not written down that the server was given up", "error", err)
		}
	}}
	if g.watch, err = watch.New(g.client, g, g.folder, g.Log, g.Now); err != nil {
		return err
	}
	facts := local.Facts{Name: name(g.Config), Version: g.Version, Service: g.Config.ServiceURL(), Port: port, Behind: g.behind(), Opens: g.Config.Upstream != "" || g.Config.Media != ""}
	if !everywhere(host) {
		facts.Host = host
	}
	if g.Config.Folder != defaultFolder {
		facts.Folder = g.Config.Folder
	}
	g.around = neighbours.New(surroundings(g.Settings, host, port))
	g.around.Claimed = func() bool { _, claimed := g.server(); return claimed }
	g.own, err = local.New(local.Settings{Neighbours: g.around.List, Folder: g.folder, Claims: g.claims, Owner: g.owner, Visitor: g.visitor, Known: g.watch.Known, Networks: g.Config.LocalNetwork, Facts: facts, Examine: g.examine, Log: g.Log, Now: g.Now})
	return err
}

// settleWait bounds how long whoever has claimed the server waits for its door to open.
const settleWait = 10 * time.Second

// defaultFolder is the folder that commands look for where none is named.
const defaultFolder = "usher-gate"

func name(c config.Gate) string {
	machine, err := os.Hostname()
	if err != nil {
		machine = ""
	}
	return cmp.Or(c.Name, machine, "Media server")
}

func (g *gate) behind() string {
	return cmp.Or(g.Config.Upstream, g.Config.Media, "nothing: a proxy asks the gate")
}

// about is what a server says about itself; where it is, unless its settings know better.
func about(s Settings, where []string) accounts.About {
	if len(s.Config.Address) > 0 {
		where = s.Config.Address
	}
	return accounts.About{Name: name(s.Config), Product: product, Version: s.Version, Addresses: where[:min(len(where), mostAddresses)]}
}

func (g *gate) about() accounts.About { return about(g.Settings, g.where) }

// mostAddresses is how many the service keeps of a server.
const mostAddresses = 10

// The patience of the listener. Answers may be films, and take as long as they take.
const (
	headerWait = 5 * time.Second
	idleWait   = 2 * time.Minute
	mostHeader = 32 << 10
	// mostStreams is how many requests of one connection of HTTP/2 are answered at a time.
	mostStreams = 100
)

func (g *gate) serve(ctx context.Context, l net.Listener) error {
	spoken := new(http.Protocols)
	spoken.SetHTTP1(true)
	spoken.SetUnencryptedHTTP2(true) // for proxies that know; TLS, which browsers need for it, is theirs
	server := &http.Server{
		Handler: g, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait, MaxHeaderBytes: mostHeader,
		Protocols: spoken, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: mostStreams},
		ErrorLog: slog.NewLogLogger(g.Log.Handler(), slog.LevelDebug), DisableGeneralOptionsHandler: true,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	err := g.greet(l)
	jobs, stopJobs := context.WithCancel(context.WithoutCancel(ctx))
	g.startJobs(jobs)
	if g.announces() {
		g.jobs.Go(func() { g.around.Run(ctx) }) // it says that it goes before the last answers end
	}
	if err == nil {
		select {
		case <-ctx.Done():
			g.Log.Info("stopping", "wait", g.Config.ShutdownWait.String())
		case err = <-failed:
		}
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.Config.ShutdownWait)
	defer cancel()
	ended := server.Shutdown(late)
	if errors.Is(ended, context.DeadlineExceeded) {
		ended = server.Close()
	}
	stopJobs()
	g.claims.Close()
	g.jobs.Wait()
	return errors.Join(err, ended)
}

// greet opens the window in which the server can be claimed, and prints the ready links for that.
func (g *gate) greet(l net.Listener) error {
	var pages []string
	for _, origin := range g.where {
		pages = append(pages, origin+local.Home)
	}
	window, err := g.folder.OpenWindow(g.Now(), pages)
	if err != nil {
		return unwritable(g.Config.Folder, err)
	}
	s, claimed := g.server()
	lines := fmt.Sprintf("The gate is ready at %s, for the accounts of %s\n", l.Addr(), g.Config.Service)
	switch {
	case claimed:
		lines += fmt.Sprintf("This server belongs to %s\n", s.Owner.Called())
	case s.Service != "":
		lines += fmt.Sprintf("This server is claimed at %s, another service: it lets nobody in until it is started with --service %[1]s again, or claimed anew\n", s.Service)
	case !g.watch.Known().Taken().IsZero():
		lines += "This server was taken off its owner's account: it belongs to nobody until it is claimed again\n"
	}
	if !claimed && !g.Config.Claim.Empty() {
		lines += "It is about to be claimed by the claim token that it was given. Should that fail:\n"
	}
	lines += g.invitesLDAP()
	if !claimed {
		lines += Invitation(window)
	}
	if g.Config.Upstream == "" && g.Config.Media == "" {
		lines += "Nothing stands behind it yet: name your media server with --upstream, or a folder of films with --media. Where another proxy asks the gate, neither is needed.\n"
	}
	_, err = io.WriteString(g.Out, lines)
	g.Log.Info("gate serving", "listen", l.Addr().String(), "service", g.Config.Service, "claimed", claimed, "version", g.Version)
	if why, suspended := g.watch.Known().Suspends(s.ID); claimed && suspended {
		g.Log.Warn("this server is signed out still: it lets nobody in until its owner brings it back", "reason", why.Reason, "page", why.Servers)
	}
	return err
}

// Invitation is what is printed for whoever may claim the server.
func Invitation(w keep.Window) string {
	text := "Claim this server within 15 minutes, from this machine or beside it:\n"
	for _, link := range w.Links() {
		text += "  " + link + "\n"
	}
	return text + "Set-up code: " + w.Spelled() + "\n"
}

// startJobs claims with a token that was configured, and tells the service about the server from time to time.
func (g *gate) startJobs(ctx context.Context) {
	if !g.Config.Claim.Empty() {
		g.jobs.Go(func() { g.claims.Start(ctx, g.Config.Claim) })
	}
	g.jobs.Go(func() { g.watch.Run(ctx) })
	if g.ldap != nil {
		g.jobs.Go(func() {
			if err := g.answerLDAP(ctx); err != nil {
				g.Log.Error("LDAP has ended", "error", err)
			}
		})
	}
	g.jobs.Go(func() {
		if f := g.patient().Reach(ctx); f.State == doctor.Wrong && ctx.Err() == nil {
			g.Log.Warn("the account service is not there: "+f.Says, "helps", f.Cure)
		}
	})
	g.jobs.Go(func() { g.keepRemembering(ctx) })
	g.jobs.Go(func() { g.keepTelling(ctx) })
}
