package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"usher/internal/account"
	"usher/internal/api"
	"usher/internal/backchannel"
	"usher/internal/config"
	"usher/internal/factor"
	"usher/internal/issuer"
	"usher/internal/linkcode"
	"usher/internal/mail"
	"usher/internal/middleware"
	"usher/internal/oidc"
	"usher/internal/openapi"
	"usher/internal/operations"
	"usher/internal/passkey"
	"usher/internal/place"
	"usher/internal/plexapi"
	"usher/internal/profile"
	"usher/internal/secret"
	"usher/internal/signals"
	"usher/internal/signin"
	"usher/internal/signup"
	"usher/internal/transmitter"
	"usher/internal/tvlink"
	"usher/internal/web"
)

type serveCmd struct{ settings }

// Run serves until it is told to stop.
func (c serveCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.load(w)
	if err != nil {
		return err
	}
	return serve(ctx, cfg, w)
}

// service is the running account service.
type service struct {
	*stack
	log       *slog.Logger
	mailShown bool // elsewhere than in the outbox
	places    *place.Finder
	metrics   *operations.Metrics
	deliverer *mail.Deliverer // nil without SMTP: mail waits in the outbox
	sender    *mail.Sender
	logouts   *backchannel.Deliverer
	pushes    *backchannel.Pusher
	room      *transmitter.Room
	issuers   *issuer.Set
	logos     map[string]web.Logo
}

// serve opens everything, answers until ctx ends, and closes in the opposite order.
func serve(ctx context.Context, cfg config.Config, w world) (err error) {
	clients, others, err := configured(cfg)
	if err != nil {
		return err
	}
	lock, err := lockDatabase(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	ordinary := debug.SetGCPercent(startGCPercent)
	log := newLog(cfg.LogLevel, cfg.LogFormat, w)
	s := &service{log: log, mailShown: w.MailShown, metrics: operations.NewMetrics(), room: &transmitter.Room{}}
	if s.stack, err = openStack(ctx, cfg, w.Now, func(text string) { log.Info(text) }); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.newestKeys(ctx); err != nil {
		return err
	}
	s.gainSigningKeys()
	if err := s.incidents().Refusal(ctx); err != nil {
		return err
	}
	if err := s.halfListed(ctx); err != nil {
		log.Warn("an incident needs to be finished", "error", err)
	}
	if err := s.tick(ctx); err != nil { // at once: the next start must notice a clock that went back, however short this one lasts
		return err
	}
	if err := s.registration().Apply(ctx, clients); err != nil {
		return err
	}
	if s.places, err = place.Open(cfg.PlaceData); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.places.Close()) }()
	if err := errors.Join(s.prepareMail(), s.openOutside(others)); err != nil {
		return err
	}
	s.logouts, s.pushes = s.newLogouts(), s.newPushes()
	handler, err := s.handler()
	if err != nil {
		return err
	}
	debug.SetGCPercent(ordinary)
	return s.answer(ctx, handler, w)
}

// gainSigningKeys gives a ring from before there were signing keys its first ones. Where several nodes may each read a copy of the ring, that is
// left to a rotation: they would end up with different keys.
func (s *service) gainSigningKeys() {
	ring := s.keys.Ring()
	switch {
	case ring.CanSign():
		return
	case s.cfg.Postgres() || ring.Rotating():
		s.log.Warn("the key ring has no signing keys: apps cannot sign in with OpenID Connect until usher key rotate has made some")
		return
	}
	next, err := ring.NextSigning(s.now())
	if err == nil {
		err = s.keys.Replace(next)
	}
	if err != nil {
		s.log.Warn("no signing keys were written into the key ring: apps cannot sign in with OpenID Connect until usher key rotate has made some", "error", err)
	}
}

// startGCPercent keeps the collector from going again and again over what starting builds up and keeps; some megabytes are not worth that.
const startGCPercent = 800

