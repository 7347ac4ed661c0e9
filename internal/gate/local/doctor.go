package local

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"usher/internal/gate/doctor"
)

// examined keeps what was found for a moment: each examination asks around.
type examined struct {
	mu    sync.Mutex
	found []doctor.Finding
	at    time.Time
}

// examinedFor is how long findings are shown again.
const examinedFor = 3 * time.Second

func (e *examined) look(ctx context.Context, examine func(context.Context) []doctor.Finding, now func() time.Time) []doctor.Finding {
	e.mu.Lock()
	defer e.mu.Unlock()
	if since := now().Sub(e.at); since < 0 || since >= examinedFor {
		e.found = examine(context.WithoutCancel(ctx)) // others wait for it too
		e.at = now()
	}
	return e.found
}

// doctorData is what was found.
type doctorData struct {
	Found []doctor.Finding
	Well  bool
}

// doctor says what is wrong with the gate, to whoever is near; whose it is and what lies on its machine, to whoever knows the code.
func (d *Door) doctor(w http.ResponseWriter, r *http.Request) {
	window, err := d.Folder.Window()
	if err != nil {
		d.failed(w, r, err)
		return
	}
	g, found := d.visits.of(w, r, window, d.Now(), ""), slices.Clone(d.examined.look(r.Context(), d.Examine, d.Now))
	for i := range found {
		if !g.Knows {
			found[i] = found[i].Bare()
		}
	}
	d.present(w, r, http.StatusOK, "doctor", g, doctorData{found, doctor.Well(found)})
}
