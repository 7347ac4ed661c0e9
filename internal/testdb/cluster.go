package testdb

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// script is the same text scripts/test runs, so that one way of starting PostgreSQL is kept.
//
//go:embed cluster.sh
var script string

// shared is the process's one cluster: starting PostgreSQL takes longer than most tests.
var shared = sync.OnceValues(find)

type cluster struct {
	url *url.URL
	// alive is the script's standard input. The kernel closes it when this process ends, however it ends, and the
	// script then stops the server; Go has no other hook that also runs after a panic or a kill.
	alive io.Closer

	mu   sync.Mutex
	conn *pgx.Conn
}

func find() (*cluster, error) {
	if text := os.Getenv("USHER_TEST_POSTGRES"); text != "" {
		return connect(text, nil)
	}
	text, alive, err := start()
	if err != nil {
		return nil, fmt.Errorf("starting a private cluster: %w", err)
	}
	return connect(text, alive)
}

func start() (text string, alive io.Closer, err error) {
	command := exec.Command("/bin/sh", "-c", script)
	// An interrupt typed at the terminal must not take the server away before the tests have ended.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var complaint bytes.Buffer
	command.Stderr = &complaint
	stdin, err := command.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := command.Start(); err != nil {
		return "", nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(command.Wait(), errors.New(strings.TrimSpace(complaint.String())))
	}
	return strings.TrimSpace(line), stdin, nil
}

func connect(text string, alive io.Closer) (*cluster, error) {
	address, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("the cluster's URL does not parse") // err would repeat the URL and its password
	}
	conn, err := pgx.Connect(context.Background(), text)
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return &cluster{url: address, alive: alive, conn: conn}, nil
}

func (c *cluster) exec(statement string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.conn.Exec(context.Background(), statement)
	return err
}

func (c *cluster) database(name string) string {
	address := *c.url
	address.Path = "/" + name
	return address.String()
}
