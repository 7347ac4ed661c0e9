package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"usher/internal/loadtest/crowd"
)

// contender is a server under one kind of question.
type contender struct {
	name    string
	process *process
	callers *crowd.Callers
	status  int
	asks    [][]byte
	walls   []float64 // seconds a request
	cpus    []float64 // processor seconds of the server a request
}

// measureRates asks the service and the bare server in turns.
func measureRates(ctx context.Context, h *house) (err error) {
	usher, err := h.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, usher.stop()) }()
	bare, bareAt, err := h.serveBare(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	if _, _, err := usher.ready(ctx, h.readyURL()); err != nil {
		return err
	}
	if _, _, err := bare.ready(ctx, "http://"+bareAt.Listen+"/"); err != nil {
		return err
	}
	all := []*contender{
		{name: "bare server", process: bare, status: http.StatusOK, asks: h.draw(bareAt, "/")},
		{name: "session check and a redirect", process: usher, status: http.StatusSeeOther, asks: h.draw(h.service(), "/")},
		{name: "a whole page (/account/devices)", process: usher, status: http.StatusOK, asks: h.draw(h.service(), "/account/devices")},
	}
	for i, at := range []string{bareAt.Listen, h.listen, h.listen} {
		if all[i].callers, err = crowd.Call(at, 32); err != nil {
			return err
		}
		defer func() { _ = all[i].callers.Close() }()
	}
	const turns = 12
	for turn := range turns {
		for _, c := range all {
			if err := c.ask(); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if turn == 0 { // that one only warmed up
				c.walls, c.cpus = nil, nil
			}
		}
	}
	report(all)
	return nil
}

// draw writes beforehand what people drawn at random ask.
func (h *house) draw(s crowd.Service, path string) [][]byte {
	asks := make([][]byte, min(h.devices, 50_000))
	for k := range asks {
		asks[k] = s.Get(rand.N(h.devices), path) //nolint:gosec // measuring, not guessing
	}
	return asks
}

// ask takes one turn and keeps what it took.
func (c *contender) ask() error {
	const questions = 4000
	spent, err := c.process.cpu()
	if err != nil {
		return err
	}
	begin, first := time.Now(), rand.N(len(c.asks)) //nolint:gosec // measuring, not guessing
	if err := c.callers.Ask(questions, c.status, func(k int) []byte { return c.asks[(first+k)%len(c.asks)] }); err != nil {
		return err
	}
	took := time.Since(begin)
	after, err := c.process.cpu()
	if err != nil {
		return err
	}
	c.walls = append(c.walls, took.Seconds()/questions)
	c.cpus = append(c.cpus, (after-spent).Seconds()/questions)
	return nil
}

func report(all []*contender) {
	bare := all[0]
	row(bare.name, fmt.Sprintf("%.0f/s", 1/median(bare.walls)), fmt.Sprintf("%.1f µs of processor time a request", 1e6*median(bare.cpus)), "")
	for _, c := range all[1:] {
		rates, cpus := make([]float64, len(c.walls)), make([]float64, len(c.cpus))
		for i := range rates {
			rates[i], cpus[i] = bare.walls[i]/c.walls[i], c.cpus[i]/bare.cpus[i]
		}
		aim := ""
		if c == all[1] {
			aim = "≥ 0.25 of the bare rate (SQLite)"
		}
		row(c.name, fmt.Sprintf("%.2f of the bare rate", median(rates)),
			fmt.Sprintf("%.1f µs of processor time, × %.1f", 1e6*median(c.cpus), median(cpus)), aim)
	}
}
