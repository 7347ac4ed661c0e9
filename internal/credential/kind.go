// Package credential owns everything that is presented to prove a right: which kinds there are, how long they live, what ends them,
// and the one function that resolves any of them through any door. It refuses to know doors, and how credentials are stored.
package credential

import (
	"time"

	"usher/internal/device"
	"usher/internal/secret"
	"usher/internal/signing"
)

// Kind names a kind of credential.
type Kind string

// The kinds there are. Each has a Rule; a kind without one does not resolve.
const (
	Browser    Kind = "browser"       // a browser that is signed in
	Known      Kind = "known browser" // a browser where the owner has signed in before: a failure budget of its own, nothing else
	SignUp     Kind = "sign-up"       // the browser where a sign-up began
	SignUpLink Kind = "sign-up link"  // the link in the mail that confirms an address
	Change     Kind = "change link"   // the link that confirms a new address
	Undo       Kind = "undo"          // gives a changed address back
	NotMe      Kind = "not me"        // "this wasn't me", in the mail about a new device
	Reset      Kind = "reset"         // chooses a new password
	Invitation Kind = "invitation"    // opens a sign-up while sign-up is by invitation
	SetUp      Kind = "set-up"        // makes the first administrator

	// Ceremony is what a passkey is asked to sign (WebAuthn L3 §13.4.3): its text is the challenge; nobody's where somebody comes to sign in.
	Ceremony Kind = "passkey ceremony"

	SecondStep  Kind = "second step"        // the password was right, the code is still to come
	Remembered  Kind = "remembered browser" // a browser where the code is not asked for
	Enrolment   Kind = "enrolment"          // an authenticator that is being set up
	KeepFactor  Kind = "keep second factor" // stops an operator's removal of the second factor, in the mails that warn of it
	Restricted  Kind = "restricted ticket"  // mailbox and second factor are proved: finishes the reset, and nothing else, ever
	AppPassword Kind = "app password"       // made for one app that knows only a name and a password
	App         Kind = "app"                // software that signed in with a name and a password
	Console     Kind = "console ticket"     // watches the incident that ended its administrator's own sign-in

	AuthorizationRequest Kind = "authorization request" // a client asks for somebody; nobody's until it is answered
	AuthorizationCode    Kind = "authorization code"    // the answer, on its way through the browser
	Refresh              Kind = "refresh token"         // an app that signed in by OpenID Connect, as long as it stays
	Access               Kind = "access token"          // signed; stands for a grant, for some minutes
	ClientAccess         Kind = "client access token"   // signed; stands for a client itself, such as a media server
	Logout               Kind = "logout request"        // an app asks to sign its person out here too; nobody's

	ClientSecret Kind = "client secret" // by which a client of OpenID Connect proves itself; its Subject is the client
	Handed       Kind = "handed token"  // tells a device that was let in its token once more, which is its Detail
	DeviceNonce  Kind = "device nonce"  // something new for the key of a device to sign; its Detail is the software it was given to
	DeviceKey    Kind = "device key"    // public, in its Detail: gets tokens for its device by what it signs. It is found by its name
	DeviceToken  Kind = "device token"  // signed, lives a week: what a device's key has got
	ServerClaim  Kind = "claim token"   // lets a media server be claimed for the account
	Server       Kind = "server"        // a media server that was claimed, and keeps a token

	ServerStanding Kind = "server standing"     // a claimed media server that keeps a key; what is presented is signed by it
	ServerAccess   Kind = "server access token" // signed; somebody at one claimed server, by the credential it was made from
	// ServerPassword is made for one app that knows only a name and a password, at the claimed server that is its Subject.
	ServerPassword Kind = "server app password" //nolint:gosec // a name

	Outside Kind = "outside sign-in" // a browser was sent to another service to sign in; nobody's, and its token is the state of the question
	Parked  Kind = "parked answer"   // what another site's page posted in answer to a state, for the moment until the browser comes for it
	Arrival Kind = "arrival"         // somebody another service tells of, whose account here is still to be found or made

	DeviceCode   Kind = "device code"   // a TV or an app that waits until somebody lets it in; nobody's until then
	LinkTicket   Kind = "link ticket"   // the code was right: the browser may look at what asks, and let it in or not
	RemoveDevice Kind = "remove device" // signs out a device that a code let in, in the mail about it

	Switched Kind = "switched" // a member of a Home, on a device where another one is signed in: plays, and nothing else
	Away     Kind = "away"     // a browser's own sign-in while it is switched to another member: comes back, and nothing else
)

