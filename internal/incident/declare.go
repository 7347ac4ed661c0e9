package incident

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/secret"
)

// Draft is an incident before it is declared.
type Draft struct {
	ID       string // of the kept draft that it comes from; empty when there is none
	Action   Action
	Scope    Scope
	Accounts []string // of a list, sorted, each once
	Notice   notice.Parts
	Alone    bool         // do not wait for a second administrator's word
	Console  secret.Token // for the declaring browser; empty on the command line
	Source   string       // what tells a list from another; empty when nothing does
	// Progress is told how many accounts of a list are covered; nil is silent.
	Progress func(done, total int64)
}

// NoticeError says which parts of a notice cannot be sent.
type NoticeError struct{ Parts []*notice.PartError }

// Error is the first sentence.
func (e *NoticeError) Error() string { return e.Parts[0].Error() }

func (d Draft) check() error {
	if d.Scope == List && len(d.Accounts) == 0 {
		return ErrNobody
	}
	if wrong := d.Notice.Check(); len(wrong) > 0 {
		return &NoticeError{wrong}
	}
	return nil
}

// Preview counts what a declaration would cover, and changes nothing. *NoticeError, ErrNobody.
func (s *Service) Preview(ctx context.Context, d Draft) (Counts, error) {
	if err := d.check(); err != nil {
		return Counts{}, err
	}
	if d.Scope == All {
		return s.Store.CountIncident(ctx)
	}
	admins, err := s.Store.CountAdmins(ctx, d.Accounts)
	return Counts{int64(len(d.Accounts)), admins}, err
}

// Declare declares an incident, or proposes it where everybody would be covered and there is a second administrator to ask. What is declared for
// all acts with the one write; what is declared for a list acts when Declare returns. *NoticeError, ErrNobody.
func (s *Service) Declare(ctx context.Context, by string, d Draft) (Incident, error) {
	counts, err := s.Preview(ctx, d)
	if err != nil {
		return Incident{}, err
	}
	admins, err := s.administrators(ctx)
	if err != nil {
		return Incident{}, err
	}
	now := s.Now()
	i := Incident{ID: cmp.Or(d.ID, id.New(now)), Action: d.Action, Scope: d.Scope, State: Open, Notice: d.Notice, Actor: by, Covered: counts.Accounts, CreatedAt: now}
	switch {
	case d.Scope == List:
		i.State = Listing
	case len(admins) > 1 && !d.Alone:
		i.State = Proposed
		return i, s.Store.ProposeIncident(ctx, i, telling(s.act(audit.IncidentProposed, by, i), admins, i, notice.IncidentProposed))
	default:
		i.Alone = true
	}
	return s.declare(ctx, i, d, telling(s.act(actionOf(i), by, i), admins, i, notice.IncidentAlone))
}

// declare writes the file first, so that no declared incident can be missing beside the key ring. What cannot be declared leaves no file.
func (s *Service) declare(ctx context.Context, i Incident, d Draft, act audit.Act) (Incident, error) {
	if err := s.keep(i, d.Accounts, d.Source); err != nil {
		return i, err
	}
	c := Console{Token: d.Console, AccountID: i.Actor}
	if covers := i.Scope == All || slices.Contains(d.Accounts, i.Actor); d.Console.Empty() || i.Action == Advise || !covers {
		c = Console{}
	}
	declared, err := s.Store.DeclareIncident(ctx, i, c, act)
	if err != nil {
		return i, errors.Join(err, s.forget(ctx, i.ID))
	}
	if i.Scope == All {
		return declared, nil
	}
	return s.list(ctx, declared, slices.Values(d.Accounts), d.Progress)
}

func (s *Service) keep(i Incident, accounts []string, source string) error {
	if i.Action == Advise {
		return nil
	}
	if err := s.Folder.Write(File{Incident: i, Source: source}, slices.Values(accounts)); err != nil {
		return fmt.Errorf("nothing was declared, because the file beside the key ring cannot be written: %w", err)
	}
	return nil
}

// forget takes the file of a failed declaration away, unless the database has the incident after all, or cannot say.
func (s *Service) forget(ctx context.Context, incidentID string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := s.Store.LoadIncident(ctx, incidentID)
	if errors.Is(err, ErrNotFound) {
		return s.Folder.Remove(incidentID)
	}
	return nil
}

// Confirm is the second administrator's word on a proposal: it declares it. The console is the confirming browser's. ErrOwnWord, ErrLapsed,
// ErrState, ErrNotFound.
func (s *Service) Confirm(ctx context.Context, by, incidentID string, console secret.Token) (Incident, error) {
	i, err := s.Store.LoadIncident(ctx, incidentID)
	switch {
	case err != nil:
		return i, err
	case i.State != Proposed:
		return i, ErrState
	case i.Lapsed(s.Now()):
		return i, ErrLapsed
	case i.Actor == by:
		return i, ErrOwnWord
	}
	counts, err := s.Store.CountIncident(ctx)
	if err != nil {
		return i, err
	}
	i.Covered = counts.Accounts
	if err := s.keep(i, nil, ""); err != nil {
		return i, err
	}
	c := Console{Token: console, AccountID: by}
	if i.Action == Advise {
		c = Console{}
	}
	act := s.act(actionOf(i), by, i)
	i, err = s.Store.ConfirmIncident(ctx, incidentID, act.At.Add(-ProposalLife), c, act)
	if errors.Is(err, credential.ErrSpent) {
		err = ErrState
	}
	if err != nil {
		return i, errors.Join(err, s.settle(ctx, incidentID))
	}
	return i, nil
}

// settle takes the file of a failed confirmation away, unless the incident holds after all, by another's word or because only the answer was lost.
func (s *Service) settle(ctx context.Context, incidentID string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	i, err := s.Store.LoadIncident(ctx, incidentID)
	if err == nil && !i.Holds() {
		return s.Folder.Remove(incidentID)
	}
	return err
}

func actionOf(i Incident) audit.Action {
	switch {
	case i.Action == Advise:
		return audit.IncidentAdvised
	case i.Alone:
		return audit.IncidentAlone
	}
	return audit.IncidentDeclared
}

// act is what an act on an incident leaves behind: it concerns nobody's account alone.
func (s *Service) act(action audit.Action, by string, i Incident) audit.Act {
	act := audit.New(s.Now(), action, by, "").With(audit.Reason, i.ID)
	if i.Covered > 0 {
		act = act.With(audit.Count, strconv.FormatInt(i.Covered, 10))
	}
	return act
}

// Pause keeps the notices that are not in the queue yet from going out. Every administrator is told, for nobody else is from then on. ErrState,
// ErrNotFound.
func (s *Service) Pause(ctx context.Context, by, incidentID string) error {
	i, err := s.Store.LoadIncident(ctx, incidentID)
	if err != nil {
		return err
	}
	admins, err := s.administrators(ctx)
	if err != nil {
		return err
	}
	act := telling(s.act(audit.IncidentPaused, by, i), admins, i, notice.IncidentPaused)
	return stateOf(s.Store.PauseIncident(ctx, incidentID, act))
}

// Resume lets the notices go out again. ErrState.
func (s *Service) Resume(ctx context.Context, by, incidentID string) error {
	return stateOf(s.Store.ResumeIncident(ctx, incidentID, s.act(audit.IncidentResumed, by, Incident{ID: incidentID})))
}

func stateOf(err error) error {
	if errors.Is(err, credential.ErrSpent) {
		return ErrState
	}
	return err
}