// prepareMail makes what delivers mail, when there is a mail server.
func (s *service) prepareMail() (err error) {
	if s.cfg.SMTPServer == "" {
		return nil
	}
	s.sender, err = newSender(s.cfg)
	if err != nil {
		return err
	}
	counter, err := newMailCounter(s.metrics)
	if err != nil {
		return err
	}
	s.deliverer = &mail.Deliverer{
		Queue: s.db, Composer: s.composer, Transport: s.sender, Now: s.now, Log: s.log, Counter: counter, PerMinute: s.cfg.MailPerMinute,
	}
	return nil
}

func newSender(cfg config.Config) (*mail.Sender, error) {
	return mail.NewSender(mail.Server{
		Address: cfg.SMTPServer, Encryption: mail.Encryption(cfg.SMTPTLS), User: cfg.SMTPUser, Password: cfg.SMTPPassword, Name: cfg.OriginURL().Hostname(),
	})
}

// handler wires the flows to the web door, and the door to what every request passes first.
func (s *service) handler() (http.Handler, error) {
	sender, notices := s.composer.Senders()
	senders := []string{sender}
	if notices != sender {
		senders = append(senders, notices)
	}
	pages, err := web.NewRenderer(web.Site{
		Name: s.cfg.Name, Contact: web.Link{Text: strings.TrimPrefix(s.cfg.Contact, "mailto:"), Path: s.cfg.ContactLink()},
		Address: s.cfg.OriginURL().String(), Host: s.cfg.OriginURL().Host, Senders: senders, SignUp: web.SignUpMode(s.cfg.SignUp), PasswordMin: s.cfg.PasswordMinLength,
		Outbox: s.outboxAddress(), GraceDays: int(account.GraceBeforeErasure / (24 * time.Hour)), SameNetwork: s.cfg.LinkSameNetwork == config.On,
	}, s.log)
	if err != nil {
		return nil, err
	}
	party, err := passkey.NewParty(s.cfg.Origin, s.cfg.Name)
	if err != nil {
		return nil, err
	}
	passkeys := &passkey.Checker{Store: s.db, Resolver: s.resolver, Party: party, Now: s.now}
	passwords := s.passwords()
	passwords.Passkeys = passkeys
	signIn := &signin.Service{Store: s.db, Hasher: s.pool, Resolver: s.resolver, Factors: s.checker(), Passkeys: passkeys, Now: s.now, Log: s.log}
	devices := &signin.Devices{Store: s.db, Now: s.now}
	links := &tvlink.Service{
		Store: s.db, Resolver: s.resolver, Passwords: signIn, Factors: s.checker(), Pace: &tvlink.Pace{}, Walks: &tvlink.Walks{}, Origin: s.cfg.OriginURL().String(),
		Longest: s.cfg.LinkCodeLongest, Networks: linkcode.Networks{Proxied: len(s.cfg.TrustedProxies) > 0}, SameNetwork: s.cfg.LinkSameNetwork == config.On, Now: s.now,
		PollCode: func(id int64, name string) secret.Token { return s.keys.Ring().PollCode(id, name) },
	}
	described, err := openapi.Parse(api.Description())
	if err != nil {
		return nil, err
	}
	described.Problems = api.Problems(s.cfg.Origin)
	servers := s.servers()
	signUps := &signup.Service{Store: s.db, Hasher: s.pool, Resolver: s.resolver, Policy: s.policy, Mode: signup.Mode(s.cfg.SignUp), Now: s.now}
	homes := s.homes()
	door := &web.Door{
		Pages: pages, SignIn: signIn, Devices: devices, Home: homes,
		AppPasswords: &signin.AppPasswords{Store: s.db, Now: s.now},
		SignUp:       signUps,
		Social:       s.socials(signUps),
		Logos:        s.logos,
		Founding:     s.founding(),
		Password:     passwords,
		Factor:       s.factors(signIn),
		Passkeys:     &factor.Passkeys{Store: s.db, Checker: passkeys, Now: s.now},
		Profile:      &profile.Service{Store: s.db, Resolver: s.resolver, Now: s.now},
		Admin:        s.admin(),
		Incident:     s.incidents(),
		Clients:      s.registration(),
		Links:        links,
		Servers:      servers,
		API:          described,
		Resolver:     s.resolver, Touches: s.touches, Place: s.places.Name, Now: s.now, Log: s.log, SecureCookies: s.cfg.SecureCookies(),
	}
	door.Grants = s.grants()
	programs := &api.Door{
		SignIn: signIn, Devices: devices, Links: links, Servers: servers, Grants: door.Grants, Home: homes, Touches: s.touches, Place: s.places.Name, Origin: s.cfg.OriginURL(), Now: s.now, Log: s.log,
	}
	players := &plexapi.Door{
		SignIn: signIn, Devices: devices, Links: links, Keys: s.deviceKeys(), Servers: servers, Grants: door.Grants, Home: homes,
		Touches: s.touches, Place: s.places.Name, Origin: s.cfg.OriginURL(), Now: s.now, Log: s.log,
	}
	plex := func(path string) bool { return s.cfg.PlexAPI == config.On && plexapi.Owns(path) }
	provider := &oidc.Door{Grants: door.Grants, Links: links, Servers: servers, Keys: door.Grants.Keys, Place: s.places.Name, Origin: s.cfg.Origin, Now: s.now, Log: s.log}
	elsewhere := func(path string) bool {
		return oidc.Owns(path) || api.FromElsewhere(path) || plex(path) && plexapi.FromElsewhere(path) || s.postedFromElsewhere(path)
	}
	signalled := &signals.Door{Grants: door.Grants, Transmitter: s.transmitter(), Origin: s.cfg.Origin, Keys: s.cfg.Origin + oidc.KeysPath, Log: s.log}
	return throughDoors(middleware.Settings{
		Origin: s.cfg.OriginURL(), Hosts: s.cfg.AllowedHosts(), TrustedProxies: s.cfg.TrustedProxies, Observer: s.metrics, Now: s.now, Elsewhere: elsewhere,
	}, s.log, []entry{
		{oidc.Owns, middleware.RequireForm(provider.Refused)(provider.Handler()), provider.Refused},
		{signals.Owns, signalled.Handler(), signalled.Refused},
		{plex, players.Handler(), players.Refused},
		{func(path string) bool { return strings.HasPrefix(path, api.Prefix) }, programs.Handler(), programs.Refused},
		{func(string) bool { return true }, middleware.RequireForm(pages.Refused)(door.Handler()), pages.Refused},
	}), nil
}