// Rule says how a kind lives and dies.
type Rule struct {
	// Life is the longest time from making to end.
	Life time.Duration
	// Idle ends it when its device was not used for so long; zero means never.
	Idle time.Duration
	// SingleUse kinds are spent by the act they allow, in that act's transaction.
	SingleUse bool
	// OwnedByAccount kinds belong to an account from the beginning. Others may come to belong to one; all die with it.
	OwnedByAccount bool
	// Protective kinds only ever take power away from whoever is signed in; they outlive "sign out everything" and incidents,
	// because a thief could otherwise disarm them with one press.
	Protective bool
	// WhileResetRequired kinds still work while the account must choose a new password.
	WhileResetRequired bool
	// WhileDeleting kinds still work during the grace before an account is erased.
	WhileDeleting bool
	// WhileLocked kinds still work while an operator has locked the account.
	WhileLocked bool
	// Shape reports whether a text can be a token of the kind at all; nil means secret.Token.WellFormed.
	Shape func(secret.Token) bool
	// OutlivesEpochs kinds, of no account, are authenticators like a password: random, kept as a keyed hash only, so that who has a copy of the
	// database has none of them. They end when somebody takes them away.
	OutlivesEpochs bool
	// Bearer kinds prove a right to read or act for the account. The others open one narrow step.
	Bearer bool
	// Acts are bearer kinds of software that may act for its owner without asking: sign another device out, claim a media server.
	Acts bool
}

const day = 24 * time.Hour

// Directory is the detail of a ServerPassword that its server's owner made for the media server itself: by it, people may be looked up.
const Directory = "directory"

