package watch

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
)

// Who claims a signed-out server anew waits until its door is open, however the question before was answered.
func TestAClaimWaitsForTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, asked := false, make(chan struct{})
		first := sync.OnceFunc(func() { close(asked) })
		service := &scripted{standing: func() (accounts.Standing, error) {
			state := accounts.Suspended
			if good {
				state = accounts.Good
			}
			first()
			time.Sleep(100 * time.Millisecond)
			return accounts.Standing{State: state, Reason: "signed-out"}, nil
		}}
		decider := door.NewDecider(service, crowdedIssuer, ours.ID, time.Hour, time.Now)
		w := watching(t, service, decider)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		<-asked
		good = true // while the question from before is under way
		w.Settle(ctx)
		if decider.Suspended() {
			t.Error("the door is closed still")
		}
		stop()
		<-ended
		w.Settle(ctx) // nobody answers any more, and nobody waits
	})
}
