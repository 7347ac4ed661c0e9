// Package audit owns the record of every security-relevant act: its words, and the chain that shows a changed entry. It refuses
// to know who reads it, and it never carries a secret.
package audit

import "time"

// Action names an act, in the field's words; people's pages say it plainer.
type Action string

// The acts that are recorded.
const (
	AccountCreated    Action = "account.created"
	AccountLocked     Action = "account.locked"
	AccountUnlocked   Action = "account.unlocked"
	AccountErased     Action = "account.erased"
	AdminGranted      Action = "account.admin-granted"
	DeletionAsked     Action = "account.deletion-asked"
	DeletionRevoked   Action = "account.deletion-revoked"
	DataDownloaded    Action = "account.data-downloaded"
	ProfileChanged    Action = "account.profile-changed"
	EmailAsked        Action = "email.change-asked"
	EmailChanged      Action = "email.changed"
	EmailRestored     Action = "email.restored"
	NoticeChanged     Action = "email.notice-address-changed"
	SignedIn          Action = "sign-in.succeeded"
	SignInFailed      Action = "sign-in.failed"
	SignInRefused     Action = "sign-in.refused"
	ProvedAgain       Action = "sign-in.proved-again"
	SignedOut         Action = "sign-out.device"
	SignedOutAll      Action = "sign-out.everything"
	DevicesTrimmed    Action = "sign-out.oldest"
	NotMeReported     Action = "account.not-me"
	ResetRequired     Action = "password.reset-required"
	ResetAsked        Action = "password.reset-asked"
	ResetLinkMade     Action = "password.reset-link-made"
	ResetProved       Action = "password.reset-proved"
	PasswordReset     Action = "password.reset"
	PasswordChanged   Action = "password.changed"
	SecondFactorOn    Action = "second-factor.on"
	SecondFactorOff   Action = "second-factor.off"
	CodesReplaced     Action = "second-factor.recovery-codes-replaced"
	FactorFailed      Action = "second-factor.failed"
	BrowserForgotten  Action = "second-factor.browser-forgotten"
	RemovalAsked      Action = "second-factor.removal-asked"
	RemovalStopped    Action = "second-factor.removal-stopped"
	FactorRemoved     Action = "second-factor.removed"
	PasskeyAdded      Action = "passkey.added"
	PasskeyRenamed    Action = "passkey.renamed"
	PasskeyRemoved    Action = "passkey.removed"
	PasskeyRefused    Action = "passkey.refused"
	PasskeyAlarm      Action = "passkey.counter-back"
	PasskeyKept       Action = "passkey.kept"
	CodeAlwaysOn      Action = "second-factor.always-on"
	CodeAlwaysOff     Action = "second-factor.always-off"
	IdentityLinked    Action = "identity.linked"
	IdentityUnlinked  Action = "identity.unlinked"
	AccountTakenOver  Action = "account.taken-over"
	ConfirmedAfresh   Action = "account.confirmed-afresh"
	AppPasswordMade   Action = "app-password.made"
	ClaimTokenMade    Action = "claim-token.made"
	ServerClaimed     Action = "server.claimed"
	ServerSignedOut   Action = "server.signed-out"
	ServerBack        Action = "server.brought-back"
	ServerUnclaimed   Action = "server.unclaimed"
	ServerAddressOn   Action = "server.address-confirmed"
	ServerAddressOff  Action = "server.address-removed"
	ServerTypesOn     Action = "server.account-passwords-on"
	ServerTypesOff    Action = "server.account-passwords-off"
	GuestAdmitted     Action = "server.guest-admitted"
	GuestChanged      Action = "server.guest-changed"
	GuestDismissed    Action = "server.guest-dismissed"
	GuestCame         Action = "server.guest-came"
	ServerJoined      Action = "server.joined"
	ServerTakenAway   Action = "server.taken-away"
	ServerLeft        Action = "server.left"
	ServerDeclined    Action = "server.invitation-declined"
	HomeInvited       Action = "home.invited"
	HomeJoined        Action = "home.joined"
	HomeDeclined      Action = "home.invitation-declined"
	HomeLeft          Action = "home.left"
	HomeTakenOut      Action = "home.taken-out"
	HomeEnded         Action = "home.ended" // about whoever was in it, its owner too
	HomeMemberJoined  Action = "home.member-joined"
	HomeMemberLeft    Action = "home.member-left"
	HomeMemberAdded   Action = "home.member-added"
	HomeMemberChanged Action = "home.member-changed"
	HomeMemberRemoved Action = "home.member-removed"
	HomePINSet        Action = "home.pin-set"
	HomePINCleared    Action = "home.pin-cleared"
	HomePINGuessed    Action = "home.pin-guessed"
	HomeUnlocked      Action = "home.unlocked"
	HomeSwitched      Action = "home.switched"
	HomeBack          Action = "home.switched-back"
	HomeSwitchEnded   Action = "home.switch-ended"
	HomeServerOpened  Action = "home.server-opened"
	LinkApproved      Action = "link.approved"
	LinkDenied        Action = "link.denied"
	LinkCodeWrong     Action = "link.code-wrong"
	AppAllowed        Action = "app.allowed"
	AppRemoved        Action = "app.removed"
	AppReused         Action = "app.token-reused"
	DeviceKeySet      Action = "device-key.set"
	InvitationMade    Action = "invitation.made"
	CodeFailed        Action = "code.failed"
	InvitationEnded   Action = "invitation.revoked"
	SetUpLinkMade     Action = "set-up.link-made"
	KeysRotated       Action = "keys.rotated"
	MailRetried       Action = "mail.retried"
	IncidentProposed  Action = "incident.proposed"
	IncidentDeclared  Action = "incident.declared"
	IncidentAlone     Action = "incident.declared-alone"
	IncidentAdvised   Action = "incident.advised"
	IncidentWithdrawn Action = "incident.withdrawn"
	IncidentPaused    Action = "incident.paused"
	IncidentResumed   Action = "incident.resumed"
	IncidentApplied   Action = "incident.applied"
	ClientRegistered  Action = "client.registered"
	ClientChanged     Action = "client.changed"
	ClientRemoved     Action = "client.removed"
	ClientSecretMade  Action = "client.secret-made"
	ClientSecretEnded Action = "client.secret-ended"
	ClientTokensEnded Action = "client.tokens-ended" //nolint:gosec // those that it has for itself
)

// Actors that are no account.
const (
	System = "system" // a job of the service itself
	CLI    = "cli"    // somebody with a shell on the service's machine
)

// Entry is one recorded act.
type Entry struct {
	ID        string
	At        time.Time
	AccountID string // whom it concerns; empty when nobody
	Actor     string // account id of who did it, or System, CLI; empty for an outsider
	Action    Action
	Detail    map[string]string // sealed in the store; never a secret
}

// Details that many entries share.
const (
	Address = "address" // IP address
	Place   = "place"
	Device  = "device"
	App     = "app" // a client's name
	Reason  = "reason"
	Count   = "count"
	Client  = "client"  // id of a client of OpenID Connect
	Service = "service" // where somebody has another account: "Google"
	Guest   = "guest"   // whom an owner lets in, as the owner typed it
)

// Filter narrows a listing of entries, newest first; empty fields do not narrow.
type Filter struct {
	AccountID string
	Action    Action
	Before    string // id of the entry to go on after
	Limit     int
}

// Verdict is what reading the whole log showed.
type Verdict struct {
	Entries int
	Batches int
	Broken  []string // what does not hold, in words; empty when all is well
}
