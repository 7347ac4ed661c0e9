package crowd

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Callers are connections to one service that ask side by side, each its next question as soon as it has the answer to the last.
type Callers struct{ lines []*Line }

// Call connects n callers.
func Call(address string, n int) (*Callers, error) {
	c := &Callers{}
	for range n {
		line, err := Dial(address)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.lines = append(c.lines, line)
	}
	return c, nil
}

// Ask shares n questions among the callers; request(k) writes the kth, and every answer must have the status want.
func (c *Callers) Ask(n, want int, request func(k int) []byte) error {
	var next atomic.Int64
	errs := make([]error, len(c.lines))
	var all sync.WaitGroup
	for i, line := range c.lines {
		all.Go(func() {
			for k := next.Add(1) - 1; k < int64(n); k = next.Add(1) - 1 {
				status, err := line.Ask(request(int(k)))
				if err == nil && status != want {
					err = fmt.Errorf("question %d was answered with %d and not with %d", k, status, want)
				}
				if err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// Close hangs up.
func (c *Callers) Close() error {
	var errs []error
	for _, line := range c.lines {
		errs = append(errs, line.Close())
	}
	return errors.Join(errs...)
}
