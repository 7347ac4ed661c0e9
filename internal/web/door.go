package web

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"usher/internal/admin"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/factor"
	"usher/internal/grant"
	"usher/internal/home"
	"usher/internal/incident"
	"usher/internal/mediaserver"
	"usher/internal/openapi"
	"usher/internal/password"
	"usher/internal/profile"
	"usher/internal/registration"
	"usher/internal/request"
	"usher/internal/signin"
	"usher/internal/signup"
	"usher/internal/social"
	"usher/internal/tvlink"
)

// Door is every page for people, wired to the flows behind them.
type Door struct {
	Pages        *Renderer
	SignIn       *signin.Service
	Devices      *signin.Devices
	AppPasswords *signin.AppPasswords
	SignUp       *signup.Service
	Social       *social.Service
	Logos        map[string]Logo // of services that have one in the configuration, by their ids
	Founding     *signup.Founding
	Password     *password.Service
	Factor       *factor.Service
	Passkeys     *factor.Passkeys
	Profile      *profile.Service
	Admin        *admin.Service
	Incident     *incident.Service
	Clients      *registration.Service
	Links        *tvlink.Service
	Servers      *mediaserver.Service
	Grants       *grant.Service
	Home         *home.Service
	Resolver     *credential.Resolver
	API          openapi.Document // what programs can ask for
	Touches      *device.Touches
	// Place names the place of an address; empty when it is not known.
	Place func(netip.Addr) string
	Now   func() time.Time
	Log   *slog.Logger
	// SecureCookies is off only where the origin is plain http on loopback.
	SecureCookies bool
}

// client is what the request tells about where it comes from.
func (d *Door) client(r *http.Request) device.Client {
	return device.ClientAt(request.From(r.Context()).Client, d.Place, r.UserAgent())
}
