package web

import (
	"net/http"

	"usher/internal/account"
)

var noticeChange = addressChange{
	purpose: account.ForNotices, path: "/account/notice-address", codePath: "/account/notice-address/code", codePage: "notice-code", saved: "notice",
	same: "Notices go to this address already.", gone: "No code is waiting any more: it was used, or it is too old. Ask for a new one here.",
	show: (*Door).noticeAddressPage,
}

func (d *Door) getNoticeAddress(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.noticeAddressPage(w, r, answered{status: http.StatusOK, v: v})
}

func (d *Door) noticeAddressPage(w http.ResponseWriter, r *http.Request, a answered) error {
	pending, err := d.pendingAddress(r, a.v, account.ForNotices)
	if err != nil {
		return err
	}
	p := NoticeAddressPage{
		Form: a.form, Address: a.v.Person.NoticeEmail, Login: a.v.Person.Email, NewAddress: a.typed, PendingAddress: pending,
		AskPassword: d.asksPassword(a.v),
	}
	d.Pages.Page(w, r, a.status, "notice-address", Page{Person: a.v.header(), Nav: "email", Notice: done(r, accountDone), Data: p})
	return nil
}

func (d *Door) postNoticeAddress(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.askAddress(w, r, v, noticeChange)
}

func (d *Door) getNoticeCode(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.getCode(w, r, v, noticeChange)
}

func (d *Door) postNoticeCode(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.typeCode(w, r, v, noticeChange)
}

func (d *Door) postNoticeCodeAgain(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.sendAgain(w, r, v, noticeChange)
}

// fieldRemove is the password field of the form that removes the address, apart from that of the form above it.
const fieldRemove = "remove_password"

func (d *Door) postNoticeRemove(w http.ResponseWriter, r *http.Request, v visitor) error {
	a := answered{v: v}
	var err error
	if !v.IsFresh(d.Now()) {
		a.v, err = d.prove(w, r, v, &a.form, fieldRemove)
	}
	if err == nil {
		err = d.Profile.RemoveNoticeEmail(r.Context(), a.v.Found, d.client(r))
	}
	if err != nil {
		return d.again(w, r, &a.form, err, func(status int) error {
			a.status = status
			return d.noticeAddressPage(w, r, a)
		})
	}
	return to(w, r, "/account/notice-address?done=notice-removed")
}
