package grant

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/signing"
)

// ServerStore keeps claimed media servers, and whom they let in.
type ServerStore interface {
	FindServer(ctx context.Context, id string) (server.Held, error)
	TouchServer(ctx context.Context, id string, now time.Time) error
	ListServersFor(ctx context.Context, accountID string) ([]server.Held, error)
	FindGroup(ctx context.Context, serverID string, a account.Account) (server.Group, error)
	// FindVisit returns what a token made for a server is judged by; credential.ErrUnknown.
	FindVisit(ctx context.Context, serverID, parent string) (server.Visit, error)
}

// judged returns the media server that a client is; its Found is zero for a client that administrators registered. *Refusal while it is suspended: whatever it
// was given before, it is given nothing more until its owner brings it back.
func (s *Service) judged(ctx context.Context, c relyingparty.Client) (server.Held, error) {
	if c.AccountID == "" {
		return server.Held{}, nil
	}
	h, err := s.Store.FindServer(ctx, c.ID)
	if errors.Is(err, server.ErrNotFound) {
		return h, errClient()
	}
	if err != nil {
		return h, err
	}
	if st := h.Standing(s.Now()); st.State != server.Good {
		refusal := refuse("unauthorized_client", "the server is suspended: its owner has to bring it back")
		refusal.Standing = string(st.State)
		return h, refusal
	}
	return h, nil
}

// standing is judged for a client that has just proved itself: so it was heard of.
func (s *Service) standing(ctx context.Context, c relyingparty.Client) error {
	h, err := s.judged(ctx, c)
	if now := s.Now(); err == nil && h.ID != "" && now.Sub(h.SeenAt) >= server.SeenEvery {
		return s.Store.TouchServer(ctx, c.ID, now)
	}
	return err
}

// unlessOutage says of a token what is said of its server: it has ended.
func unlessOutage(err error) error {
	if errors.As(err, new(*Refusal)) {
		return credential.ErrEnded
	}
	return err
}

// open reports whether a client is no suspended media server.
func (s *Service) open(ctx context.Context, c relyingparty.Client) (bool, error) {
	_, err := s.judged(ctx, c)
	if errors.As(err, new(*Refusal)) {
		return false, nil
	}
	return err == nil, err
}

// closed answers a request of a suspended media server.
func (s *Service) closed(ctx context.Context, p Pending) (Answer, error) {
	return s.Refuse(ctx, p, "temporarily_unavailable", "the server is suspended: its owner has to bring it back")
}

// met reports whether a client may be answered before its person has pressed anything: any that administrators registered, and a media server that its owner,
// or somebody who agreed to it before, comes from. Any member can be the owner, who would else learn from errors which accounts there are, and whose browser
// it is that was sent here.
func (s *Service) met(ctx context.Context, p Pending, h Holder) (bool, error) {
	if !p.AtServer() || p.Client.Trusted(h.AccountID) {
		return true, nil
	}
	have, err := s.Store.FindConsent(ctx, h.AccountID, p.Client.ID)
	return len(have) > 0, err
}

// introduce is what a request of a media server needs of somebody who has agreed to nothing there. prompt=none does not count.
func (s *Service) introduce(ctx context.Context, p Pending, h Holder) (Step, error) {
	if s.mustProve(p, h) {
		return Prove, nil
	}
	group, err := s.Store.FindGroup(ctx, p.Client.ID, h.Person)
	if err != nil || group == server.Nobody {
		return Outside, err
	}
	if open, err := s.open(ctx, p.Client); err != nil || !open {
		return Closed, err
	}
	return Ask, nil
}

// admitted says whether a request of a media server goes on to be asked about: only for its owner and those on its list, and while it is not suspended.
func (s *Service) admitted(ctx context.Context, p Pending, h Holder) (Step, Answer, error) {
	if !p.AtServer() {
		return Ask, Answer{}, nil
	}
	if open, err := s.open(ctx, p.Client); err != nil || !open {
		if err != nil {
			return Ask, Answer{}, err
		}
		a, err := s.closed(ctx, p)
		return Answered, a, err
	}
	group, err := s.Store.FindGroup(ctx, p.Client.ID, h.Person)
	switch {
	case err != nil || group != server.Nobody:
		return Ask, Answer{}, err
	case p.Silent():
		a, err := s.Refuse(ctx, p, "access_denied", "the person is not on the server's list")
		return Answered, a, err
	}
	return Outside, Answer{}, nil
}

// groupOf is what a person is to the media server that a client is; nothing to other clients.
func groupOf(c relyingparty.Client, accountID string) []server.Group {
	switch c.AccountID {
	case "":
		return nil
	case accountID:
		return []server.Group{server.Owner}
	}
	return []server.Group{server.Friend}
}

// Reachable is a media server where an account may play, with a token that counts there and nowhere else.
type Reachable struct {
	server.Server
	Owned bool
	Token secret.Token
	Life  time.Duration // of the token
}

