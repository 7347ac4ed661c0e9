package incident

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/secret"
)

// Save keeps what an administrator has written so far, whatever is still wrong with it; an empty id begins a new draft. ErrNotFound when the draft
// is another's, or was declared meanwhile.
func (s *Service) Save(ctx context.Context, by string, i Incident) (Incident, error) {
	now := s.Now()
	i.ID, i.State, i.Actor, i.CreatedAt = cmp.Or(i.ID, id.New(now)), Drafted, by, now
	err := s.Store.SaveDraft(ctx, i)
	if errors.Is(err, credential.ErrSpent) {
		return i, ErrNotFound
	}
	return i, err
}

// Draft returns an administrator's own draft; ErrNotFound.
func (s *Service) Draft(ctx context.Context, by, incidentID string) (Incident, error) {
	return s.Store.LoadDraft(ctx, by, incidentID)
}

// Drafts returns an administrator's own drafts, newest first.
func (s *Service) Drafts(ctx context.Context, by string) ([]Incident, error) {
	return s.Store.ListDrafts(ctx, by)
}

// Version tells what a draft says from what it said before it was written over, so that nobody declares what they have not read.
func Version(i Incident) string {
	sum := sha256.New()
	for _, part := range append(i.Notice.List(), notice.Part{Text: string(i.Action)}, notice.Part{Text: string(i.Scope)}, notice.Part{Text: i.Names}) {
		fmt.Fprintf(sum, "%d:%s", len(part.Text), part.Text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Discard throws an administrator's own draft away.
func (s *Service) Discard(ctx context.Context, by, incidentID string) error {
	return s.Store.DropDraft(ctx, by, incidentID)
}

// Prepared makes a kept draft ready to be declared, and tells what its list has come to.
func (s *Service) Prepared(ctx context.Context, i Incident, console secret.Token) (Draft, Named, error) {
	d := Draft{ID: i.ID, Action: i.Action, Scope: i.Scope, Notice: i.Notice, Console: console}
	if i.Scope == All {
		return d, Named{}, nil
	}
	named, err := s.Read(ctx, strings.NewReader(i.Names))
	d.Accounts, d.Source = named.Accounts, named.Source
	return d, named, err
}

// Letter is the mail that people would get about an incident, in words; empty when it cannot be written yet.
func (s *Service) Letter(i Incident) (subject, text string, err error) {
	if s.Write == nil || len(i.Notice.Check()) > 0 {
		return "", "", nil
	}
	sample := account.Account{Email: "you@" + exampleHost}
	return s.Write(letters(i, sample, secret.TokenOf(exampleCode))[0])
}

// What stands in a preview for what each person's mail has of its own.
const (
	exampleHost = "example.org"
	exampleCode = "ABCD-EFGH"
)
