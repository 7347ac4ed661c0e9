package passkey

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"usher/internal/secret"
)

// Party is the relying party: the one origin, and the host in it that passkeys belong to. Host and origin are exact, no other page and no frame may ask.
type Party struct {
	id, origin, name string
	rules            *webauthn.WebAuthn
}

// NewParty returns the relying party of an origin such as https://usher.example.org, called as the service is. Passkeys belong to names: where the host is a
// number, or no name that WebAuthn takes (L3 §5.1.3), each question is ErrNoName.
func NewParty(origin, name string) (*Party, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, fmt.Errorf("reading the origin of passkeys: %w", err)
	}
	p := &Party{id: u.Hostname(), origin: origin, name: name}
	if protocol.ValidateRPID(p.id) != nil {
		return p, nil
	}
	p.rules, err = webauthn.New(&webauthn.Config{
		RPID: p.id, RPDisplayName: name, RPOrigins: []string{origin},
		// Some password managers tell of extensions that nobody asked for. We read none.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("setting passkeys up for %s: %w", origin, err)
	}
	return p, nil
}

// algorithms are those that authenticators may sign by, best liked first (RFC 9053 §2, RFC 8812 §2).
var algorithms = []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256}

func parameters() (all []protocol.CredentialParameter) {
	for _, alg := range algorithms {
		all = append(all, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: alg})
	}
	return all
}

// patience is how long a browser may wait for its user: a little less than the question counts.
const patience = 4 * time.Minute

// bytesOf spells bytes as WebAuthn's JSON does.
func bytesOf(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// challengeOf is a question's token as clients spell it: what is signed is the token's text.
func challengeOf(question secret.Token) string { return bytesOf([]byte(question.Reveal())) }

type entity struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	DisplayName string `json:"displayName,omitempty"`
}

type descriptor struct {
	Type       string   `json:"type"`
	ID         string   `json:"id"`
	Transports []string `json:"transports,omitempty"`
}

func descriptors(all []Passkey) []descriptor {
	out := make([]descriptor, 0, len(all))
	for _, p := range all {
		out = append(out, descriptor{string(protocol.PublicKeyCredentialType), bytesOf(p.Credential), p.Transports})
	}
	return out
}

type algorithm struct {
	Type      string `json:"type"`
	Algorithm int    `json:"alg"`
}

type creation struct {
	Party      entity         `json:"rp"`
	User       entity         `json:"user"`
	Challenge  string         `json:"challenge"`
	Algorithms []algorithm    `json:"pubKeyCredParams"`
	Timeout    int64          `json:"timeout"`
	Exclude    []descriptor   `json:"excludeCredentials"`
	Wanted     map[string]any `json:"authenticatorSelection"`
	Attest     string         `json:"attestation"`
}

type request struct {
	Challenge string       `json:"challenge"`
	Party     string       `json:"rpId"`
	Timeout   int64        `json:"timeout"`
	Allow     []descriptor `json:"allowCredentials"`
	Verify    string       `json:"userVerification"`
}

// Options are what a browser's script hands to the authenticator, as JSON (WebAuthn L3 §5.1.8 and §5.1.9). They hold the question: print them nowhere.
type Options struct{ text string }

// JSON returns the text.
func (o Options) JSON() []byte { return []byte(o.text) }

// String keeps the question out of logs.
func (Options) String() string { return "[redacted]" }

// creates asks for a new passkey that can be found without a name, and makes sure who holds it.
func (p *Party) creates(question secret.Token, handle []byte, name, shown string, have []Passkey) (Options, error) {
	ask := creation{
		Party: entity{ID: p.id, Name: p.name}, User: entity{bytesOf(handle), name, shown}, Challenge: challengeOf(question), Timeout: patience.Milliseconds(),
		Exclude: descriptors(have), Attest: string(protocol.PreferNoAttestation),
		Wanted: map[string]any{"residentKey": protocol.ResidentKeyRequirementRequired, "requireResidentKey": true, "userVerification": protocol.VerificationRequired},
	}
	for _, alg := range algorithms {
		ask.Algorithms = append(ask.Algorithms, algorithm{string(protocol.PublicKeyCredentialType), int(alg)})
	}
	text, err := json.Marshal(ask)
	return Options{string(text)}, err
}

// requests asks for one of some passkeys, or, where there are none to name, for any that the authenticator has for us.
func (p *Party) requests(question secret.Token, allow []Passkey, verify protocol.UserVerificationRequirement) (Options, error) {
	ask := request{Challenge: challengeOf(question), Party: p.id, Timeout: patience.Milliseconds(), Allow: descriptors(allow), Verify: string(verify)}
	text, err := json.Marshal(ask)
	return Options{string(text)}, err
}

