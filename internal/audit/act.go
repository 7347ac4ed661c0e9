package audit

import (
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Act is what one act leaves behind: an entry here, mail to whoever must know, and the links that this mail carries. The store writes
// all of it in the transaction of the act itself, so nothing can be missing.
type Act struct {
	At    time.Time
	Done  Entry
	Tell  []notice.Notice
	Links []credential.Link
	// Counts are what the act counts against; where there is no room for one of them, nothing happens.
	Counts []ratelimit.Take
}

// New returns an act of an actor that concerns an account.
func New(at time.Time, action Action, actor, accountID string) Act {
	return Act{At: at, Done: Entry{Action: action, Actor: actor, AccountID: accountID}}
}

// With returns the act with one more detail.
func (a Act) With(key, value string) Act {
	detail := map[string]string{key: value}
	for k, v := range a.Done.Detail {
		if k != key {
			detail[k] = v
		}
	}
	a.Done.Detail = detail
	return a
}

// Linking returns the act with one more link to store.
func (a Act) Linking(l credential.Link) Act {
	a.Links = append(a.Links[:len(a.Links):len(a.Links)], l)
	return a
}

// Counting returns the act with what it counts against besides.
func (a Act) Counting(takes ...ratelimit.Take) Act {
	a.Counts = append(a.Counts[:len(a.Counts):len(a.Counts)], takes...)
	return a
}

// Telling returns the act with more mail to send.
func (a Act) Telling(n ...notice.Notice) Act {
	a.Tell = append(a.Tell[:len(a.Tell):len(a.Tell)], n...)
	return a
}

// From returns the act with where its actor was.
func (a Act) From(c device.Client) Act {
	seen := c.Seen()
	return a.With(Address, seen.Address).With(Place, seen.Place)
}

// Inviting returns the act with the mail to whom it invites, and what that counts against: its address, and the one thing that it invites to.
func (a Act) Inviting(mail notice.Notice, to string) Act {
	address := account.LoginHandle(mail.To).Value
	return a.Telling(mail).Counting(ratelimit.InvitationMails.For(address), ratelimit.InvitationsAgain.For(to+"\x00"+address))
}

// TellOwner returns the act with a notice to every address of an account.
func (a Act) TellOwner(who account.Account, say func(to string) notice.Notice) Act {
	for _, to := range who.NoticeAddresses() {
		a = a.Telling(say(to).For(who.ID))
	}
	return a
}

// NotMe returns the act with a "this wasn't me" link about a device, and the link's path for the mail.
func (a Act) NotMe(accountID string, d device.Device) (Act, string) {
	link := credential.Link{Kind: credential.NotMe, Token: secret.NewToken(), AccountID: accountID, Subject: d.ID, Detail: d.Name}
	return a.Linking(link), "/not-me/" + link.Token.Reveal()
}

// Warn returns the act with a notice to every address of its account about what a device did, with the link that says "this wasn't me".
func (a Act) Warn(who account.Account, c device.Client, say func(to, name string, e notice.Event) notice.Notice) Act {
	name, product := "", ""
	if c.UserAgent != "" {
		_, name, product = device.Describe(c.UserAgent)
	}
	return a.WarnOf(who, device.Device{Name: name, Product: product}, c, say)
}

// WarnOf is Warn about a device that has a name already.
func (a Act) WarnOf(who account.Account, d device.Device, c device.Client, say func(to, name string, e notice.Event) notice.Notice) Act {
	a, path := a.NotMe(who.ID, d)
	e := notice.Event{Device: facts(d, c), At: a.At, NotMe: path}
	return a.TellOwner(who, func(to string) notice.Notice { return say(to, who.Name, e) })
}

// facts are what a mail says about a device and where it is.
func facts(d device.Device, c device.Client) notice.Device {
	seen := c.Seen()
	return notice.Device{Name: d.Name, Product: d.Product, Place: seen.Place, Address: seen.Address}
}

// Trimmed is what a sign-in leaves besides when it puts an account over device.Most.
func Trimmed(who account.Account, at time.Time) Act {
	return New(at, DevicesTrimmed, System, who.ID).TellOwner(who, func(to string) notice.Notice {
		return notice.DevicesTrimmed(to, who.Name, device.Most, at)
	})
}

// TellLinked returns the act with the mail about a device that a code let in, and the link that signs just this one out.
func (a Act) TellLinked(who account.Account, d device.Device, c device.Client) Act {
	link := credential.Link{Kind: credential.RemoveDevice, Token: secret.NewToken(), AccountID: who.ID, Subject: d.ID, Detail: d.Name}
	return a.Linking(link).TellOwner(who, func(to string) notice.Notice {
		return notice.DeviceLinked(to, who.Name, facts(d, c), a.At, "/remove-device/"+link.Token.Reveal())
	})
}