// Rules is the registry: every kind, and how it lives and dies.
var Rules = map[Kind]Rule{
	Browser:    {Life: 365 * day, Idle: 30 * day, OwnedByAccount: true, Bearer: true},
	Known:      {Life: 400 * day, OwnedByAccount: true, WhileResetRequired: true, WhileDeleting: true},
	SignUp:     {Life: time.Hour, SingleUse: true},
	SignUpLink: {Life: time.Hour, SingleUse: true},
	Change:     {Life: day, SingleUse: true, OwnedByAccount: true},
	Undo:       {Life: 7 * day, SingleUse: true, OwnedByAccount: true, Protective: true, WhileResetRequired: true, WhileDeleting: true},
	NotMe:      {Life: 7 * day, SingleUse: true, OwnedByAccount: true, Protective: true, WhileResetRequired: true, WhileDeleting: true},
	Reset:      {Life: 30 * time.Minute, SingleUse: true, OwnedByAccount: true, WhileResetRequired: true, WhileDeleting: true},
	Invitation: {Life: 7 * day, SingleUse: true},
	SetUp:      {Life: time.Hour, SingleUse: true},

	Ceremony: {Life: 5 * time.Minute, SingleUse: true, WhileResetRequired: true, WhileDeleting: true},

	SecondStep:  {Life: 10 * time.Minute, SingleUse: true, OwnedByAccount: true, WhileDeleting: true},
	Remembered:  {Life: 30 * day, OwnedByAccount: true, WhileDeleting: true},
	Enrolment:   {Life: 10 * time.Minute, SingleUse: true, OwnedByAccount: true},
	KeepFactor:  {Life: 8 * day, SingleUse: true, OwnedByAccount: true, Protective: true, WhileResetRequired: true, WhileDeleting: true, WhileLocked: true},
	Restricted:  {Life: 30 * time.Minute, SingleUse: true, OwnedByAccount: true, WhileResetRequired: true, WhileDeleting: true},
	AppPassword: {Life: 3650 * day, Idle: 365 * day, OwnedByAccount: true, Bearer: true, Shape: secret.Token.IsAppPassword},
	App:         {Life: 400 * day, Idle: 90 * day, OwnedByAccount: true, Bearer: true, Acts: true},
	Console:     {Life: 12 * time.Hour, OwnedByAccount: true, WhileResetRequired: true},

	AuthorizationRequest: {Life: 10 * time.Minute, SingleUse: true},
	AuthorizationCode:    {Life: time.Minute, SingleUse: true, OwnedByAccount: true},
	Refresh:              {Life: 400 * day, Idle: 90 * day, OwnedByAccount: true, Bearer: true},
	Access:               {Life: 10 * time.Minute, Idle: 90 * day, OwnedByAccount: true, Bearer: true, Shape: signed},
	ClientAccess:         {Life: 10 * time.Minute, Shape: signed},
	Logout:               {Life: 10 * time.Minute, SingleUse: true},

	ClientSecret: {Life: 3650 * day, OutlivesEpochs: true, Shape: secret.Token.IsClientSecret},
	Handed:       {Life: time.Minute, OwnedByAccount: true},
	DeviceNonce:  {Life: 5 * time.Minute, SingleUse: true},
	DeviceKey:    {Life: 400 * day, Idle: 90 * day, OwnedByAccount: true, Shape: isKeyName},
	DeviceToken:  {Life: 7 * day, OwnedByAccount: true, Bearer: true, Acts: true, Shape: signed},
	ServerClaim:  {Life: 4 * time.Minute, SingleUse: true, OwnedByAccount: true, Shape: secret.Token.IsClaim},
	Server:       {Life: 3650 * day, Idle: 365 * day, OwnedByAccount: true, Bearer: true},

	ServerStanding: {Life: 36500 * day, OwnedByAccount: true, Shape: signed},
	ServerAccess:   {Life: day, OwnedByAccount: true, Bearer: true, Shape: signed},
	ServerPassword: {Life: 3650 * day, Idle: 365 * day, OwnedByAccount: true, Bearer: true, Shape: secret.Token.IsServerPassword},

	Outside: {Life: 10 * time.Minute, SingleUse: true},
	Parked:  {Life: time.Minute, SingleUse: true},
	Arrival: {Life: 15 * time.Minute, SingleUse: true},

	DeviceCode:   {Life: 15 * time.Minute, SingleUse: true},
	LinkTicket:   {Life: 10 * time.Minute, SingleUse: true, OwnedByAccount: true},
	RemoveDevice: {Life: 7 * day, SingleUse: true, OwnedByAccount: true, Protective: true, WhileResetRequired: true, WhileDeleting: true, WhileLocked: true},

	Switched: {Life: 400 * day, Idle: 90 * day, OwnedByAccount: true, Bearer: true},
	Away:     {Life: 365 * day, Idle: 30 * day, SingleUse: true, OwnedByAccount: true},
}

func signed(t secret.Token) bool { return signing.Looks(t.Reveal()) }

// Fresh is how long a typed password counts as fresh proof.
const Fresh = 5 * time.Minute

// AdminFresh is how long an administrator may stay idle or unproved on administration pages before the password is asked again.
const AdminFresh = 15 * time.Minute

// longestKeyName bounds the name of a key in bytes: its software's, and its own.
const longestKeyName = device.LongestIdentifier + 1 + 128

func isKeyName(name secret.Token) bool { return !name.Empty() && len(name.Reveal()) <= longestKeyName }
