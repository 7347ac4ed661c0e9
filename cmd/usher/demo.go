package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"usher/internal/config"
	"usher/internal/demo"
	"usher/internal/demo/film"
	"usher/internal/gate"
	"usher/internal/secret"
)

type demoCmd struct {
	Port      int          `default:"8480" help:"Where the page answers on this machine. Is that port taken, and you named none, another is found."`
	NoBrowser bool         `help:"Open no browser; the page's address is printed in any case."`
	Database  secret.Token `placeholder:"URL" help:"An empty PostgreSQL database for the accounts, in the place of a file. What is written there stays."`
}

// Run starts everything, answers until it is told to stop, and removes what it made.
func (c demoCmd) Run(ctx context.Context, w world) (err error) {
	folder, err := os.MkdirTemp("", "usher-demo-")
	if err != nil {
		return fmt.Errorf("making a folder for the demonstration: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	log, err := os.OpenFile(filepath.Join(folder, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	show := &demonstration{demoCmd: c, folder: folder, world: world{Out: w.Out, Err: log, Now: w.Now}, greeted: make(chan struct{}, 2)}
	return show.run(ctx)
}

// demonstration is one that runs.
type demonstration struct {
	demoCmd
	world
	folder   string
	greeted  chan struct{} // the service and the gate, when they are ready
	service  config.Config
	gate     config.Gate
	story    *demo.Story
	page     *doorway
	doorways []*doorway
	running  sync.WaitGroup
}

// run has all parts run until ctx ends or one of them fails.
func (d *demonstration) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer d.running.Wait()
	defer stop(nil)
	defer d.closeDoors() // also of those that were opened before one could not be
	if err := d.openDoors(ctx); err != nil {
		return err
	}
	d.start(ctx, stop, d.writeFilm)
	d.start(ctx, stop, func(ctx context.Context) error { return serve(ctx, d.service, d.quiet()) })
	if err := d.await(ctx); err != nil {
		return err
	}
	s, err := openStack(ctx, d.service, d.Now, func(string) {})
	if err != nil {
		return err
	}
	defer func() { _ = s.close() }()
	house := &demoHouse{stack: s, folder: d.gate.Folder}
	if err := house.seed(ctx); err != nil {
		return err
	}
	d.start(ctx, stop, func(ctx context.Context) error { return gate.Run(ctx, gateIn(d.quiet(), d.gate)) })
	if err := d.await(ctx); err != nil {
		return err
	}
	d.story.House, d.story.Seeded = house, d.Now()
	d.answer(d.page)
	d.greet()
	<-ctx.Done()
	if why := context.Cause(ctx); !errors.Is(why, context.Canceled) {
		return why
	}
	return nil
}

// start runs a part; when it fails, the whole ends.
func (d *demonstration) start(ctx context.Context, stop context.CancelCauseFunc, part func(context.Context) error) {
	d.running.Go(func() {
		if err := part(ctx); err != nil && ctx.Err() == nil {
			stop(err)
		}
	})
}

// await waits until one more part has greeted.
func (d *demonstration) await(ctx context.Context) error {
	select {
	case <-d.greeted:
		return nil
	case <-ctx.Done():
		if why := context.Cause(ctx); !errors.Is(why, context.Canceled) {
			return why
		}
		return nil
	}
}

// quiet is the world of a part: what it greets with goes to the log, and tells that it is ready.
func (d *demonstration) quiet() world {
	w := d.world
	w.Out, w.MailShown = greeting{d}, true
	return w
}

type greeting struct{ *demonstration }

func (g greeting) Write(text []byte) (int, error) {
	if strings.Contains(string(text), " ready at ") {
		g.greeted <- struct{}{}
	}
	return len(text), nil
}

// openDoors listens for everybody of the story, and chooses where the service and the gate answer behind the doors. All doors are whole before anybody is answered at one.
func (d *demonstration) openDoors(ctx context.Context) error {
	l, err := d.listen(ctx)
	if err != nil {
		return err
	}
	d.story = &demo.Story{Page: originOf(l), Log: newLog(0, config.LogText, d.world), Now: d.Now}
	d.page = d.doorway(l, d.story.Handler())
	inner, err := unused(ctx, "service", "operations", "gate")
	if err != nil {
		return err
	}
	var doors []*doorway
	for _, one := range []struct {
		door **demo.Door
		to   string
	}{{&d.story.You, "service"}, {&d.story.TV, "service"}, {&d.story.Emil, "service"}, {&d.story.Doors.Server, "gate"}, {&d.story.EmilServer, "gate"}} {
		l, err := loopback(ctx, "0")
		if err != nil {
			return err
		}
		if *one.door, err = demo.NewDoor(originOf(l), "http://"+inner[one.to], d.story.Page); err != nil {
			return errors.Join(err, l.Close())
		}
		doors = append(doors, d.doorway(l, *one.door))
	}
	d.story.TV.Agent = "Mozilla/5.0 (SMART-TV; Linux) AppleWebKit/538.1 (KHTML, like Gecko) Version/2.3 TV Safari/538.1"
	d.story.Arrange()
	for _, door := range doors {
		d.answer(door)
	}
	return d.configure(inner)
}

// configure writes the settings of the service and of the gate. None is read from a file or a variable: what runs here otherwise is left alone.
func (d *demonstration) configure(inner map[string]string) error {
	s := config.Default()
	s.Origin, s.Listen, s.OperationsListen = d.story.You.Origin, inner["service"], inner["operations"]
	s.Hosts = []string{strings.TrimPrefix(d.story.TV.Origin, "http://")}
	s.Data, s.Database, s.ShutdownWait, s.LogFormat = filepath.Join(d.folder, "service"), d.Database, time.Second, config.LogText
	g := config.DefaultGate()
	g.Service, g.Listen, g.Address, g.Name = s.Origin, inner["gate"], []string{d.story.Doors.Server.Origin}, demo.Server
	g.Media, g.Folder, g.ShutdownWait = filepath.Join(d.folder, "films"), filepath.Join(d.folder, "gate"), time.Second
	g.Announce = config.Off // it is for nobody else in this network
	d.service, d.gate = s, g
	return errors.Join(s.Validate(), os.Mkdir(g.Media, 0o700))
}

// listen takes the page's port, or any where that is taken and nobody asked for it.
func (d *demonstration) listen(ctx context.Context) (net.Listener, error) {
	const usual = 8480
	l, err := loopback(ctx, strconv.Itoa(d.Port))
	if errors.Is(err, syscall.EADDRINUSE) && d.Port == usual {
		return loopback(ctx, "0")
	}
	if err != nil {
		return nil, taken(err, "127.0.0.1:"+strconv.Itoa(d.Port), "port")
	}
	return l, nil
}

func loopback(ctx context.Context, port string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", "127.0.0.1:"+port)
}

// unused is an address for each name, at which nothing listens now. They are below those that systems give away without being asked, so that nobody gets one meanwhile.
func unused(ctx context.Context, names ...string) (map[string]string, error) {
	found := map[string]string{}
	for tries := 0; len(found) < len(names); tries++ {
		l, err := loopback(ctx, strconv.Itoa(20000+rand.N(12000))) //nolint:gosec // spreading, not guessing
		if err != nil {
			if tries > 1000 {
				return nil, err
			}
			continue
		}
		defer func() { _ = l.Close() }() // when all are found: none is found twice
		found[names[len(found)]] = l.Addr().String()
	}
	return found, nil
}

// originOf is at a number: owners can confirm only such an address of a server without https, and browsers take names for other websites.
func originOf(l net.Listener) string { return "http://" + l.Addr().String() }

// doorway is a listener and who answers there, once answer is called. Until then whoever asks waits.
type doorway struct {
	net.Listener
	*http.Server
}

func (d *demonstration) doorway(l net.Listener, h http.Handler) *doorway {
	e := &doorway{l, &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}}
	d.doorways = append(d.doorways, e)
	return e
}

