package notice

import (
	"strconv"
	"time"
)

// Device is what we can say about the device, browser or app that did something. Empty fields are left out of the mail.
type Device struct {
	Name    string // "Living room", or "Firefox on Linux"
	Product string // the app or browser, when the name does not say it
	Place   string // "Lyon, France"
	Address string // IP address
}

// A link, below, is a path on the configured origin ("/reset?…") or a whole address on it; mail refuses any other.
// A notice about an account is finished with For(accountID).

// ConfirmSignUp carries the six digits to type where the sign-up began, and the link for another browser; SignUpLife.
func ConfirmSignUp(to, code, link string) Notice {
	return compose(KindConfirmSignUp, to, "", map[string]string{DataCode: code, DataLink: link})
}

// AlreadyHaveAccount answers a sign-up with an address that has an account, in the same place and at the same pace as
// ConfirmSignUp.
func AlreadyHaveAccount(to string) Notice { return compose(KindAlreadyHaveAccount, to, "", nil) }

// ConfirmAddress goes to the new address of an e-mail change; AddressLife.
func ConfirmAddress(to, code, link string) Notice {
	return compose(KindConfirmAddress, to, "", map[string]string{DataCode: code, DataLink: link})
}

// ConfirmNoticeAddress goes to a second address that shall get notices too; AddressLife.
func ConfirmNoticeAddress(to, code, link string) Notice {
	return compose(KindConfirmNoticeAddress, to, "", map[string]string{DataCode: code, DataLink: link})
}

// Reset carries the link that sets a new password; minutes is how long the link works, as the mail says it.
func Reset(to, link string, minutes int) Notice {
	return compose(KindReset, to, "", map[string]string{DataLink: link, DataMinutes: strconv.Itoa(minutes)})
}

// ResetRequired says that the account needs a new password before it can be used again. It carries no link.
func ResetRequired(to string) Notice { return compose(KindResetRequired, to, "", nil) }

// Invitation carries the link that opens a sign-up; from is the inviting person's display name and may be empty;
// InvitationLife.
func Invitation(to, from, link string) Notice {
	return compose(KindInvitation, to, "", map[string]string{DataFrom: from, DataLink: link})
}

// Test is what an operator sends to see whether mail arrives.
func Test(to string) Notice { return compose(KindTest, to, "", nil) }

// NewDevice says that a device signed in for the first time.
func NewDevice(to, name string, e Event) Notice { return compose(KindNewDevice, to, name, e.data()) }

// PasswordChanged says which device changed the password.
func PasswordChanged(to, name string, e Event) Notice {
	return compose(KindPasswordChanged, to, name, e.data())
}

// AddressChanged goes to the old address and carries the link that takes the change back; newAddress is shown Masked.
func AddressChanged(toOld, name, newAddress, undoLink string, at time.Time) Notice {
	return compose(KindAddressChanged, toOld, name, changed(newAddress, undoLink, at))
}

// AddressRestored says, to the address that was changed, that it is the account's address again.
func AddressRestored(to, name string, at time.Time) Notice {
	return compose(KindAddressRestored, to, name, map[string]string{DataAt: stamp(at)})
}

// NoticeAddressAdded tells the account's own address that a second one now gets notices too; it is shown Masked.
func NoticeAddressAdded(to, name, second, notMeLink string, at time.Time) Notice {
	return compose(KindNoticeAddressAdded, to, name, changed(second, notMeLink, at))
}

// NoticeAddressRemoved goes to both addresses when the second one is taken away.
func NoticeAddressRemoved(to, name, second, notMeLink string, at time.Time) Notice {
	return compose(KindNoticeAddressRemoved, to, name, changed(second, notMeLink, at))
}

// UserNameChanged names the new user name.
func UserNameChanged(to, name, userName, notMeLink string, at time.Time) Notice {
	return compose(KindUserNameChanged, to, name,
		map[string]string{DataNew: userName, DataLink: notMeLink, DataAt: stamp(at)})
}

// SignedOutEverywhere says that every device was signed out.
func SignedOutEverywhere(to, name string, at time.Time) Notice {
	return compose(KindSignedOutEverywhere, to, name, map[string]string{DataAt: stamp(at)})
}

