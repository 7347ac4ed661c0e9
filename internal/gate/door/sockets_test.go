package door

import (
	"net/http"
	"testing"
	"time"
)

// One person who is let in cannot have the gate keep websockets without end; the others open theirs.
func TestWebsocketsOfOnePersonAreBounded(t *testing.T) {
	g := open(t, websocketEcho(t).URL, nil)
	for range mostSockets - 1 {
		g.door.sockets.enter("acc-bob")
	}
	bob := bearer(g.let(bob()))
	status, conn, _ := g.upgrade(t, bob)
	if status != http.StatusSwitchingProtocols {
		t.Fatal(status)
	}
	if status, _, _ := g.upgrade(t, bob); status != http.StatusServiceUnavailable {
		t.Errorf("one too many is answered %d", status)
	}
	if status, _, _ := g.upgrade(t, bearer(g.let(ann()))); status != http.StatusSwitchingProtocols {
		t.Errorf("somebody else's is answered %d", status)
	}
	_ = conn.Close()
	for range 5000 {
		if status, _, _ = g.upgrade(t, bob); status == http.StatusSwitchingProtocols {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("after one was closed the next is answered %d", status)
}
