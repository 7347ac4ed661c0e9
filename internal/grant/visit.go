package grant

import (
	"context"
	"time"

	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/signing"
)

// Reachable is a media server where an account may play, with a token that counts there and nowhere else.
type Reachable struct {
	server.Server
	Owned bool
	Owner string // user name of who shares it; empty where they have chosen none, and of the account's own
	Token secret.Token
	Life  time.Duration // of the token
}

// Servers lists where whoever holds a credential may play: the account's own servers, and those of others where it was before. Suspended ones are not
// among them. Each token ends with the credential, with the server's standing, and when its owner no longer lets the account in.
func (s *Service) Servers(ctx context.Context, f credential.Found) ([]Reachable, error) {
	now, life := s.Now(), credential.Rules[credential.ServerAccess].Life
	held, err := s.playable(ctx, f.AccountID, now)
	if err != nil {
		return nil, err
	}
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
		all = append(all, Reachable{h.Server, h.AccountID == f.AccountID, h.Owner, secret.TokenOf(token), life})
	}
	return all, nil
}

// playable are an account's own servers, and after them those that are shared with it.
func (s *Service) playable(ctx context.Context, accountID string, now time.Time) (all []server.Shared, err error) {
	own, err := s.Store.ListServers(ctx, accountID)
	if err != nil {
		return nil, err
	}
	for _, h := range own {
		all = append(all, server.Shared{Held: h})
	}
	shared, err := s.Store.ListShared(ctx, accountID, now)
	return append(all, shared...), err
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
		v, err := s.Store.FindVisit(ctx, serverID, c.Text("sid"), now)
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
		if !v.EndsAt.IsZero() && v.EndsAt.Before(f.ExpiresAt) { // then the server asks anew
			f.ExpiresAt = v.EndsAt
		}
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

// visitorStatus tells a media server who shows a token that was made for it, or an app password of it; of every other it tells nothing but what is its own.
func (s *Service) visitorStatus(ctx context.Context, c relyingparty.Client, token secret.Token) (Status, error) {
	if password, is := secret.ReadServerPassword(token); is {
		return s.passwordStatus(ctx, c, password)
	}
	v, err := s.visitor(ctx, c.ID, token)
	if credential.IsDead(err) {
		return s.ownStatus(ctx, c, token)
	}
	if err != nil {
		return Status{}, err
	}
	told := s.told(v.Visit)
	if v.AtServer() {
		granted, err := termsOf(v.Parent)
		if err != nil {
			return Status{}, err
		}
		told = s.introduced(v.Visit, granted)
	}
	told.Client, told.Scope, told.Kind = v.Claims.Text("client_id"), v.Claims.Text("scope"), "Bearer"
	told.Expires, told.IssuedAt, told.ID = v.Found.ExpiresAt.Unix(), v.Found.CreatedAt.Unix(), v.Claims.Text("jti")
	return told, nil
}

// told is what a media server is told about a visitor who has not just agreed to something else: all of it of its owner, who is not asked.
func (s *Service) told(v server.Visit) Status {
	if v.Group == server.Owner {
		return s.introduced(v, terms{Scopes: []relyingparty.Scope{relyingparty.Profile, relyingparty.Email}})
	}
	return s.introduced(v, terms{Scopes: v.Agreed})
}

func (s *Service) introduced(v server.Visit, agreed terms) Status {
	who := personOf(v.Person, agreed)
	if !v.Person.EmailProved { // a server is told only what it may believe
		who.Email, who.EmailVerified = "", nil
	}
	return Status{
		Active: true, Issuer: s.Issuer, Subject: v.Person.ID, Audience: v.Held.ID, UserName: who.UserName, Name: who.Name, Email: who.Email, EmailVerified: who.EmailVerified,
		Groups: []server.Group{v.Shown()}, Ends: seconds(v.EndsAt), Grant: v.Parent.Hash,
	}
}

// leave ends, by the word of a media server, the sign-in at it that a token stands for. What else a player is signed in to is not the server's to end.
func (s *Service) leave(ctx context.Context, c relyingparty.Client, token secret.Token) (credential.Found, error) {
	v, err := s.visitor(ctx, c.ID, token)
	if credential.IsDead(err) || err == nil && !v.AtServer() {
		return credential.Found{}, nil
	}
	return v.Parent, err
}