// answer answers at a doorway until closeDoors.
func (d *demonstration) answer(e *doorway) {
	d.running.Go(func() { _ = serveUntilClosed(e.Server, e.Listener) })
}

func (d *demonstration) closeDoors() {
	for _, e := range d.doorways {
		_, _ = e.Server.Close(), e.Listener.Close()
	}
}

// writeFilm makes the film, which appears in the folder when it is whole.
func (d *demonstration) writeFilm(ctx context.Context) error {
	begun := filepath.Join(d.gate.Media, ".film")
	f, err := os.OpenFile(begun, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(film.Write(ctx, f), f.Close()); err != nil {
		return err
	}
	return os.Rename(begun, filepath.Join(d.gate.Media, demo.Film))
}

// greet says where the page is, and opens it.
func (d *demonstration) greet() {
	_, _ = fmt.Fprintf(d.Out, "The demonstration is ready at %s\nWhat it writes lies in %s, its log too. Ctrl-C ends it, and removes that.\n", d.story.Page, d.folder)
	if !d.NoBrowser {
		_ = openBrowser(d.story.Page) // where there is none, the address is printed
	}
}

// openBrowser has the desktop open an address. It waits for nobody: what opens it may be the browser itself, and last as long.
func openBrowser(address string) error {
	command := exec.Command("xdg-open", address)
	switch {
	case runtime.GOOS == "darwin":
		command = exec.Command("open", address)
	case runtime.GOOS == "windows":
		command = exec.Command("rundll32", "url.dll,FileProtocolHandler", address)
	case os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "":
		return nil
	}
	if err := command.Start(); err != nil {
		return err
	}
	go func() { _ = command.Wait() }()
	return nil
}