// entry is a door with the paths that are its own.
type entry struct {
	owns    func(path string) bool
	handler http.Handler
	refused middleware.ErrorPage
}

// throughDoors brings every request to the first door whose path it asks for, and has that door answer what is refused before.
func throughDoors(settings middleware.Settings, log *slog.Logger, doors []entry) http.Handler {
	at := func(r *http.Request) entry {
		return doors[slices.IndexFunc(doors, func(e entry) bool { return e.owns(r.URL.Path) })]
	}
	settings.ErrorPage = func(w http.ResponseWriter, r *http.Request, status int, kind string) {
		at(r).refused(w, r, status, kind)
	}
	return middleware.Chain(settings, log)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { at(r).handler.ServeHTTP(w, r) }))
}

// outboxAddress is where mail can be read in a browser: only while the service has no mail server and is this machine's own. Empty also where mail is shown
// elsewhere.
func (s *service) outboxAddress() string {
	if s.mailShown || !s.showsOutbox() {
		return ""
	}
	return "http://" + s.cfg.OperationsListen + "/outbox"
}

func (s *service) showsOutbox() bool { return s.cfg.OriginIsLoopback() && s.cfg.SMTPServer == "" }

// answer listens, tells the operator where, and serves until ctx ends; then it lets running requests finish.
func (s *service) answer(ctx context.Context, handler http.Handler, w world) error {
	listener, err := s.listen(ctx)
	if err != nil {
		return err
	}
	ops, err := operations.Listen(ctx, s.cfg.OperationsListen)
	if err != nil {
		return errors.Join(taken(err, s.cfg.OperationsListen, "operations_listen"), listener.Close())
	}
	if err := noteOrigin(s.cfg); err != nil {
		s.log.Warn("the address was not noted for commands: give them the service's settings", "error", err)
	}
	opsServer := operations.Server(operations.Handler(s.operations()))
	server := middleware.Server(s.cfg.Listen, handler, s.log)
	server.RegisterOnShutdown(s.room.Close)

	jobs, stopJobs := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	s.startJobs(jobs, &running)
	failed := make(chan error, 2)
	running.Go(func() { failed <- serveUntilClosed(server, listener) })
	running.Go(func() { failed <- serveUntilClosed(opsServer, ops) })
	if err := s.greet(ctx, w, listener, ops); err != nil {
		s.log.Error("start-up lines not printed", "error", err)
	}
	running.Go(func() { settle(jobs) })
	select {
	case <-ctx.Done():
		s.log.Info("stopping", "wait", s.cfg.ShutdownWait.String())
	case err = <-failed:
	}
	return errors.Join(err, s.drain(server, opsServer, stopJobs, &running))
}

