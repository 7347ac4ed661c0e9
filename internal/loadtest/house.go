package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"usher/internal/argon2id"
	"usher/internal/loadtest/crowd"
	"usher/internal/secret"
	"usher/internal/store"
)

// house is a database with people in it, and where its service listens.
type house struct {
	options
	dir, database      string
	listen, operations string
	cluster            io.Closer // PostgreSQL runs until this is closed
}

func newHouse(ctx context.Context, dir string, o options) (*house, error) {
	h := &house{options: o, dir: dir, database: "sqlite:" + filepath.Join(dir, "usher.db")}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	h.listen, h.operations = ports[0], ports[1]
	switch o.database {
	case "sqlite":
	case "postgres":
		if h.database, h.cluster, err = startCluster(); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("no database %q: sqlite or postgres", o.database)
	}
	if err := h.settle(ctx); err != nil {
		h.leave()
		return nil, err
	}
	return h, nil
}

// settle makes the key ring and the database, and loads the people.
func (h *house) settle(ctx context.Context) error {
	keys, err := secret.CreateKeeper(filepath.Join(h.dir, "keyring.json"))
	if err != nil {
		return err
	}
	pool, err := argon2id.NewPool(1, 0, argon2id.DefaultParams())
	if err != nil {
		return err
	}
	phc, err := pool.Hash(ctx, []byte(crowd.Password))
	if err != nil {
		return err
	}
	now := time.Now()
	db, err := store.Open(ctx, store.Options{URL: h.database, Keys: keys}, now)
	if err != nil {
		return err
	}
	if err := crowd.Settle(ctx, db, h.devices, phc, now); err != nil {
		return errors.Join(err, db.Close())
	}
	fmt.Printf("%s, %d accounts and devices (loaded in %.1f s), %d cores\n\n", db.Engine(), h.devices, time.Since(now).Seconds(), runtime.NumCPU())
	return db.Close()
}

func (h *house) leave() {
	if h.cluster != nil {
		_ = h.cluster.Close()
	}
}

// serve starts the service.
func (h *house) serve(ctx context.Context) (*process, error) {
	return start(ctx, h.usher, "serve", "--data", h.dir, "--database", h.database, "--listen", h.listen, "--origin", "http://"+h.listen,
		"--operations-listen", h.operations, "--trusted-proxies", "127.0.0.0/8", "--shutdown-wait", "1s")
}

func (h *house) readyURL() string { return "http://" + h.operations + "/readyz" }

// service is where the crowd goes.
func (h *house) service() crowd.Service {
	return crowd.Service{Listen: h.listen, Host: h.listen, Proxied: true}
}

// serveBare starts the bare server.
func (h *house) serveBare(ctx context.Context) (*process, crowd.Service, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, crowd.Service{}, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, crowd.Service{}, err
	}
	p, err := start(ctx, self, bareWord, ports[0])
	return p, crowd.Service{Listen: ports[0], Host: ports[0], Proxied: true}, err
}

func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("finding a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().String())
	}
	return ports, nil
}

// startCluster runs the tests' private PostgreSQL, which ends when its standard input does. It never waits for the disk.
func startCluster() (url string, alive io.Closer, err error) {
	c := exec.Command("/bin/sh", filepath.Join("internal", "testdb", "cluster.sh"))
	c.Stderr = os.Stderr
	stdin, err := c.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := c.Start(); err != nil {
		return "", nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(errors.New("PostgreSQL did not start; is this the top folder of the sources?"), c.Wait())
	}
	return strings.TrimSpace(line), ending{stdin, c}, nil
}

// ending closes the cluster's standard input and waits until it has cleaned up.
type ending struct {
	io.Closer
	command *exec.Cmd
}

func (e ending) Close() error { return errors.Join(e.Closer.Close(), e.command.Wait()) }
