package browsertest

import (
	"net/http"
	"testing"

	"usher/internal/testdb"
)

// tourClients registers an app, changes it, gives it another secret and removes it.
func tourClients(t *testing.T, seen *visits) {
	s := serve(t, testdb.SQLite(t))
	b := seen.watch(s.browser(t, scriptOn))
	b.open(s.setUp)
	b.administers()
	b.open("/admin/clients")
	b.look("clients-none")
	b.press("Register an app")
	b.look("client-new")
	const backTo = "Addresses where people come back to after signing in, one on a line"
	b.write(backTo, "https://*.example.org/cb")
	b.tap("Sign people in in a browser")
	b.press("Register")
	b.refused("Name", "")
	b.look("client-refused")
	b.write("Name", "Jellyfin in the attic")
	b.write("client_id (optional)", "jellyfin")
	b.empty(backTo)
	b.write(backTo, "https://jellyfin.example.org/sso/OID/redirect/usher")
	b.tap("Sign people in in a browser")
	b.press("Register")
	b.sees("shown only this once")
	b.look("client-secret")
	b.press("I have typed it in")
	b.at("/admin/clients/jellyfin", http.StatusOK)
	b.look("client")
	b.press("Change it")
	b.look("client-change")
	b.tap("It belongs to the house")
	b.press("Save")
	b.sees("The app is changed.")
	b.tap("Make a new secret")
	b.press("Make it")
	b.sees("The older secrets count")
	b.press("I have typed it in")
	b.tap("End the older secrets")
	b.look("client-retire")
	b.press("End the older ones")
	b.sees("Only the newest secret counts now.")
	b.open("/admin/clients")
	b.look("clients")
	b.press("Jellyfin in the attic")
	b.tap("Remove")
	b.press("Remove")
	b.sees("The app is removed")
	b.at("/admin/clients", http.StatusOK)
}