// SignedOutByOperator says that the operator signed every device out.
func SignedOutByOperator(to, name string, at time.Time) Notice {
	return compose(KindSignedOutByOperator, to, name, map[string]string{DataAt: stamp(at)})
}

// DevicesTrimmed says that the devices unused for longest were signed out because there were too many; most is how many
// an account may have.
func DevicesTrimmed(to, name string, most int, at time.Time) Notice {
	return compose(KindDevicesTrimmed, to, name, map[string]string{DataCount: strconv.Itoa(most), DataAt: stamp(at)})
}

// Locked says that the operator closed the account.
func Locked(to, name string, at time.Time) Notice {
	return compose(KindLocked, to, name, map[string]string{DataAt: stamp(at)})
}

// Unlocked says that the account is open again.
func Unlocked(to, name string, at time.Time) Notice {
	return compose(KindUnlocked, to, name, map[string]string{DataAt: stamp(at)})
}

// DeletionScheduled says until when the account can be kept, with the link that keeps it.
func DeletionScheduled(to, name string, at, until time.Time, keepLink string) Notice {
	return compose(KindDeletionScheduled, to, name,
		map[string]string{DataAt: stamp(at), DataUntil: stamp(until), DataLink: keepLink})
}

// DeletionByOperator says that the operator is deleting the account, and until when its owner can keep it by signing in.
func DeletionByOperator(to, name string, at, until time.Time, signInLink string) Notice {
	return compose(KindDeletionByOperator, to, name,
		map[string]string{DataAt: stamp(at), DataUntil: stamp(until), DataLink: signInLink})
}

// DeletionStopped says that the account is kept after all.
func DeletionStopped(to, name string, at time.Time) Notice {
	return compose(KindDeletionStopped, to, name, map[string]string{DataAt: stamp(at)})
}

// DeletionDone is the last mail an address gets from us. Leave its account empty: the account is gone.
func DeletionDone(to, name string, at time.Time) Notice {
	return compose(KindDeletionDone, to, name, map[string]string{DataAt: stamp(at)})
}

// ResetHandedOver says that the operator made a link that sets a new password, to be handed over without mail.
func ResetHandedOver(to, name string, at time.Time) Notice {
	return compose(KindResetHandedOver, to, name, map[string]string{DataAt: stamp(at)})
}

// Event is an act of a device that its account's owner is told about, with the link that says "this wasn't me".
type Event struct {
	Device Device
	At     time.Time
	NotMe  string
}

// SecondFactorOn says that signing in asks for a code from now on.
func SecondFactorOn(to, name string, e Event) Notice {
	return compose(KindSecondFactorOn, to, name, e.data())
}

// SecondFactorOff says that signing in asks for no code any more.
func SecondFactorOff(to, name string, e Event) Notice {
	return compose(KindSecondFactorOff, to, name, e.data())
}

// RecoveryCodesReplaced says that the old recovery codes are void.
func RecoveryCodesReplaced(to, name string, e Event) Notice {
	return compose(KindRecoveryCodesReplaced, to, name, e.data())
}

// RecoveryCodeUsed says how many recovery codes are left.
func RecoveryCodeUsed(to, name string, e Event, left int64) Notice {
	return compose(KindRecoveryCodeUsed, to, name, e.with(DataCount, strconv.FormatInt(left, 10)))
}

// CodesRefused says that somebody who knows the password typed wrong codes.
func CodesRefused(to, name string, e Event) Notice {
	return compose(KindCodesRefused, to, name, e.data())
}

// FactorRemoval warns that the second step goes at a time, with the link that stops it.
func FactorRemoval(to, name string, due time.Time, keepLink string) Notice {
	return compose(KindFactorRemoval, to, name, map[string]string{DataUntil: stamp(due), DataLink: keepLink})
}

// FactorRemovalStopped says that the second step stays.
func FactorRemovalStopped(to, name string, e Event) Notice {
	return compose(KindFactorRemovalStopped, to, name, e.data())
}

// FactorRemoved says that the second step is gone, at the end of the days of warning.
func FactorRemoved(to, name string, e Event) Notice {
	return compose(KindFactorRemoved, to, name, e.data())
}

