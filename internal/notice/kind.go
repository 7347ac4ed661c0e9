package notice

import (
	"slices"
	"time"
)

// Kind says what a notice is about.
type Kind string

// The kinds. Their texts stand in the database; do not rename them.
const (
	KindConfirmSignUp        Kind = "confirm_sign_up"
	KindAlreadyHaveAccount   Kind = "already_have_account"
	KindConfirmAddress       Kind = "confirm_address"
	KindConfirmNoticeAddress Kind = "confirm_notice_address"
	KindReset                Kind = "reset"
	KindResetRequired        Kind = "reset_required"
	KindInvitation           Kind = "invitation"
	KindTest                 Kind = "test"

	KindNewDevice            Kind = "new_device"
	KindPasswordChanged      Kind = "password_changed"
	KindAddressChanged       Kind = "address_changed"
	KindAddressRestored      Kind = "address_restored"
	KindNoticeAddressAdded   Kind = "notice_address_added"
	KindNoticeAddressRemoved Kind = "notice_address_removed"
	KindUserNameChanged      Kind = "user_name_changed"
	KindSignedOutEverywhere  Kind = "signed_out_everywhere"
	KindSignedOutByOperator  Kind = "signed_out_by_operator"
	KindDevicesTrimmed       Kind = "devices_trimmed"
	KindLocked               Kind = "locked"
	KindUnlocked             Kind = "unlocked"
	KindDeletionScheduled    Kind = "deletion_scheduled"
	KindDeletionByOperator   Kind = "deletion_by_operator"
	KindDeletionStopped      Kind = "deletion_stopped"
	KindDeletionDone         Kind = "deletion_done"

	KindResetHandedOver       Kind = "reset_handed_over"
	KindSecondFactorOn        Kind = "second_factor_on"
	KindSecondFactorOff       Kind = "second_factor_off"
	KindRecoveryCodesReplaced Kind = "recovery_codes_replaced"
	KindRecoveryCodeUsed      Kind = "recovery_code_used"
	KindCodesRefused          Kind = "codes_refused"
	KindFactorRemoval         Kind = "factor_removal"
	KindFactorRemovalStopped  Kind = "factor_removal_stopped"
	KindFactorRemoved         Kind = "factor_removed"
	KindPasskeyAdded          Kind = "passkey_added"
	KindPasskeyRemoved        Kind = "passkey_removed"
	KindPasskeyAlarm          Kind = "passkey_alarm"
	KindAppPasswordMade       Kind = "app_password_made"
	KindServerClaimed         Kind = "server_claimed"
	KindServersBack           Kind = "servers_back"
	KindServerUnclaimed       Kind = "server_unclaimed"
	KindServerInvitation      Kind = "server_invitation"
	KindHomeInvitation        Kind = "home_invitation"
	KindHomeJoined            Kind = "home_joined"
	KindHomeEntered           Kind = "home_entered"
	KindHomeLeft              Kind = "home_left"
	KindHomeRemoved           Kind = "home_removed"
	KindHomeEnded             Kind = "home_ended"
	KindPINGuessed            Kind = "pin_guessed"
	KindDeviceLinked          Kind = "device_linked"
	KindConfirmArrival        Kind = "confirm_arrival"
	KindIdentityLinked        Kind = "identity_linked"
	KindIdentityUnlinked      Kind = "identity_unlinked"
	KindIncident              Kind = "incident"
	KindIncidentAdvice        Kind = "incident_advice"
	KindIncidentAlone         Kind = "incident_alone"
	KindIncidentProposed      Kind = "incident_proposed"
	KindIncidentWithdrawn     Kind = "incident_withdrawn"
	KindProposalWithdrawn     Kind = "proposal_withdrawn"
	KindIncidentPaused        Kind = "incident_paused"
)

// How long the secrets inside live, which is what credential.Rules says of the links themselves.
const (
	SignUpLife        = time.Hour        // code and link of a sign-up
	ArrivalLife       = 15 * time.Minute // code that confirms the address of somebody whom another service tells of
	AddressLife       = 24 * time.Hour   // code and link that confirm a changed or second address
	ResetLife         = 30 * time.Minute
	InvitationLife    = 7 * 24 * time.Hour
	noticeLife        = 7 * 24 * time.Hour
	testLife          = time.Hour
	resetRequiredLife = noticeLife
	proposalLife      = 24 * time.Hour
)

// Priorities: a smaller one leaves first. Somebody sits and waits for what is PriorityNow.
const (
	PriorityNow   = 1
	PrioritySoon  = 2
	PriorityLater = 3
)

// Sender is one of the two addresses Usher writes from, so that people can let the one with codes through whatever they
// think of the other.
type Sender int

// The two senders.
const (
	AccountMail Sender = iota + 1 // what people asked for and wait for
	NoticeMail                    // what we tell them unasked
)

type rule struct {
	life     time.Duration
	priority int
	sender   Sender
	needs    []string
}

