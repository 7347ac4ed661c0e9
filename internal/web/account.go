package web

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"

	"usher/internal/account"
	"usher/internal/factor"
	"usher/internal/household"
	"usher/internal/mediaserver"
	"usher/internal/profile"
)

// eventsOnOverview is how many of the last events the overview shows.
const eventsOnOverview = 4

func (d *Door) getAccount(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := AccountPage{Name: v.Person.Called(), UserName: v.Person.UserName, Address: v.Person.Email, NoticeAddress: v.Person.NoticeEmail}
	var err error
	if !v.Account.NoPassword {
		if p.PasswordChanged, err = d.Profile.PasswordSet(r.Context(), v.Person); err != nil {
			return err
		}
	}
	devices, err := d.Devices.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	p.Devices = len(devices)
	if p.Events, _, err = d.events(r.Context(), v, "", eventsOnOverview); err != nil {
		return err
	}
	if p.PendingAddress, err = d.pendingAddress(r, v, account.ForEmail); err != nil {
		return err
	}
	second, err := d.pendingAddress(r, v, account.ForNotices)
	if err != nil {
		return err
	}
	state, err := d.Factor.Look(r.Context(), v.Person)
	if err != nil {
		return err
	}
	passkeys, err := d.Passkeys.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	p.Passkeys = len(passkeys)
	p.SecondStep, p.RecoveryCodes, p.Removal = state.Since, state.Left, state.Removal
	h, err := d.Home.Members(r.Context(), v.Found)
	if err != nil && !errors.Is(err, household.ErrNone) {
		return err
	}
	p.Home = len(h.Joined())
	servers, err := d.Servers.List(r.Context(), v.Found)
	if err != nil {
		return err
	}
	p.Servers = len(servers)
	if p.ToDo = whatToDo(v, p.PendingAddress, second, state); !v.Person.Review {
		p.ToDo = cmp.Or(serversToDo(mediaserver.Waiting(servers)), p.ToDo)
	}
	if err := d.advise(r, v, &p); err != nil {
		return err
	}
	d.Pages.Page(w, r, http.StatusOK, "account", Page{Person: v.header(), Notice: done(r, accountDone), Data: p})
	return nil
}

// whatToDo picks the one thing a person should look at; nil when everything looks right.
func whatToDo(v visitor, pending, second string, state factor.State) *ToDo {
	switch {
	case v.Person.Review:
		return &ToDo{"Take a look around", "Your password was chosen anew. See that everything else on your account is yours too.", Link{"Look around", "/account/review"}}
	case v.Person.Admin && !v.Account.SecondFactor:
		return &ToDo{"Set up the second step", "You administer this service. Administration opens once your account asks for a code from an authenticator app.", Link{"Set it up", "/account/second-step"}}
	case pending != "":
		return &ToDo{"Your new address waits", "We sent six digits to " + pending + ". Enter them, and the address is yours.", Link{"Enter the code", emailChange.codePath}}
	case second != "":
		return &ToDo{"Your second address waits", "We sent six digits to " + second + ". Enter them, and notices go there too.", Link{"Enter the code", noticeChange.codePath}}
	case state.Urges():
		return &ToDo{"Few recovery codes are left", "Without them and without your phone you do not get in. Make a new set, and store it.", Link{"Make new codes", "/account/second-step"}}
	}
	return nil
}

// serversToDo points to the servers that wait for their owner; nil when none does.
func serversToDo(waiting int) *ToDo {
	const text = "They were signed out, and let nobody in until you bring them back. Everything on them is untouched."
	switch waiting {
	case 0:
		return nil
	case 1:
		return &ToDo{"A server is waiting for you", "It was signed out, and lets nobody in until you bring it back. Everything on it is untouched.", Link{"See the server", "/servers"}}
	}
	return &ToDo{strconv.Itoa(waiting) + " servers are waiting for you", text, Link{"See the servers", "/servers"}}
}

// advise puts what an incident has recommended to the owner before anything else.
func (d *Door) advise(r *http.Request, v visitor, p *AccountPage) error {
	if v.Account.Secured >= v.Clock.Epoch { // nothing was declared since
		return nil
	}
	parts, advised, err := d.Incident.Advice(r.Context(), v.Account)
	if err == nil && advised {
		p.ToDo = &ToDo{"Choose a new password", parts.Happened + " " + parts.Exposed, Link{"Choose a new password", "/account/password"}}
	}
	return err
}

// pendingAddress is the address that waits to be confirmed; empty when none does.
func (d *Door) pendingAddress(r *http.Request, v visitor, p account.Purpose) (string, error) {
	c, err := d.Profile.PendingEmail(r.Context(), v.Found, p)
	if errors.Is(err, profile.ErrGone) {
		return "", nil
	}
	return c.Email, err
}
