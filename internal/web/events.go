package web

import (
	"cmp"
	"fmt"
	"strings"

	"usher/internal/audit"
)

// eventWords say an act in plain words: done by the account's owner, or by somebody else where that reads differently.
type eventWords struct {
	icon, text, byOther string
	unusual             bool
}

// eventTexts has every act that can concern an account and that its owner should read about.
var eventTexts = map[audit.Action]eventWords{
	audit.AccountCreated:   {icon: "person", text: "Your account was created."},
	audit.AccountLocked:    {icon: "lock", text: "Your account was locked by the person who runs this service.", unusual: true},
	audit.AccountUnlocked:  {icon: "lock", text: "Your account was unlocked by the person who runs this service."},
	audit.AdminGranted:     {icon: "shield", text: "You became an administrator.", unusual: true},
	audit.DeletionAsked:    {icon: "trash", text: "You asked to delete your account.", byOther: "The person who runs this service is deleting your account.", unusual: true},
	audit.DeletionRevoked:  {icon: "check", text: "You kept your account.", byOther: "The person who runs this service kept your account."},
	audit.DataDownloaded:   {icon: "download", text: "Your data was downloaded."},
	audit.ProfileChanged:   {icon: "person", text: "You changed your profile."},
	audit.EmailAsked:       {icon: "mail", text: "A code was sent to a new address."},
	audit.EmailChanged:     {icon: "mail", text: "Your e-mail address was changed."},
	audit.EmailRestored:    {icon: "shield", text: "Your old e-mail address was restored, and everything was signed out.", unusual: true},
	audit.NoticeChanged:    {icon: "mail", text: "Your second address was changed."},
	audit.SignedIn:         {icon: "browser", text: "A device signed in."},
	audit.SignInFailed:     {icon: "alert", text: "A wrong password was typed."},
	audit.SignInRefused:    {icon: "lock", text: "The right password was typed while it opened nothing."},
	audit.SignedOut:        {icon: "out", text: "A device was signed out.", byOther: "The person who runs this service signed a device out."},
	audit.SignedOutAll:     {icon: "out", text: "Everything was signed out.", byOther: "The person who runs this service signed everything out."},
	audit.DevicesTrimmed:   {icon: "out", text: "The devices unused for longest were signed out, because there were too many."},
	audit.NotMeReported:    {icon: "shield", text: "A stranger’s sign-in was reported, and everything was signed out.", unusual: true},
	audit.ResetRequired:    {icon: "key", text: "The person who runs this service asked for a new password.", unusual: true},
	audit.ResetAsked:       {icon: "mail", text: "An e-mail to choose a new password was asked for."},
	audit.PasswordReset:    {icon: "key", text: "A new password was chosen by e-mail."},
	audit.PasswordChanged:  {icon: "key", text: "You changed your password."},
	audit.SecondFactorOn:   {icon: "shield", text: "The second step was turned on."},
	audit.SecondFactorOff:  {icon: "shield", text: "The second step was turned off.", unusual: true},
	audit.CodesReplaced:    {icon: "key", text: "New recovery codes were made. The old ones are void."},
	audit.FactorFailed:     {icon: "alert", text: "A wrong code was typed for the second step.", unusual: true},
	audit.BrowserForgotten: {icon: "browser", text: "Every sign-in in a remembered browser asks for the second step again."},
	audit.RemovalAsked:     {icon: "clock", text: "The second step is going to be removed.", byOther: "The person who runs this service is going to remove your second step.", unusual: true},
	audit.RemovalStopped:   {icon: "check", text: "You stopped the removal of your second step.", byOther: "The removal of your second step was stopped."},
	audit.FactorRemoved:    {icon: "shield", text: "Your second step was removed after seven days of warning.", unusual: true},
	audit.ResetProved:      {icon: "shield", text: "The second step was proved to choose a new password."},
	audit.ResetLinkMade:    {icon: "key", text: "The person who runs this service made a link to choose a new password.", unusual: true},
	audit.LinkApproved:     {icon: "tv", text: "A TV, an app or a media server was let in by a code."},
	audit.LinkDenied:       {icon: "tv", text: "A TV, an app or a media server that asked by a code was sent away."},
	audit.LinkCodeWrong:    {icon: "tv", text: "A code of a TV or media server was typed that does not count.", unusual: true},
	audit.AppAllowed:       {icon: "app", text: "You let an app in."},
	audit.AppRemoved:       {icon: "out", text: "You removed an app."},
	audit.AppReused:        {icon: "alert", text: "An app was signed out, because somebody used a copy of what it signs in with.", unusual: true},
	audit.PasskeyAdded:     {icon: "finger", text: "A passkey was added."},
	audit.PasskeyRenamed:   {icon: "finger", text: "A passkey got another name."},
	audit.PasskeyRemoved:   {icon: "finger", text: "A passkey was removed."},
	audit.PasskeyRefused:   {icon: "alert", text: "A passkey was used in a way that does not count."},
	audit.PasskeyAlarm:     {icon: "alert", text: "A passkey counted backwards, and was refused. There may be a copy of it.", unusual: true},
	audit.CodeAlwaysOn:     {icon: "shield", text: "The second step is asked for after every sign-in from now on."},
	audit.CodeAlwaysOff:    {icon: "shield", text: "The second step is no longer asked for after signing in with another service.", unusual: true},
	audit.IdentityLinked:   {icon: "ticket", text: "Another service opens your account from now on."},
	audit.IdentityUnlinked: {icon: "ticket", text: "Another service no longer opens your account."},
	audit.AccountTakenOver: {icon: "shield", text: "You confirmed the address. Who used the account before was signed out.", unusual: true},
	audit.ConfirmedAfresh:  {icon: "check", text: "You confirmed that the account is yours. Everything was signed out."},
	audit.PasskeyKept:      {icon: "finger", text: "You said that it was you who used a passkey that counted backwards."},
	audit.AppPasswordMade:  {icon: "app", text: "An app password was made."},
	audit.ClaimTokenMade:   {icon: "server", text: "A claim token for a media server was made."},
	audit.ServerClaimed:    {icon: "server", text: "A media server was added."},
	audit.ServerSignedOut:  {icon: "server", text: "A media server was signed out."},
	audit.ServerBack:       {icon: "server", text: "A media server was brought back."},
	audit.ServerUnclaimed:  {icon: "server", text: "A media server was taken off the account.", byOther: "The person who runs this service took a media server off your account.", unusual: true},
	audit.ServerAddressOn:  {icon: "server", text: "An address of a media server was confirmed."},
	audit.ServerAddressOff: {icon: "server", text: "An address of a media server was removed."},
	audit.ServerTypesOn:    {icon: "server", text: "A media server was let take your own password."},
	audit.ServerTypesOff:   {icon: "server", text: "A media server takes app passwords only."},
	audit.GuestAdmitted:    {icon: "server", text: "Somebody was invited to a media server."},
	audit.GuestChanged:     {icon: "server", text: "What somebody may do at a media server, or until when, was changed."},
	audit.GuestDismissed:   {icon: "server", text: "Somebody’s access to a media server was taken away."},
	audit.GuestCame:        {icon: "server", text: "Somebody you invited came in to a media server."},
	audit.ServerJoined:     {icon: "server", text: "You accepted an invitation to a media server."},
	audit.ServerTakenAway:  {icon: "out", text: "You were taken off the list of somebody’s media server, and signed out there."},
	audit.ServerLeft:       {icon: "out", text: "You left somebody’s media server."},
	audit.ServerDeclined:   {icon: "server", text: "You said no to an invitation to a media server."},
	audit.DeviceKeySet:     {icon: "key", text: "An app registered a key of its own."},

	audit.HomeInvited:       {icon: "people", text: "Somebody was invited to your Home."},
	audit.HomeJoined:        {icon: "people", text: "You joined somebody’s Home."},
	audit.HomeDeclined:      {icon: "people", text: "You said no to an invitation to a Home."},
	audit.HomeLeft:          {icon: "out", text: "You left a Home."},
	audit.HomeTakenOut:      {icon: "out", text: "You were taken out of a Home."},
	audit.HomeEnded:         {icon: "out", text: "A Home that you were in ended."},
	audit.HomeMemberJoined:  {icon: "people", text: "Somebody joined your Home."},
	audit.HomeMemberLeft:    {icon: "people", text: "Somebody left your Home."},
	audit.HomeMemberAdded:   {icon: "people", text: "A member without an account was added to your Home."},
	audit.HomeMemberChanged: {icon: "people", text: "A member of your Home got another name or picture."},
	audit.HomeMemberRemoved: {icon: "people", text: "Somebody was removed from your Home."},
	audit.HomePINSet:        {icon: "key", text: "A PIN was set in your Home."},
	audit.HomePINCleared:    {icon: "key", text: "A PIN was taken away in your Home."},
	audit.HomePINGuessed:    {icon: "alert", text: "Several wrong PINs were typed in your Home.", unusual: true},
	audit.HomeUnlocked:      {icon: "key", text: "A member of your Home was unlocked."},
	audit.HomeSwitched:      {icon: "tv", text: "A device of your Home was switched to somebody."},
	audit.HomeBack:          {icon: "tv", text: "A browser was switched back to you."},
	audit.HomeSwitchEnded:   {icon: "out", text: "A device was signed out of your Home."},
	audit.HomeServerOpened:  {icon: "server", text: "Who of your Home may use a media server was changed."},
}

