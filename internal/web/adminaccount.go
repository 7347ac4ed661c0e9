package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/device"
	"usher/internal/factor"
	"usher/internal/id"
	"usher/internal/notice"
)

func (d *Door) getAdminAccount(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.adminAccountPage(w, r, http.StatusOK, v, "")
}

func (d *Door) adminAccountPage(w http.ResponseWriter, r *http.Request, status int, v visitor, problem string) error {
	accountID := r.PathValue("id")
	if !id.Valid(accountID) {
		return errNotFound
	}
	sheet, err := d.Admin.Show(r.Context(), accountID)
	if err != nil {
		return err
	}
	a := sheet.Account
	p := AdminAccountPage{
		AccountRow: accountRow(a, sheet.LastSeen), Problem: problem, NoticeAddress: a.NoticeEmail, PasswordChanged: sheet.PasswordSet,
		PasswordOff: sheet.Failures.Off(), ResetRequired: sheet.ResetRequired, DeletingOn: a.DeleteAt, SecondStep: a.SecondFactor, Passkeys: sheet.Passkeys, NoPassword: a.NoPassword, Services: d.servicesNamed(sheet.Services()), Self: a.ID == v.AccountID,
		Devices: devicesShown(networksOnly(sheet.Devices), ""), Events: v.eventsOf(sheet), Mail: d.mailShown(sheet.Mail),
	}
	if p.Servers, err = d.adminServers(r, accountID); err != nil {
		return err
	}
	if p.SecondStep {
		state, err := d.Factor.Look(r.Context(), a)
		if err != nil {
			return err
		}
		p.RemovalOn, p.RecoveryCodes = state.Removal, state.Left
	}
	if sheet.Failures.Until.After(d.Now()) {
		p.LockedUntil = sheet.Failures.Until
	}
	d.Pages.Page(w, r, status, "admin-account", Page{Person: v.header(), Nav: "admin-accounts", Notice: done(r, adminDone), Data: p})
	return nil
}

// networksOnly keeps of the devices' addresses what an operator needs: their networks.
func networksOnly(devices []device.Device) []device.Device {
	shown := slices.Clone(devices)
	for i := range shown {
		shown[i].Seen.Address = network(shown[i].Seen.Address)
	}
	return shown
}

// eventsOf tells what happened to an account to somebody who is not its owner.
func (v visitor) eventsOf(sheet admin.Sheet) []Event {
	events := make([]Event, len(sheet.Events))
	for i, e := range sheet.Events {
		told := []string{}
		if e.Actor != e.AccountID {
			told = append(told, "by "+v.actor(e.Actor, e.AccountID, sheet.Actors))
		}
		for _, text := range []string{particulars(e), whereabouts(e.Detail)} {
			if text != "" {
				told = append(told, text)
			}
		}
		events[i] = Event{At: e.At, Icon: actWords[e.Action].icon, Text: actText(e.Action), Detail: strings.Join(told, " · "), Unusual: e.Action == audit.NotMeReported}
	}
	return events
}

// accountActs is what an administrator can do to somebody else's account, by the last part of the form's address.
func (d *Door) accountActs() map[string]func(ctx context.Context, by admin.Actor, accountID string) error {
	return map[string]func(ctx context.Context, by admin.Actor, accountID string) error{
		"lock":     d.Admin.Lock,
		"unlock":   d.Admin.Unlock,
		"sign-out": d.Admin.SignOut,
		"resend":   d.Admin.ResendOf,
		"remove-second-step": func(ctx context.Context, by admin.Actor, accountID string) error {
			if err := d.Admin.MayRemoveFactor(ctx, by, accountID); err != nil {
				return err
			}
			_, err := d.Factor.AskRemoval(ctx, string(by), accountID)
			return err
		},
		"delete": func(ctx context.Context, by admin.Actor, accountID string) error {
			_, err := d.Admin.Delete(ctx, by, accountID)
			return err
		},
		"send-reset": func(ctx context.Context, by admin.Actor, accountID string) error {
			if err := d.Admin.MayRequireReset(ctx, by, accountID); err != nil {
				return err
			}
			return d.Password.Send(ctx, accountID, string(by))
		},
		"require-reset": func(ctx context.Context, by admin.Actor, accountID string) error {
			if err := d.Admin.MayRequireReset(ctx, by, accountID); err != nil {
				return err
			}
			return d.Password.Require(ctx, accountID, string(by))
		},
	}
}

func (d *Door) postAdminAccount(w http.ResponseWriter, r *http.Request, v visitor) error {
	accountID, name := r.PathValue("id"), r.PathValue("act")
	act, known := d.accountActs()[name]
	if !known || !id.Valid(accountID) {
		return errNotFound
	}
	err := act(r.Context(), v.by(), accountID)
	switch {
	case errors.Is(err, notice.ErrNotFound):
		name = "nothing-waits"
	case errors.Is(err, admin.ErrSelf):
		return d.adminAccountPage(w, r, http.StatusForbidden, v, "This is your own account. Change it under “Your account”.")
	case errors.Is(err, factor.ErrGone): // pressed twice, or it is off
	case errors.Is(err, account.ErrLastAdmin):
		return d.adminAccountPage(w, r, http.StatusUnprocessableEntity, v, "Nobody else administers this service. Let somebody else become an administrator first.")
	case err != nil && !errors.Is(err, admin.ErrAlready): // pressed twice is done once
		return err
	}
	return to(w, r, pathWith("/admin/accounts/"+accountID, "done", name))
}
