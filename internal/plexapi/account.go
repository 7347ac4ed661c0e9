package plexapi

import (
	"cmp"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/signin"
)

// self tells who asks about their own account.
func (d *Door) self(c *call) error {
	in, err := c.holder()
	if err != nil {
		return err
	}
	told, err := c.user(in)
	if err != nil {
		return err
	}
	return c.reply(200, told)
}

// shown is what an account is called where the token is shown: to who switched to it, its address is not told.
func shown(in signin.Admitted) (title, login, address string) {
	a := in.Account
	if in.Found.Origin != "" {
		return household.NameOf(a), a.UserName, ""
	}
	return cmp.Or(a.Called(), household.Nameless), a.Login(), a.Email
}

// isManaged reports whether an account is a managed member of a Home, who has no address.
func isManaged(a account.Account) bool { return a.Email == "" }

// user is an account as clients want it: strict ones refuse it with a field missing, so what has no meaning here is null, no, or empty. The hash
// of a Home's PIN that the original has is left out: four digits behind a fast hash are no secret.
func (c *call) user(in signin.Admitted) (node, error) {
	h, err := c.lives(in.Account)
	if err != nil {
		return node{}, err
	}
	a, token := in.Account, in.Token
	me, _ := h.Of(a.ID)
	title, login, address := shown(in)
	rule := credential.Rules[cmp.Or(in.Found.Kind, credential.App)]
	fields := []field{
		{"id", device.Number(a.ID)}, {"uuid", a.ID}, {"username", login}, {"title", title}, {"email", address}, {"friendlyName", a.Name},
		{"locale", nil}, {"confirmed", a.EmailProved}, {"joinedAt", a.CreatedAt.Unix()}, {"emailOnlyAuth", a.UserName == "" && !isManaged(a)}, {"hasPassword", !a.NoPassword && !isManaged(a)},
		{"protected", me.Protected}, {"thumb", ""}, {"authToken", token.Reveal()}, {"authenticationToken", token.Reveal()},
		{"mailingListStatus", "inactive"}, {"mailingListActive", false}, {"scrobbleTypes", ""}, {"country", ""}, {"subscriptionDescription", nil},
		{"restricted", isManaged(a)}, {"anonymous", false}, {"home", me.ID != ""}, {"guest", false}, {"homeSize", int64(len(h.Joined()))}, {"homeAdmin", me.ID != "" && me.IsOwner()},
		{"maxHomeSize", int64(household.MostMembers + 1)}, {"rememberExpiresAt", c.door.Now().Add(cmp.Or(rule.Idle, rule.Life)).Unix()}, {"adsConsent", nil},
		{"adsConsentSetAt", nil}, {"adsConsentReminderAt", nil}, {"experimentalFeatures", false}, {"twoFactorEnabled", a.SecondFactor},
		{"backupCodesCreated", a.SecondFactor}, {"attributionPartner", nil}, {"certificateVersion", int64(1)}, {"queueEmail", ""}, {"secure", true},
		{"subscription", node{fields: []field{
			{"active", false}, {"subscribedAt", nil}, {"status", "Inactive"}, {"paymentService", nil}, {"plan", nil}, {"features", list{}},
		}}},
		{"profile", node{fields: []field{
			{"autoSelectAudio", true}, {"defaultAudioLanguage", nil}, {"defaultSubtitleLanguage", nil}, {"autoSelectSubtitle", int64(0)},
			{"defaultSubtitleAccessibility", int64(0)}, {"defaultSubtitleForced", int64(0)}, {"watchedIndicator", int64(0)}, {"mediaReviewsVisibility", int64(0)},
		}}},
		{"entitlements", list{}}, {"roles", list{}}, {"subscriptions", list{}}, {"services", list{}}, {"pastSubscriptions", list{}}, {"trials", list{}},
	}
	return node{name: "user", fields: fields}, nil
}

// userOld is the account with what older sign-ins say besides.
func (c *call) userOld(in signin.Admitted) (node, error) {
	n, err := c.user(in)
	if err != nil {
		return n, err
	}
	n.fields = append(n.fields,
		field{"authentication_token", in.Token.Reveal()}, field{"joined_at", in.Account.CreatedAt.UTC().Format(time.RFC3339)},
		field{"authentication-token", text{value: in.Token.Reveal()}})
	return n, nil
}

// ping tells whether the token counts, and that its device is in use.
func (d *Door) ping(c *call) error {
	if _, err := c.holder(); err != nil {
		return err
	}
	if c.json {
		return c.reply(200, node{plain: true, fields: []field{{"pong", true}}})
	}
	c.w.Header().Set("Content-Type", "application/xml")
	_, _ = c.w.Write([]byte(xmlBegin + "<pong>true</pong>\n")) // the reader may be gone
	return nil
}
