package player

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Member is somebody of the Home that a player is signed in to.
type Member struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	PIN  bool   `json:"pin"` // is asked
	You  bool   `json:"you"`
}

// What may be wrong with a name, or with a PIN.
var (
	ErrNobody   = errors.New("nobody of the Home is called that")
	ErrSeveral  = errors.New("several people of the Home are called that")
	ErrWrongPIN = errors.New("that isn't the PIN; after five wrong ones in a row none counts for fifteen minutes")
)

// Home returns who may be watching; nobody where the account is in no Home.
func (p *Player) Home(ctx context.Context, k Kept) ([]Member, error) {
	var told struct {
		Members []Member `json:"members"`
	}
	err := p.send(ctx, http.MethodGet, "/api/v1/home", k.shown(), nil, &told)
	return told.Members, err
}

// Find returns the one who is called that, in whatever case. ErrNobody, ErrSeveral.
func Find(all []Member, name string) (found Member, err error) {
	err = ErrNobody
	for _, m := range all {
		switch {
		case !strings.EqualFold(m.Name, name):
		case err == nil:
			return Member{}, ErrSeveral
		default:
			found, err = m, nil
		}
	}
	return found, err
}

// Switch makes somebody of the Home the one who is watching. The one before is not any more; a PIN is empty where none is asked. ErrWrongPIN.
func (p *Player) Switch(ctx context.Context, k Kept, member, pin string) (Kept, Person, error) {
	fields := map[string]string{"member": member, "product": product}
	if pin != "" {
		fields["pin"] = pin
	}
	var in struct {
		Token   string `json:"token"`
		Account Person `json:"account"`
	}
	if err := p.send(ctx, http.MethodPost, "/api/v1/home/switch", k.Token, fields, &in); err != nil {
		var refused *Refused
		if errors.As(err, &refused) && refused.is("wrong-pin") {
			err = ErrWrongPIN
		}
		return k, Person{}, err
	}
	if k.Watching != "" { // that it is over already changes nothing
		_ = p.send(ctx, http.MethodPost, "/api/v1/sign-out", k.Watching, nil, nil)
	}
	k.Watching = in.Token
	return k, in.Account, nil
}
