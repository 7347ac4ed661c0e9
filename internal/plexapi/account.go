package plexapi

import (
	"cmp"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/secret"
)

// mostInHome is how many people a Home may have.
const mostInHome = 15

// user is an account as clients want it: strict ones refuse it with a field missing, so what has no meaning here is null, no, or empty. The hash
// of a Home's PIN that the original has is left out: four digits behind a fast hash are no secret.
func (d *Door) user(c *call) error {
	in, err := c.holder()
	if err != nil {
		return err
	}
	return c.reply(200, d.userOf(in.Account, in.Found.Kind, in.Token))
}

func (d *Door) userOf(a account.Account, kind credential.Kind, token secret.Token) node {
	rule := credential.Rules[kind]
	fields := []field{
		{"id", device.Number(a.ID)}, {"uuid", a.ID}, {"username", a.Login()}, {"title", a.Called()}, {"email", a.Email}, {"friendlyName", a.Name},
		{"locale", nil}, {"confirmed", a.EmailProved}, {"joinedAt", a.CreatedAt.Unix()}, {"emailOnlyAuth", a.UserName == ""}, {"hasPassword", true},
		{"protected", false}, {"thumb", ""}, {"authToken", token.Reveal()}, {"authenticationToken", token.Reveal()},
		{"mailingListStatus", "inactive"}, {"mailingListActive", false}, {"scrobbleTypes", ""}, {"country", ""}, {"subscriptionDescription", nil},
		{"restricted", false}, {"anonymous", false}, {"home", false}, {"guest", false}, {"homeSize", int64(1)}, {"homeAdmin", false},
		{"maxHomeSize", int64(mostInHome)}, {"rememberExpiresAt", d.Now().Add(cmp.Or(rule.Idle, rule.Life)).Unix()}, {"adsConsent", nil},
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
	return node{name: "user", fields: fields}
}

// userOld is the account with what older sign-ins say besides.
func (d *Door) userOld(a account.Account, kind credential.Kind, token secret.Token) node {
	n := d.userOf(a, kind, token)
	n.fields = append(n.fields,
		field{"authentication_token", token.Reveal()}, field{"joined_at", a.CreatedAt.UTC().Format(time.RFC3339)},
		field{"authentication-token", text{value: token.Reveal()}})
	return n
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