var rules = map[Kind]rule{
	KindConfirmSignUp: {SignUpLife, PriorityNow, AccountMail, []string{DataCode, DataLink}},
	// Life, priority and sender are those of a sign-up: how soon it leaves must not tell that the account exists.
	KindAlreadyHaveAccount:   {SignUpLife, PriorityNow, AccountMail, nil},
	KindConfirmAddress:       {AddressLife, PriorityNow, AccountMail, []string{DataCode, DataLink}},
	KindConfirmNoticeAddress: {AddressLife, PriorityNow, AccountMail, []string{DataCode, DataLink}},
	KindReset:                {ResetLife, PriorityNow, AccountMail, []string{DataLink, DataMinutes}},
	KindResetRequired:        {resetRequiredLife, PrioritySoon, AccountMail, nil},
	KindInvitation:           {InvitationLife, PrioritySoon, AccountMail, []string{DataLink}},
	KindTest:                 {testLife, PriorityNow, AccountMail, nil},

	KindNewDevice:            {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindPasswordChanged:      {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindAddressChanged:       {noticeLife, PrioritySoon, NoticeMail, []string{DataNew, DataAt, DataLink}},
	KindAddressRestored:      {noticeLife, PrioritySoon, NoticeMail, []string{DataAt}},
	KindNoticeAddressAdded:   {noticeLife, PrioritySoon, NoticeMail, []string{DataNew, DataAt, DataLink}},
	KindNoticeAddressRemoved: {noticeLife, PrioritySoon, NoticeMail, []string{DataNew, DataAt, DataLink}},
	KindUserNameChanged:      {noticeLife, PriorityLater, NoticeMail, []string{DataNew, DataAt, DataLink}},
	KindSignedOutEverywhere:  {noticeLife, PriorityLater, NoticeMail, []string{DataAt}},
	KindSignedOutByOperator:  {noticeLife, PrioritySoon, NoticeMail, []string{DataAt}},
	KindDevicesTrimmed:       {noticeLife, PriorityLater, NoticeMail, []string{DataAt, DataCount}},
	KindLocked:               {noticeLife, PrioritySoon, NoticeMail, []string{DataAt}},
	KindUnlocked:             {noticeLife, PrioritySoon, NoticeMail, []string{DataAt}},
	KindDeletionScheduled:    {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataUntil, DataLink}},
	KindDeletionByOperator:   {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataUntil, DataLink}},
	KindDeletionStopped:      {noticeLife, PrioritySoon, NoticeMail, []string{DataAt}},
	KindDeletionDone:         {noticeLife, PriorityLater, NoticeMail, []string{DataAt}},

	KindResetHandedOver:       {noticeLife, PrioritySoon, NoticeMail, []string{DataAt}},
	KindSecondFactorOn:        {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindSecondFactorOff:       {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindRecoveryCodesReplaced: {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindRecoveryCodeUsed:      {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink, DataCount}},
	KindCodesRefused:          {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindFactorRemoval:         {noticeLife, PrioritySoon, NoticeMail, []string{DataUntil, DataLink}},
	KindFactorRemovalStopped:  {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindFactorRemoved:         {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindPasskeyAdded:          {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink, DataNew}},
	KindPasskeyRemoved:        {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink, DataNew}},
	KindPasskeyAlarm:          {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink, DataNew}},
	KindAppPasswordMade:       {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink, DataNew}},
	KindServerClaimed:         {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindServersBack:           {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink, DataNew}},
	KindServerUnclaimed:       {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink, DataNew}},
	KindServerInvitation:      {noticeLife, PrioritySoon, NoticeMail, []string{DataName, DataLink}},
	KindHomeInvitation:        {noticeLife, PrioritySoon, NoticeMail, []string{DataLink}},
	KindHomeJoined:            {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindHomeEntered:           {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindHomeLeft:              {noticeLife, PriorityLater, NoticeMail, []string{DataAt}},
	KindHomeRemoved:           {noticeLife, PrioritySoon, NoticeMail, []string{DataAt}},
	KindHomeEnded:             {noticeLife, PrioritySoon, NoticeMail, []string{DataAt}},
	KindPINGuessed:            {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink, DataNew, DataCount}},
	KindDeviceLinked:          {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink}},
	KindConfirmArrival:        {ArrivalLife, PriorityNow, AccountMail, []string{DataCode, DataName}},
	KindIdentityLinked:        {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink, DataNew}},
	KindIdentityUnlinked:      {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataLink, DataNew}},
	// Everybody gets one at once, so whatever somebody waits for overtakes them.
	KindIncident:          {noticeLife, PriorityLater, NoticeMail, []string{DataHappened, DataExposed, DataDoing, DataToDo, DataNever, DataCheck}},
	KindIncidentAdvice:    {noticeLife, PriorityLater, NoticeMail, []string{DataHappened, DataExposed, DataDoing, DataToDo, DataNever, DataCheck}},
	KindIncidentAlone:     {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataCount}},
	KindIncidentProposed:  {proposalLife, PrioritySoon, NoticeMail, []string{DataAt, DataCount}},
	KindIncidentWithdrawn: {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataCount}},
	KindProposalWithdrawn: {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataCount}},
	KindIncidentPaused:    {noticeLife, PrioritySoon, NoticeMail, []string{DataAt, DataCount}},
}

// Kinds lists every kind, sorted.
func Kinds() []Kind {
	kinds := make([]Kind, 0, len(rules))
	for kind := range rules {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// Life is how long a waiting mail of this kind is worth sending: as long as the secret in it lives, a week for the rest.
func (k Kind) Life() time.Duration { return rules[k].life }

// Priority is PriorityNow, PrioritySoon or PriorityLater.
func (k Kind) Priority() int { return rules[k].priority }

// Sender says which of the two addresses a mail of this kind comes from; zero for an unknown kind.
func (k Kind) Sender() Sender { return rules[k].sender }

// Needs lists the Data keys a notice of this kind must carry.
func (k Kind) Needs() []string { return slices.Clone(rules[k].needs) }
