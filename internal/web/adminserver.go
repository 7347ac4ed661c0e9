package web

import (
	"errors"
	"net/http"

	"usher/internal/id"
	"usher/internal/server"
)

// whyAdmin says to an administrator why a server is suspended.
var whyAdmin = map[server.Reason]string{
	server.SignedOut:       "signed out with everything else",
	server.ServerSignedOut: "signed out by its owner",
	server.Incident:        "signed out by an incident",
	server.Locked:          "the account is locked",
	server.Deleting:        "the account is being deleted",
	server.ResetRequired:   "a new password is required first",
}

// adminServers are the media servers of an account as an administrator sees them.
func (d *Door) adminServers(r *http.Request, accountID string) ([]AdminServer, error) {
	all, err := d.Servers.ListOf(r.Context(), accountID)
	shown := make([]AdminServer, len(all))
	for i, k := range all {
		shown[i] = AdminServer{ID: k.ID, Name: k.Name, Seen: k.SeenAt, Claimed: k.ClaimedAt}
		if k.Standing.State == server.Suspended {
			shown[i].Why = whyAdmin[k.Standing.Reason]
		}
	}
	return shown, err
}

// postAdminFreeServer makes a suspended server of somebody else nobody's.
func (d *Door) postAdminFreeServer(w http.ResponseWriter, r *http.Request, v visitor) error {
	accountID, serverID := r.PathValue("id"), r.PostFormValue("id")
	switch {
	case !id.Valid(accountID) || !id.Valid(serverID):
		return errNotFound
	case accountID == v.AccountID:
		return d.adminAccountPage(w, r, http.StatusForbidden, v, "This is your own account. Give the server up under “Servers”.")
	}
	err := d.Servers.Free(r.Context(), v.AccountID, accountID, serverID, d.client(r))
	if errors.Is(err, server.ErrStands) {
		return d.adminAccountPage(w, r, http.StatusUnprocessableEntity, v, "That server is in use again. Only its owner can give it up.")
	}
	if err != nil {
		return err
	}
	return to(w, r, pathWith("/admin/accounts/"+accountID, "done", "free-server"))
}
