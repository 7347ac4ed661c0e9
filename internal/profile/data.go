package profile

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/identity"
	"usher/internal/passkey"
	"usher/internal/relyingparty"
	"usher/internal/server"
)

// DataStore reads what an account's owner may take along.
type DataStore interface {
	ListDevices(ctx context.Context, accountID string) ([]device.Device, error)
	ListAudit(ctx context.Context, f audit.Filter) ([]audit.Entry, error)
	Record(ctx context.Context, act audit.Act) error
	RecoveryLeft(ctx context.Context, accountID string) (int64, error)
	ListRemembered(ctx context.Context, accountID string, now time.Time) ([]credential.Credential, error)
	FindRemoval(ctx context.Context, accountID string) (credential.Removal, error)
	ListConsents(ctx context.Context, accountID string) ([]relyingparty.Consent, error)
	ServerStore
	PasskeyStore
	IdentityStore
	HomeStore
}

// HomeStore reads the Home that an account is in, and what is switched there.
type HomeStore interface {
	FindHome(ctx context.Context, accountID string) (household.Home, error)
	ListSwitched(ctx context.Context, homeID string) ([]household.SignedIn, error)
}

// IdentityStore reads by which other services an account opens.
type IdentityStore interface {
	ListIdentities(ctx context.Context, accountID string) ([]identity.Identity, error)
}

// PasskeyStore reads the passkeys of an account.
type PasskeyStore interface {
	ListPasskeys(ctx context.Context, accountID string) ([]passkey.Passkey, error)
}

// ServerStore reads the media servers of an account.
type ServerStore interface {
	ListServers(ctx context.Context, accountID string) ([]server.Held, error)
	ListGuests(ctx context.Context, accountID, serverID string) ([]server.Guest, error)
}

// mostEvents bounds the activity in a download.
const mostEvents = 5000

// Data is everything the service keeps about a person, but for secrets: those are only kept as what cannot be read back.
type Data struct {
	Account struct {
		ID             string    `json:"id"`
		Email          string    `json:"email"`
		EmailProved    bool      `json:"email_proved"`
		NoticeEmail    string    `json:"notice_email,omitempty"`
		UserName       string    `json:"user_name,omitempty"`
		Name           string    `json:"name,omitempty"`
		Administrator  bool      `json:"administrator"`
		CreatedAt      time.Time `json:"created_at"`
		PendingAddress string    `json:"pending_email,omitempty"`
		PendingNotices string    `json:"pending_notice_email,omitempty"`
	} `json:"account"`
	SecondStep *DataSecondStep `json:"second_step,omitempty"` // nil when it is off
	Passkeys   []DataPasskey   `json:"passkeys"`
	Services   []DataService   `json:"other_services"`
	Devices    []DataDevice    `json:"devices"`
	Apps       []DataApp       `json:"connected_apps"`
	Servers    []DataServer    `json:"media_servers"`
	Home       *DataHome       `json:"home,omitempty"` // nil for who is in none
	Events     []DataEvent     `json:"events"`
}

// DataServer is a media server that the person claimed by its own key.
type DataServer struct {
	Name        string    `json:"name"`
	Product     string    `json:"product"`
	Version     string    `json:"version"`
	Addresses   []string  `json:"addresses"`
	Guests      []string  `json:"guests"` // as the person typed them
	ClaimedFrom string    `json:"claimed_from"`
	Place       string    `json:"place,omitempty"`
	ClaimedAt   time.Time `json:"claimed_at"`
	Again       time.Time `json:"claimed_again_at,omitzero"`
	SeenAt      time.Time `json:"last_seen_at"`
}

// DataSecondStep is how the second step stands.
type DataSecondStep struct {
	Since         time.Time     `json:"since"`
	RecoveryCodes int64         `json:"recovery_codes_left"`
	Remembered    []DataBrowser `json:"remembered_browsers"`
	RemovedOn     *time.Time    `json:"removed_on,omitempty"` // by an operator, unless it is stopped
}