// Servers lists where whoever holds a credential may play: the account's own servers, and those of others where it was before. Suspended ones are not
// among them. Each token ends with the credential, with the server's standing, and when its owner no longer lets the account in.
func (s *Service) Servers(ctx context.Context, f credential.Found) ([]Reachable, error) {
	held, err := s.Store.ListServersFor(ctx, f.AccountID)
	if err != nil {
		return nil, err
	}
	now, life := s.Now(), credential.Rules[credential.ServerAccess].Life
	all := []Reachable{}
	for _, h := range held {
		if h.Standing(now).State != server.Good {
			continue
		}
		token, err := s.Keys.Sign(signing.Access, accessClaims{
			Issuer: s.Issuer, Subject: f.AccountID, Audience: h.ID, Expires: now.Add(life).Unix(), IssuedAt: now.Unix(), ID: half(secret.NewToken()).Reveal(), Grant: f.Hash,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, Reachable{h.Server, h.AccountID == f.AccountID, secret.TokenOf(token), life})
	}
	return all, nil
}

// Visitor is somebody who shows a token at the server it was made for.
type Visitor struct {
	server.Visit
	Found  credential.Found
	Claims signing.Claims
}

// visitor resolves a token made for a server: its signature, then, in one question, the credential it was made from, the server's standing and its list. The
// errors of the resolver.
func (s *Service) visitor(ctx context.Context, serverID string, token secret.Token) (out Visitor, err error) {
	out.Found, err = s.Resolver.ResolveWith(ctx, credential.ServerAccess, token, func(ctx context.Context, kind credential.Kind, token secret.Token) (f credential.Found, err error) {
		now := s.Now()
		c, err := s.Keys.Open(signing.Access, token.Reveal())
		if err != nil || c.Check(signing.Expected{Issuer: s.Issuer, Audience: []string{serverID}, Now: now}) != nil {
			return f, credential.ErrUnknown
		}
		v, err := s.Store.FindVisit(ctx, serverID, c.Text("sid"))
		if err != nil {
			return f, err
		}
		if v.Parent.AccountID != c.Text("sub") {
			return f, credential.ErrUnknown
		}
		if err := credential.Judge(v.Parent, now); err != nil {
			return f, err
		}
		if v.Held.Standing(now).State != server.Good || !v.AtServer() && !mayPlay(v, c.Time("iat")) {
			return f, credential.ErrEnded
		}
		out.Visit, out.Claims = v, c
		f = v.Parent
		f.Kind, f.CreatedAt, f.ExpiresAt = kind, c.Time("iat"), c.Time("exp")
		return f, nil
	})
	return out, err
}

// mayPlay reports whether a player's or an app's token, made for a server at a time, counts still: the app may play, and the account has been let in there since.
func mayPlay(v server.Visit, made time.Time) bool {
	if v.Client.ID != "" && !v.Client.MayAsk(relyingparty.Player) {
		return false
	}
	return !made.Before(v.Since.Truncate(time.Second)) // tokens know no more of the time
}

// visitorStatus tells a media server who shows a token that was made for it; of every other it tells nothing but what is its own.
func (s *Service) visitorStatus(ctx context.Context, c relyingparty.Client, token secret.Token) (Status, error) {
	v, err := s.visitor(ctx, c.ID, token)
	if credential.IsDead(err) {
		return s.serverStatus(ctx, c, token)
	}
	if err != nil {
		return Status{}, err
	}
	told := terms{Scopes: v.Agreed}
	switch {
	case v.AtServer():
		if told, err = termsOf(v.Parent); err != nil {
			return Status{}, err
		}
	case v.Group == server.Owner: // who is not asked
		told.Scopes = []relyingparty.Scope{relyingparty.Profile, relyingparty.Email}
	}
	who := personOf(v.Person, told)
	if !v.Person.EmailProved { // a server is told only what it may believe
		who.Email, who.EmailVerified = "", nil
	}
	return Status{
		Active: true, Issuer: s.Issuer, Subject: v.Person.ID, Audience: c.ID, Client: v.Claims.Text("client_id"), Scope: v.Claims.Text("scope"), Kind: "Bearer",
		UserName: who.UserName, Name: who.Name, Email: who.Email, EmailVerified: who.EmailVerified, Groups: []server.Group{v.Shown()},
		Expires: v.Found.ExpiresAt.Unix(), IssuedAt: v.Found.CreatedAt.Unix(), ID: v.Claims.Text("jti"), Grant: v.Parent.Hash,
	}, nil
}

// leave ends, by the word of a media server, the sign-in at it that a token stands for. What else a player is signed in to is not the server's to end.
func (s *Service) leave(ctx context.Context, c relyingparty.Client, token secret.Token) (credential.Found, error) {
	v, err := s.visitor(ctx, c.ID, token)
	if credential.IsDead(err) || err == nil && !v.AtServer() {
		return credential.Found{}, nil
	}
	return v.Parent, err
}
