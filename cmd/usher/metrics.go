package main

import (
	"context"
	"sync/atomic"
	"time"

	"usher/internal/mail"
	"usher/internal/notice"
	"usher/internal/operations"
)

// operations is what the operations listener shows. The outbox is there only while nobody else can reach the service: its mails carry secrets.
func (s *service) operations() operations.Settings {
	s.gauges()
	o := operations.Settings{
		Metrics: s.metrics, Log: s.log,
		Checks: []operations.Check{
			{Name: "database", Probe: s.db.Ping},
			{Name: "key ring", Probe: s.newestKeys},
			{Name: "block list", Probe: func(context.Context) error {
				if s.breached == nil {
					return nil
				}
				return s.breached.Err()
			}},
		},
	}
	if s.showsOutbox() {
		o.Outbox = outbox{s.stack}
	}
	return o
}

// gauges registers what is read at each scrape. An error here is a name given twice.
func (s *service) gauges() {
	for _, g := range []struct {
		name, help string
		read       func() float64
	}{
		{"usher_hash_slots_running", "Password hashes being computed.", func() float64 { return float64(s.pool.Stats().Running) }},
		{"usher_hash_waiting", "Callers waiting for a hash slot.", func() float64 { return float64(s.pool.Stats().Waiting) }},
		{"usher_hash_memory_bytes", "Memory kept for password hashes.", func() float64 { return float64(s.pool.Stats().HeldBytes) }},
		{"usher_mail_waiting", "Mails that wait in the queue.", s.countMail("waiting")},
		{"usher_mail_given_up", "Mails refused or expired in the last 30 days.", s.countMail("refused", "expired")},
	} {
		s.logIf(s.metrics.Gauge(g.name, g.help, g.read))
	}
	for _, c := range []struct {
		name, help string
		read       func() float64
	}{
		{"usher_hash_total", "Password hashes computed.", func() float64 { return float64(s.pool.Stats().Hashes) }},
		{"usher_hash_busy_total", "Callers refused because the hash queue was full.", func() float64 { return float64(s.pool.Stats().Busy) }},
	} {
		s.logIf(s.metrics.Counter(c.name, c.help, c.read))
	}
}

func (s *service) logIf(err error) {
	if err != nil {
		s.log.Error("metric not registered", "error", err)
	}
}

func (s *service) countMail(states ...string) func() float64 {
	return func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		counts, err := s.db.CountMail(ctx)
		if err != nil {
			return 0
		}
		var n int64
		for _, state := range states {
			n += counts[state]
		}
		return float64(n)
	}
}

// mailCounter counts what became of tries to send.
type mailCounter map[mail.Outcome]*atomic.Int64

func newMailCounter(m *operations.Metrics) (mailCounter, error) {
	c := mailCounter{}
	for _, o := range []mail.Outcome{mail.Sent, mail.Retried, mail.Refused, mail.Expired} {
		n := &atomic.Int64{}
		c[o] = n
		if err := m.Counter("usher_mail_"+string(o)+"_total", "Tries to send that ended as "+string(o)+".", func() float64 { return float64(n.Load()) }); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// CountMail counts one outcome.
func (c mailCounter) CountMail(_ notice.Kind, o mail.Outcome) {
	if n := c[o]; n != nil {
		n.Add(1)
	}
}