// DataBrowser is a browser where the second step is not asked for.
type DataBrowser struct {
	Name  string    `json:"name"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// DataService is another service that opens the account, and what it tells of the person.
type DataService struct {
	Service     string    `json:"service"`
	Issuer      string    `json:"issuer"`
	Subject     string    `json:"subject"`
	Email       string    `json:"email,omitempty"`
	EmailProved bool      `json:"email_proved"`
	Name        string    `json:"name,omitempty"`
	LinkedAt    time.Time `json:"linked_at"`
	UsedAt      time.Time `json:"last_used_at,omitzero"`
}

// DataPasskey is one passkey. Its key is public, and its numbers say something to authenticators only.
type DataPasskey struct {
	Name        string    `json:"name"`
	KeptIn      string    `json:"kept_in,omitempty"`
	Credential  []byte    `json:"credential_id"`
	PublicKey   []byte    `json:"public_key"`
	UserHandle  []byte    `json:"user_handle"`
	Counter     int64     `json:"counter"`
	Copied      bool      `json:"on_other_devices"`
	Transports  []string  `json:"transports"`
	CreatedAt   time.Time `json:"created_at"`
	UsedAt      time.Time `json:"last_used_at"`
	CountedBack time.Time `json:"counted_backwards_at,omitzero"`
}

// DataDevice is one signed-in device.
type DataDevice struct {
	Name       string    `json:"name"`
	Product    string    `json:"product"`
	Purpose    string    `json:"purpose,omitempty"`
	Kind       string    `json:"kind"`
	SignedInBy string    `json:"signed_in_by"`
	Address    string    `json:"address"`
	Place      string    `json:"place,omitempty"`
	SignedInAt time.Time `json:"signed_in_at"`
	UsedAt     time.Time `json:"last_used_at"`
}

// DataApp is an app that the person lets in with the account.
type DataApp struct {
	ID        string               `json:"client_id"`
	Scopes    []relyingparty.Scope `json:"scopes"`
	AllowedAt time.Time            `json:"allowed_at"`
}

// DataEvent is one recorded act.
type DataEvent struct {
	At     time.Time         `json:"at"`
	Action string            `json:"action"`
	Detail map[string]string `json:"detail,omitempty"`
}

// Download returns everything kept about the person as JSON. credential.ErrStale.
func (s *Service) Download(ctx context.Context, f credential.Found, client device.Client) ([]byte, error) {
	now := s.Now()
	if !f.IsFresh(now) {
		return nil, credential.ErrStale
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return nil, err
	}
	var d Data
	d.Account.EmailProved = a.EmailProved
	d.Account.ID, d.Account.Email, d.Account.NoticeEmail, d.Account.UserName, d.Account.Name = a.ID, a.Email, a.NoticeEmail, a.UserName, a.Name
	d.Account.Administrator, d.Account.CreatedAt = a.Admin, a.CreatedAt
	if err := s.pendingData(ctx, f, &d); err != nil {
		return nil, err
	}
	if d.SecondStep, err = s.secondStepData(ctx, a, now); err != nil {
		return nil, err
	}
	if d.Passkeys, err = s.passkeyData(ctx, a.ID); err != nil {
		return nil, err
	}
	if d.Services, err = s.identityData(ctx, a.ID); err != nil {
		return nil, err
	}
	devices, err := s.Store.ListDevices(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	d.Devices = make([]DataDevice, len(devices))
	for i, v := range devices {
		d.Devices[i] = DataDevice{v.Name, v.Product, v.Purpose, string(v.Kind), v.Method, v.Seen.Address, v.Seen.Place, v.CreatedAt, v.UsedAt}
	}
	apps, err := s.Store.ListConsents(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	d.Apps = make([]DataApp, len(apps))
	for i, c := range apps {
		d.Apps[i] = DataApp{c.ClientID, c.Scopes, c.At}
	}
	if d.Servers, err = s.serverData(ctx, a.ID); err != nil {
		return nil, err
	}
	if d.Home, err = s.homeData(ctx, a.ID); err != nil {
		return nil, err
	}
	events, err := s.Store.ListAudit(ctx, audit.Filter{AccountID: a.ID, Limit: mostEvents})
	if err != nil {
		return nil, err
	}
	d.Events = make([]DataEvent, len(events))
	for i, e := range events {
		d.Events[i] = DataEvent{e.At, string(e.Action), e.Detail}
	}
	if err := s.Store.Record(ctx, audit.New(now, audit.DataDownloaded, a.ID, a.ID).From(client)); err != nil {
		return nil, err
	}
	return json.MarshalIndent(d, "", "  ")
}

func (s *Service) passkeyData(ctx context.Context, accountID string) ([]DataPasskey, error) {
	kept, err := s.Store.ListPasskeys(ctx, accountID)
	all := make([]DataPasskey, len(kept))
	for i, p := range kept {
		all[i] = DataPasskey{p.Name, passkey.Authenticator(p.AAGUID), p.Credential, p.PublicKey, p.UserHandle, p.Counter, p.BackedUp, p.Transports, p.CreatedAt, p.UsedAt, p.AlarmAt}
	}
	return all, err
}

func (s *Service) identityData(ctx context.Context, accountID string) ([]DataService, error) {
	linked, err := s.Store.ListIdentities(ctx, accountID)
	all := make([]DataService, len(linked))
	for n, i := range linked {
		all[n] = DataService{i.Provider, i.Issuer, i.Subject, i.Email, i.Proved, i.Name, i.LinkedAt, i.UsedAt}
	}
	return all, err
}

func (s *Service) serverData(ctx context.Context, accountID string) ([]DataServer, error) {
	held, err := s.Store.ListServers(ctx, accountID)
	if err != nil {
		return nil, err
	}
	all := make([]DataServer, len(held))
	for i, h := range held {
		all[i] = DataServer{
			Name: h.Name, Product: h.Product, Version: h.Version, Addresses: []string{}, Guests: []string{}, ClaimedFrom: h.From.Address, Place: h.From.Place,
			ClaimedAt: h.ClaimedAt, Again: h.Again, SeenAt: h.SeenAt,
		}
		for _, a := range h.Addresses {
			all[i].Addresses = append(all[i].Addresses, a.URL)
		}
		guests, err := s.Store.ListGuests(ctx, accountID, h.ID)
		if err != nil {
			return nil, err
		}
		for _, g := range guests {
			all[i].Guests = append(all[i].Guests, g.Label)
		}
	}
	return all, nil
}

// Events returns recent acts on an account, newest first, from before an entry on when one is named.
func (s *Service) Events(ctx context.Context, f credential.Found, before string, limit int) ([]audit.Entry, error) {
	return s.Store.ListAudit(ctx, audit.Filter{AccountID: f.AccountID, Before: before, Limit: limit})
}

func (s *Service) secondStepData(ctx context.Context, a account.Account, now time.Time) (d *DataSecondStep, err error) {
	if !a.SecondFactor {
		return nil, nil
	}
	d = &DataSecondStep{Since: a.FactorSince, Remembered: []DataBrowser{}}
	if d.RecoveryCodes, err = s.Store.RecoveryLeft(ctx, a.ID); err != nil {
		return nil, err
	}
	removal, err := s.Store.FindRemoval(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	if !removal.Due.IsZero() {
		d.RemovedOn = &removal.Due
	}
	browsers, err := s.Store.ListRemembered(ctx, a.ID, now)
	for _, c := range browsers {
		d.Remembered = append(d.Remembered, DataBrowser{c.Detail, c.CreatedAt, c.ExpiresAt})
	}
	return d, err
}

// pendingData adds the addresses that wait to be confirmed.
func (s *Service) pendingData(ctx context.Context, f credential.Found, d *Data) error {
	for p, into := range map[account.Purpose]*string{account.ForEmail: &d.Account.PendingAddress, account.ForNotices: &d.Account.PendingNotices} {
		c, err := s.PendingEmail(ctx, f, p)
		if err != nil && !errors.Is(err, ErrGone) {
			return err
		}
		*into = c.Email
	}
	return nil
}