// worthShowing leaves out what only repeats the event beside it: the password typed again for a change that is listed itself.
func worthShowing(e audit.Entry) bool {
	_, known := eventTexts[e.Action]
	return known
}

// manyTries is from how many wrong passwords in a row on an event stands out.
const manyTries = 5

// eventsShown tells entries, newest first, in plain words. Wrong passwords from one place that follow each other are one event.
func eventsShown(entries []audit.Entry) []Event {
	var events []Event
	for i := 0; i < len(entries); {
		n := 1
		for e := entries[i]; e.Action == audit.SignInFailed && i+n < len(entries) && sameTry(e, entries[i+n]); {
			n++
		}
		events = append(events, eventOf(entries[i], n))
		i += n
	}
	return events
}

func sameTry(a, b audit.Entry) bool {
	return b.Action == a.Action && b.Detail[audit.Address] == a.Detail[audit.Address]
}

// vouched says how somebody came in who typed no password.
func vouched(e audit.Entry) string {
	by := e.Detail[audit.Reason]
	if e.Action != audit.SignedIn || by == "" || strings.Contains(by, "password") || strings.Contains(by, ",") {
		return ""
	}
	return "by " + by
}

func eventOf(e audit.Entry, times int) Event {
	words := eventTexts[e.Action]
	shown := Event{At: e.At, Icon: words.icon, Text: words.text, Unusual: words.unusual}
	if reason := e.Detail[audit.Reason]; e.Action == audit.ProfileChanged && reason != "" {
		shown.Text = "You changed your " + reason + "."
	}
	if e.Action == audit.SignedIn && strings.Contains(e.Detail[audit.Reason], "recovery code") {
		shown.Text, shown.Unusual = "A device signed in with a recovery code.", true
	}
	if e.Action == audit.SignedIn && strings.Contains(e.Detail[audit.Reason], "passkey") {
		shown.Text = "A device signed in with a passkey."
	}
	if times > 1 {
		shown.Text, shown.Unusual = fmt.Sprintf("A wrong password was typed %d times.", times), times >= manyTries
	}
	where := cmp.Or(e.Detail[audit.Place], e.Detail[audit.Address])
	if own := e.Actor == e.AccountID || e.Actor == "" || e.Actor == audit.System; !own {
		shown.Text, where = cmp.Or(words.byOther, words.text), "" // where others were is not the account owner's to know
	}
	guest := e.Detail[audit.Guest]
	if e.Action == audit.HomeSwitched && guest != "" {
		shown.Text, guest = "A device of your Home was switched to "+guest+".", ""
	}
	var facts []string
	for _, fact := range []string{e.Detail[audit.Device], guest, e.Detail[audit.Service], vouched(e), where} {
		if fact != "" {
			facts = append(facts, fact)
		}
	}
	shown.Detail = strings.Join(facts, " · ")
	return shown
}