// settle gives the memory that only starting needed back to the system, once everything has found its place.
func settle(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(2 * time.Second):
		debug.FreeOSMemory()
	}
}

// drain stops in order: no new requests, the running ones end, then the jobs, then the operations listener.
func (s *service) drain(server, ops *http.Server, stopJobs func(), running *sync.WaitGroup) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownWait)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	stopJobs()
	err = errors.Join(err, ops.Close())
	running.Wait()
	return errors.Join(err, s.touches.Flush(context.Background(), s.db))
}

func serveUntilClosed(server *http.Server, l net.Listener) error {
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *service) listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return nil, taken(err, s.cfg.Listen, "listen")
	}
	if s.cfg.TLSCertificate == "" {
		return l, nil
	}
	pair, err := tls.LoadX509KeyPair(s.cfg.TLSCertificate, s.cfg.TLSKey)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading the certificate: %w", err), l.Close())
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}), nil
}

// taken says what to do about a port that somebody else has, or that this user may not have.
func taken(err error, address, key string) error {
	instead := "--" + strings.ReplaceAll(key, "_", "-") + " localhost:" + otherPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken by another program, perhaps another usher: stop that one, or use another port (%s), such as %s", address, key, instead)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("this user may not listen on %s: ports below 1024 need root or CAP_NET_BIND_SERVICE; use another port (%s), such as %s", address, key, instead)
	}
	return fmt.Errorf("listening on %s: %w", address, err)
}

// otherPort is one that was not tried just now.
func otherPort(address string) string {
	_, port, err := net.SplitHostPort(address)
	n, notANumber := strconv.Atoi(port)
	if err != nil || notANumber != nil || n < 1024 || n > 64000 {
		return "8484"
	}
	return strconv.Itoa(n + 1000)
}

// greet prints where everything is: the address, where mail waits, and the link for the first administrator while there is none.
func (s *service) greet(ctx context.Context, w world, l, ops net.Listener) error {
	lines := fmt.Sprintf("Usher is ready at %s\n", s.cfg.Origin)
	lines += fmt.Sprintf("Metrics and health: http://%s/metrics, /healthz, /readyz\n", ops.Addr())
	switch {
	case s.cfg.SMTPServer != "":
	case s.cfg.OriginIsLoopback():
		lines += fmt.Sprintf("No mail server is set: mail waits at http://%s/outbox and in: usher outbox\n", ops.Addr())
	default:
		lines += "No mail server is set (smtp_server): mail waits in: usher outbox\n"
	}
	path, err := s.founding().SetUpLink(ctx)
	if path != "" {
		lines += fmt.Sprintf("First administrator (one hour, one use): %s%s\n", s.cfg.Origin, path)
	}
	_, werr := fmt.Fprint(w.Out, lines)
	s.log.Info("serving", "listen", l.Addr().String(), "operations", ops.Addr().String(), "database", s.db.Engine(), "version", version(),
		"key_ring_generation", s.keys.Ring().Generation())
	return errors.Join(err, werr)
}
