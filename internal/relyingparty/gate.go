package relyingparty

// GateID is the client_id of media servers that nobody has claimed yet. It has no row, no secret and no redirect URI.
const GateID = "usher-gate"

// Claim is the scope of a media server that asks to be claimed. Only the built-in client has it: what is collected for it is a claim token.
const Claim Scope = "claim"

// Builtin returns a client that every service has, by its id.
func Builtin(id string) (c Client, is bool) {
	if id != GateID {
		return Client{}, false
	}
	return Client{ID: GateID, Name: "Media server", Scopes: []Scope{Claim}, Grants: []Grant{DeviceCode}, Auth: None}, true
}
