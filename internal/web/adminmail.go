package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"usher/internal/id"
	"usher/internal/notice"
)

// mailStates are what the queue can be narrowed to; what waits comes first.
var mailStates = []string{notice.Waiting, notice.Refused, notice.Expired, notice.Sent}

func (d *Door) getAdminMail(w http.ResponseWriter, r *http.Request, v visitor) error {
	q := r.URL.Query()
	state, before := cmp.Or(q.Get("state"), notice.Waiting), q.Get("before")
	if !slices.Contains(mailStates, state) || before != "" && !id.Valid(before) {
		return errNotFound
	}
	counts, err := d.Admin.MailCounts(r.Context())
	if err != nil {
		return err
	}
	mails, next, err := d.Admin.Mail(r.Context(), state, before)
	if err != nil {
		return err
	}
	p := AdminMailPage{
		State: state, Outbox: d.Admin.Outbox, Rows: d.mailShown(mails),
		Figures: []Figure{
			{"Waiting", counts.Waiting, "/admin/mail"},
			{"Sent in a day", counts.Sent, "/admin/mail?state=sent"},
			{"Refused in a day", counts.Refused, "/admin/mail?state=refused"},
			{"Too old in a day", counts.Expired, "/admin/mail?state=expired"},
		},
	}
	if next != "" {
		p.Next = pathWith("/admin/mail", "state", state, "before", next)
	}
	if before != "" {
		p.First = pathWith("/admin/mail", "state", state)
	}
	d.Pages.Page(w, r, http.StatusOK, "admin-mail", Page{Person: v.header(), Notice: done(r, adminDone), Data: p})
	return nil
}

// mailShown tells mails of the queue by what they are about. Their text is not even read.
func (d *Door) mailShown(mails []notice.Queued) []QueuedMail {
	shown := make([]QueuedMail, len(mails))
	for i, m := range mails {
		shown[i] = QueuedMail{
			ID: m.ID, AccountID: m.AccountID, What: cmp.Or(mailWords[m.Kind], string(m.Kind)), To: m.To, State: m.State,
			Queued: m.CreatedAt, Done: m.DoneAt, Tries: int(m.Attempts), Problem: m.Reason, Retry: m.State == notice.Waiting && !d.Admin.Outbox,
		}
		if m.State == notice.Waiting && m.NextAt.After(d.Now()) {
			shown[i].NextTry = m.NextAt
		}
	}
	return shown
}

func (d *Door) postAdminMailRetry(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := d.Admin.Resend(r.Context(), v.by(), r.PostFormValue("id"))
	if errors.Is(err, notice.ErrNotFound) {
		return to(w, r, "/admin/mail?done=nothing-waits")
	}
	if err != nil {
		return err
	}
	return to(w, r, "/admin/mail?done=retried")
}

// mailWords says what each kind of mail is about.
var mailWords = map[notice.Kind]string{
	notice.KindConfirmSignUp:        "Confirm address",
	notice.KindAlreadyHaveAccount:   "Has an account already",
	notice.KindConfirmAddress:       "Confirm new address",
	notice.KindConfirmNoticeAddress: "Confirm second address",
	notice.KindReset:                "Choose a new password",
	notice.KindResetRequired:        "New password required",
	notice.KindInvitation:           "Invitation",
	notice.KindTest:                 "Test",
	notice.KindNewDevice:            "New device signed in",
	notice.KindResetHandedOver:      "Reset link handed over",
	notice.KindCodesRefused:         "Wrong codes after the right password",
	notice.KindRecoveryCodeUsed:     "Recovery code used",
	notice.KindPasswordChanged:      "Password changed",
	notice.KindAddressChanged:       "Address changed",
	notice.KindAddressRestored:      "Address restored",
	notice.KindNoticeAddressAdded:   "Second address added",
	notice.KindNoticeAddressRemoved: "Second address removed",
	notice.KindUserNameChanged:      "User name changed",
	notice.KindSignedOutEverywhere:  "Signed out everywhere",
	notice.KindSignedOutByOperator:  "Signed out by an operator",
	notice.KindDevicesTrimmed:       "Oldest devices signed out",
	notice.KindLocked:               "Account locked",
	notice.KindUnlocked:             "Account unlocked",
	notice.KindDeletionScheduled:    "Deletion asked for",
	notice.KindDeletionByOperator:   "Deletion by an operator",
	notice.KindDeletionStopped:      "Account kept",
	notice.KindDeletionDone:         "Account erased",

	notice.KindSecondFactorOn:        "Second step turned on",
	notice.KindSecondFactorOff:       "Second step turned off",
	notice.KindRecoveryCodesReplaced: "Recovery codes replaced",
	notice.KindFactorRemoval:         "Second step will be removed",
	notice.KindFactorRemovalStopped:  "Second step kept",
	notice.KindFactorRemoved:         "Second step removed",
	notice.KindDeviceLinked:          "TV let in by a code",
	notice.KindPasskeyAdded:          "Passkey added",
	notice.KindPasskeyRemoved:        "Passkey removed",
	notice.KindPasskeyAlarm:          "Passkey counted backwards",
	notice.KindAppPasswordMade:       "App password made",
	notice.KindServerClaimed:         "Media server claimed",
	notice.KindServersBack:           "Media server brought back",
	notice.KindServerUnclaimed:       "Media server given up",
	notice.KindConfirmArrival:        "Code for somebody who came by another service",
	notice.KindIdentityLinked:        "Another service opens the account",
	notice.KindIdentityUnlinked:      "Another service opens the account no longer",
	notice.KindServerInvitation:      "Invitation to a media server",
	notice.KindHomeInvitation:        "Invitation to a Home",
	notice.KindHomeJoined:            "Somebody joined a Home",
	notice.KindHomeEntered:           "Home joined",
	notice.KindHomeLeft:              "Somebody left a Home",
	notice.KindHomeRemoved:           "Taken out of a Home",
	notice.KindHomeEnded:             "Home ended",
	notice.KindPINGuessed:            "Wrong PINs in a Home",
	notice.KindIncident:              "Incident",
	notice.KindIncidentAdvice:        "Advice after an incident",
	notice.KindIncidentAlone:         "Incident declared by one alone",
	notice.KindIncidentProposed:      "Incident waits for a second word",
	notice.KindIncidentWithdrawn:     "Incident withdrawn",
	notice.KindProposalWithdrawn:     "Proposed incident withdrawn",
	notice.KindIncidentPaused:        "Incident paused",
}