// PasskeyAdded names a new passkey, with which one can sign in from now on.
func PasskeyAdded(to, name string, e Event, passkey string) Notice {
	return compose(KindPasskeyAdded, to, name, e.with(DataNew, passkey))
}

// PasskeyRemoved names a passkey that opens nothing any more.
func PasskeyRemoved(to, name string, e Event, passkey string) Notice {
	return compose(KindPasskeyRemoved, to, name, e.with(DataNew, passkey))
}

// PasskeyAlarm names a passkey of which there may be a copy in foreign hands.
func PasskeyAlarm(to, name string, e Event, passkey string) Notice {
	return compose(KindPasskeyAlarm, to, name, e.with(DataNew, passkey))
}

// AppPassword is what is told of a new app password.
type AppPassword struct {
	Name   string // as its owner called it
	Server string // the media server where it counts, and nowhere else; empty for one of the account
	People bool   // the server's people can be looked up by it
}

// AppPasswordMade names a new app password, and what it opens.
func AppPasswordMade(to, name string, e Event, p AppPassword) Notice {
	data := e.with(DataNew, p.Name)
	if data[DataServer] = p.Server; p.People {
		data[DataPeople] = "yes"
	}
	return compose(KindAppPasswordMade, to, name, data)
}

// ServersBack names the media servers that were brought back, in one line.
func ServersBack(to, name string, e Event, servers string) Notice {
	return compose(KindServersBack, to, name, e.with(DataNew, servers))
}

// ServerUnclaimed names a media server that belongs to the account no longer.
func ServerUnclaimed(to, name string, e Event, server string) Notice {
	return compose(KindServerUnclaimed, to, name, e.with(DataNew, server))
}

// ServerClaimed names a media server that belongs to the account from now on.
func ServerClaimed(to, name string, e Event) Notice {
	return compose(KindServerClaimed, to, name, e.data())
}

// Sharing is what an invitation to a media server says. Names are what people chose.
type Sharing struct {
	Owner  string // user name; empty where there is none
	Server string
	Path   string    // of the page that says more
	EndsAt time.Time // until when; zero: no end
}

// ServerInvitation invites whoever has an address to somebody's media server. It says the same whether there is an account.
func ServerInvitation(to string, s Sharing) Notice {
	data := map[string]string{DataFrom: s.Owner, DataName: s.Server, DataLink: s.Path}
	if !s.EndsAt.IsZero() {
		data[DataUntil] = stamp(s.EndsAt)
	}
	return compose(KindServerInvitation, to, "", data)
}

// HomeInvitation invites whoever has an address to somebody's Home. It says the same whether there is an account.
func HomeInvitation(to, from, path string) Notice {
	return compose(KindHomeInvitation, to, "", map[string]string{DataFrom: from, DataLink: path})
}

// HomeJoined tells the owner of a Home who has joined it, with the page where the owner sees and ends that; who is what the others call them, often nothing.
func HomeJoined(to, name, who, path string, at time.Time) Notice {
	return compose(KindHomeJoined, to, name, map[string]string{DataNew: who, DataAt: stamp(at), DataLink: path})
}

// HomeEntered tells somebody that they have joined a Home, and what the others can do from now on.
func HomeEntered(to, name, owner, path string, at time.Time) Notice {
	return compose(KindHomeEntered, to, name, map[string]string{DataFrom: owner, DataAt: stamp(at), DataLink: path})
}

// HomeLeft tells the owner of a Home who has left it.
func HomeLeft(to, name, who string, at time.Time) Notice {
	return compose(KindHomeLeft, to, name, map[string]string{DataNew: who, DataAt: stamp(at)})
}

// HomeRemoved tells somebody that the owner took them out of a Home.
func HomeRemoved(to, name, owner string, at time.Time) Notice {
	return compose(KindHomeRemoved, to, name, map[string]string{DataFrom: owner, DataAt: stamp(at)})
}

// HomeEnded tells somebody that the Home they were in is no more: its owner ended it, or their account was deleted.
func HomeEnded(to, name, owner string, at time.Time) Notice {
	return compose(KindHomeEnded, to, name, map[string]string{DataFrom: owner, DataAt: stamp(at)})
}

