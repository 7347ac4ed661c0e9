package grant

import (
	"context"
	"time"

	"usher/internal/relyingparty"
	"usher/internal/server"
)

// Resident is somebody whom a media server lets in, as that server may know them.
type Resident struct {
	Subject               string
	UserName, Name, Email string // empty where the person did not agree to that; an address that was never confirmed is left out
	Group                 server.Group
	EndsAt                time.Time // when they are let in no more, or not as this; zero: no end
}

// People lists the owner of a media server and everybody who has come in by its list and is let in now. Of an owner who is not signed in at it, it is told what
// its claim told it: it may be somebody else's who set it up.
func (s *Service) People(ctx context.Context, serverID string) ([]Resident, error) {
	people, err := s.Store.ListPeople(ctx, serverID, s.Now())
	all := make([]Resident, len(people))
	for i, p := range people {
		told := terms{Scopes: p.Agreed}
		if p.Group == server.Owner && p.Here {
			told.Scopes = []relyingparty.Scope{relyingparty.Profile, relyingparty.Email}
		}
		who := personOf(p.Account, told)
		all[i] = Resident{p.ID, who.UserName, who.Name, who.Email, p.Group, p.EndsAt}
		if p.Group == server.Owner {
			all[i].UserName = p.UserName
		}
		if !p.EmailProved {
			all[i].Email = ""
		}
	}
	return all, err
}