// questionIn returns the question that an answer says it answers; empty when it names none.
func questionIn(clientData protocol.CollectedClientData) secret.Token {
	text, err := base64.RawURLEncoding.DecodeString(clientData.Challenge)
	if err != nil {
		return secret.Token{}
	}
	return secret.TokenOf(string(text))
}

// readNew reads an answer about a new passkey.
func readNew(text string) (*protocol.ParsedCredentialCreationData, error) {
	if len(text) > longestAnswer {
		return nil, ErrWrong
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes([]byte(text))
	if err != nil {
		return nil, wrong(err)
	}
	return answer, nil
}

func readAnswer(text string) (*protocol.ParsedCredentialAssertionData, error) {
	if len(text) > longestAnswer {
		return nil, ErrWrong
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes([]byte(text))
	if err != nil {
		return nil, wrong(err)
	}
	return answer, nil
}

// wrong says that an answer does not count, and not more: what the library tells besides may hold the question.
func wrong(err error) error {
	if err == nil {
		return nil
	}
	told := new(protocol.Error)
	if errors.As(err, &told) {
		return fmt.Errorf("%w: %s", ErrWrong, told.Type)
	}
	return ErrWrong
}

// holder is an account as the library asks for it.
type holder struct {
	handle []byte
	has    []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return h.handle }
func (h holder) WebAuthnName() string                       { return "" }
func (h holder) WebAuthnDisplayName() string                { return "" }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.has }

// created checks an answer about a new passkey by every step of WebAuthn L3 §7.1, and returns the passkey. Attestations are not asked for; of those that come
// nevertheless only the empty one and one by the passkey itself are read.
func (p *Party) created(question secret.Token, handle []byte, answer *protocol.ParsedCredentialCreationData) (Passkey, error) {
	if answer.Response.CollectedClientData.Origin != p.origin {
		return Passkey{}, fmt.Errorf("%w: of another origin", ErrWrong)
	}
	object := answer.Response.AttestationObject
	if _, certified := object.AttStatement["x5c"]; certified || object.Format != string(protocol.AttestationFormatNone) && object.Format != string(protocol.AttestationFormatPacked) {
		return Passkey{}, fmt.Errorf("%w: an attestation that nobody asked for", ErrWrong)
	}
	made, err := p.rules.CreateCredential(holder{handle: handle}, webauthn.SessionData{
		Challenge: challengeOf(question), UserID: handle, UserVerification: protocol.VerificationRequired, CredParams: parameters(),
	}, answer)
	switch {
	case err != nil && !object.AuthData.Flags.HasUserVerified():
		return Passkey{}, ErrUnverified
	case err != nil:
		return Passkey{}, wrong(err)
	case len(made.ID) == 0 || len(made.ID) > LongestID:
		return Passkey{}, fmt.Errorf("%w: its id has %d bytes", ErrWrong, len(made.ID))
	}
	said := make([]string, 0, len(made.Transport))
	for _, t := range made.Transport {
		said = append(said, string(t))
	}
	return Passkey{
		Credential: made.ID, UserHandle: handle, PublicKey: made.PublicKey, Counter: int64(made.Authenticator.SignCount),
		Eligible: made.Flags.BackupEligible, BackedUp: made.Flags.BackupState, AAGUID: aaguidOf(made.Authenticator.AAGUID), Transports: tameTransports(said),
	}, nil
}

// aaguidOf spells an AAGUID; empty where the authenticator does not tell it.
func aaguidOf(raw []byte) string {
	text := hex.EncodeToString(raw)
	if strings.Trim(text, "0") == "" {
		return ""
	}
	return text
}

// use is what an answer tells of its authenticator.
type use struct {
	counter            int64
	backedUp, verified bool
}

// used checks an answer of a passkey by every step of WebAuthn L3 §7.2. What follows from a counter that went back, and
// from a user who was not verified, is the caller's. ErrWrong.
func (p *Party) used(question secret.Token, key Passkey, answer *protocol.ParsedCredentialAssertionData) (use, error) {
	flags := answer.Response.AuthenticatorData.Flags
	u := use{counter: int64(answer.Response.AuthenticatorData.Counter), backedUp: flags.HasBackupState(), verified: flags.HasUserVerified()}
	if answer.Response.CollectedClientData.Origin != p.origin {
		return u, fmt.Errorf("%w: of another origin", ErrWrong)
	}
	who := holder{handle: key.UserHandle, has: []webauthn.Credential{{
		ID: key.Credential, PublicKey: key.PublicKey, Flags: webauthn.CredentialFlags{BackupEligible: key.Eligible, BackupState: key.BackedUp},
	}}}
	session := webauthn.SessionData{Challenge: challengeOf(question), UserID: key.UserHandle, UserVerification: protocol.VerificationPreferred}
	if _, err := p.rules.ValidateLogin(who, session, answer); err != nil {
		return u, wrong(err)
	}
	return u, nil
}