// PINGuessed says that so many wrong PINs in a row were typed for a member of a Home, with the page where it is unlocked.
func PINGuessed(to, name, member, path string, tries int64, at time.Time) Notice {
	return compose(KindPINGuessed, to, name, map[string]string{DataNew: member, DataCount: strconv.FormatInt(tries, 10), DataLink: path, DataAt: stamp(at)})
}

// DeviceLinked says that a code let a TV or an app in, with the link that signs just that one out.
func DeviceLinked(to, name string, device Device, at time.Time, removeLink string) Notice {
	return compose(KindDeviceLinked, to, name, device.with(at, removeLink))
}

// ConfirmArrival carries the six digits for somebody who came in by another service, which does not prove the address; ArrivalLife. It says the same whether there is an
// account.
func ConfirmArrival(to, code, service string) Notice {
	return compose(KindConfirmArrival, to, "", map[string]string{DataCode: code, DataName: service})
}

// IdentityLinked says by which other service one can sign in from now on.
func IdentityLinked(to, name string, e Event, service string) Notice {
	return compose(KindIdentityLinked, to, name, e.with(DataNew, service))
}

// IdentityUnlinked says by which other service one can sign in no longer.
func IdentityUnlinked(to, name string, e Event, service string) Notice {
	return compose(KindIdentityUnlinked, to, name, e.with(DataNew, service))
}

func (e Event) data() map[string]string { return e.Device.with(e.At, e.NotMe) }

func (e Event) with(key, value string) map[string]string {
	data := e.data()
	data[key] = value
	return data
}

// Incident tells somebody what happened and that a new password is required; check is the code that shows the mail to be ours. It has no link.
func Incident(to, name string, p Parts, check string) Notice {
	return compose(KindIncident, to, name, p.with(check))
}

// IncidentAdvice tells somebody what happened and that a new password is advised.
func IncidentAdvice(to, name string, p Parts, check string) Notice {
	return compose(KindIncidentAdvice, to, name, p.with(check))
}

// IncidentAlone tells an administrator that somebody declared an incident for so many accounts without a second administrator's word; from is
// what to call them.
func IncidentAlone(to, from string, accounts int64, at time.Time) Notice {
	return compose(KindIncidentAlone, to, "", proposal(from, accounts, at))
}

// IncidentProposed asks an administrator for the second word.
func IncidentProposed(to, from string, accounts int64, at time.Time) Notice {
	return compose(KindIncidentProposed, to, "", proposal(from, accounts, at))
}

// IncidentWithdrawn tells an administrator that somebody withdrew an incident, so that old passwords count again.
func IncidentWithdrawn(to, from string, accounts int64, at time.Time) Notice {
	return compose(KindIncidentWithdrawn, to, "", proposal(from, accounts, at))
}

// ProposalWithdrawn tells an administrator that somebody withdrew an incident that waited for a second word.
func ProposalWithdrawn(to, from string, accounts int64, at time.Time) Notice {
	return compose(KindProposalWithdrawn, to, "", proposal(from, accounts, at))
}

// IncidentPaused tells an administrator that somebody keeps the notices of an incident from going out.
func IncidentPaused(to, from string, accounts int64, at time.Time) Notice {
	return compose(KindIncidentPaused, to, "", proposal(from, accounts, at))
}

func proposal(from string, accounts int64, at time.Time) map[string]string {
	return map[string]string{DataFrom: from, DataCount: strconv.FormatInt(accounts, 10), DataAt: stamp(at)}
}

func (d Device) with(at time.Time, link string) map[string]string {
	return map[string]string{
		DataName: d.Name, DataProduct: d.Product, DataPlace: d.Place, DataAddress: d.Address,
		DataAt: stamp(at), DataLink: link,
	}
}

func changed(address, link string, at time.Time) map[string]string {
	return map[string]string{DataNew: Masked(address), DataLink: link, DataAt: stamp(at)}
}

func compose(kind Kind, to, name string, data map[string]string) Notice {
	return Notice{Kind: kind, To: to, Name: name, Data: data, Priority: kind.Priority()}
}
