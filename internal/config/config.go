// Package config owns what an operator can set about the service: the one struct with every setting, where values come
// from (flags, environment, file, defaults), the rules they keep, and their documentation. It refuses to know what the
// values are used for, opens nothing but the configuration file and the files that USHER_…_FILE names, and reads no clock.
package config

import (
	"log/slog"
	"net/netip"
	"time"

	"usher/internal/secret"
)

// SignUp says who may create an account.
type SignUp string

// The three ways of SignUp.
const (
	SignUpOpen       SignUp = "open"
	SignUpInvitation SignUp = "invitation"
	SignUpClosed     SignUp = "closed"
)

// Switch turns something on or off.
type Switch string

// The two ways of Switch.
const (
	On  Switch = "on"
	Off Switch = "off"
)

// TLSMode says how the connection to the mail server is protected.
type TLSMode string

// The three ways of TLSMode; TLSNone is refused for any server that is not this machine.
const (
	TLSStart    TLSMode = "starttls"
	TLSImplicit TLSMode = "implicit"
	TLSNone     TLSMode = "none"
)

// LogFormat says how log lines are written.
type LogFormat string

// The two ways of LogFormat.
const (
	LogJSON LogFormat = "json"
	LogText LogFormat = "text"
)

// Config is every setting of the service. The tags are the documentation: flags, environment variables, the file's keys
// and docs/configuration.md are all made from them. A group tag holds until the next one; zero says what an empty or
// zero value means.
type Config struct {
	Origin         string         `key:"origin" group:"Address" default:"http://localhost:8484" value:"URL" help:"The address people type. Links in mails start with it. It has to be https unless it is this machine. Where only listen is set, its port is meant."`
	Hosts          []string       `key:"hosts" value:"HOST" help:"Further host names to answer, besides the one in origin. Without a port, origin's port is meant."`
	Listen         string         `key:"listen" default:"localhost:8484" value:"HOST:PORT" help:"Where the service listens. Without a host (:8484) it listens on every network."`
	TLSCertificate string         `key:"tls_certificate" zero:"plain http" value:"FILE" help:"Certificate chain (PEM) when the service answers https itself. Needs tls_key."`
	TLSKey         string         `key:"tls_key" zero:"plain http" value:"FILE" help:"Private key (PEM) that belongs to tls_certificate."`
	TrustedProxies []netip.Prefix `key:"trusted_proxies" value:"NETWORK" help:"Networks of the proxies in front, such as 10.0.0.0/8. X-Forwarded-For and X-Forwarded-Proto are believed from these and from nobody else."`
	ShutdownWait   time.Duration  `key:"shutdown_wait" default:"15s" value:"TIME" help:"How long running requests may take to finish when the service is asked to stop."`

	OperationsListen string     `key:"operations_listen" group:"Operations" default:"localhost:8485" value:"HOST:PORT" help:"Where metrics, health and the outbox are shown. Only this machine is allowed."`
	LogLevel         slog.Level `key:"log_level" default:"info" enum:"debug,info,warn,error" value:"LEVEL" help:"The least important lines to log."`
	LogFormat        LogFormat  `key:"log_format" default:"json" enum:"json,text" value:"FORMAT" help:"How log lines are written."`

	Data                string       `key:"data" group:"Data" default:"usher-data" value:"FOLDER" help:"The folder for the database and the key ring. It is made at the first start."`
	Database            secret.Token `key:"database" zero:"usher.db in data" value:"URL" help:"sqlite:PATH for a file, or postgres://USER:PASSWORD@HOST/NAME."`
	DatabaseConnections int          `key:"database_connections" default:"0" zero:"4 for each core, at least 16" value:"COUNT" help:"Most connections to PostgreSQL at once, for this node."`
	KeyRing             string       `key:"key_ring" zero:"keyring.json in data" value:"FILE" help:"The keys that open the database. Keep its backup away from the database's backup."`

	Name              string `key:"name" group:"Accounts" default:"Usher" value:"TEXT" help:"What pages and mails call the service."`
	Contact           string `key:"contact" zero:"none" value:"ADDRESS" help:"E-mail address or web page shown on the help pages for people who need you."`
	SignUp            SignUp `key:"sign_up" default:"open" enum:"open,invitation,closed" value:"WHO" help:"Who may create an account: everybody, people with an invitation, or nobody."`
	PlexAPI           Switch `key:"plex_api" default:"on" enum:"on,off" value:"SWITCH" help:"Whether players and tools that speak the plex.tv wire API are answered."`
	PlaceData         string `key:"place_data" zero:"no places" value:"FILE" help:"MaxMind-format file that gives the place of a sign-in its name."`
	PasswordMinLength int    `key:"password_min_length" default:"8" value:"COUNT" help:"Fewest characters of a password, from 8 to 15."`
	LinkCodeLongest   int    `key:"link_code_longest" default:"7" value:"COUNT" help:"Most characters of the short code a TV shows, from 4 to 7. It has four while few TVs wait, and one more each time many do. With 4, guessing gets easier while thousands wait. Below 7, a network whose places are taken is given no more codes."`
	LinkSameNetwork   Switch `key:"link_same_network" default:"off" enum:"on,off" value:"SWITCH" help:"Whether a TV is let in only by somebody who is in its network, or was within 30 days. With on, the long code and the picture do not work from a phone on mobile data either."`
	PasswordBlocklist string `key:"password_blocklist" zero:"none" value:"FILE" help:"Filter of leaked passwords to refuse, made by usher blocklist build."`
	PasswordWords     string `key:"password_words" zero:"none" value:"FILE" help:"Text file of further passwords to refuse, one on a line."`

	Argon2Memory int `key:"argon2_memory" group:"Password hashing" default:"19456" value:"KIB" help:"Memory of one password hash (argon2id) in KiB. The least allowed is 47104 with one pass, 19456 with two, 12288 with three or more."`
	Argon2Passes int `key:"argon2_passes" default:"2" value:"COUNT" help:"Passes of one password hash over its memory, from 1 to 16."`
	HashSlots    int `key:"hash_slots" default:"0" zero:"one for each core" value:"COUNT" help:"Password hashes computed at the same time. Each keeps argon2_memory."`

	SMTPServer    string       `key:"smtp_server" group:"Mail" zero:"mail waits in the outbox" value:"HOST:PORT" help:"The mail server that takes our mail."`
	SMTPTLS       TLSMode      `key:"smtp_tls" default:"starttls" enum:"starttls,implicit,none" value:"MODE" help:"How the connection to it is protected. none is allowed only for this machine."`
	SMTPUser      string       `key:"smtp_user" zero:"no sign-in" value:"NAME" help:"User name at the mail server. Needs smtp_password."`
	SMTPPassword  secret.Token `key:"smtp_password" zero:"no sign-in" value:"TEXT" help:"Password at the mail server. USHER_SMTP_PASSWORD_FILE is the safe way: a flag can be read in the list of processes."`
	MailFrom      string       `key:"mail_from" default:"Usher <usher@localhost>" value:"ADDRESS" help:"Sender of mails people wait for, such as codes and resets."`
	NoticeFrom    string       `key:"notice_from" zero:"mail_from" value:"ADDRESS" help:"Sender of mails that tell what happened, such as a new device."`
	MailPerMinute int          `key:"mail_per_minute" default:"600" value:"COUNT" help:"Most mails sent in a minute, by this node."`

	GoogleClientID       string       `key:"google_client_id" group:"Other ways in" zero:"no button" value:"ID" help:"Client id of this service at Google. With it and google_client_secret people can sign in with Google."`
	GoogleClientSecret   secret.Token `key:"google_client_secret" zero:"no button" value:"TEXT" help:"The secret that Google gave. USHER_GOOGLE_CLIENT_SECRET_FILE is the safe way."`
	GoogleIssuer         string       `key:"google_issuer" default:"https://accounts.google.com" value:"URL" help:"Where Google is. Another value is for tests."`
	AppleClientID        string       `key:"apple_client_id" zero:"no button" value:"ID" help:"Services ID of this service at Apple. With it and the three settings below people can sign in with Apple."`
	AppleTeamID          string       `key:"apple_team_id" zero:"no button" value:"ID" help:"Team id of the Apple developer account: ten letters and digits."`
	AppleKeyID           string       `key:"apple_key_id" zero:"no button" value:"ID" help:"Id of the key for Sign in with Apple."`
	AppleKey             secret.Token `key:"apple_key" lines:"several" zero:"no button" value:"TEXT" help:"The key itself, as the .p8 file has it; USHER_APPLE_KEY_FILE names that file. Secrets are made from it as they are needed."`
	AppleIssuer          string       `key:"apple_issuer" default:"https://appleid.apple.com" value:"URL" help:"Where Apple is. Another value is for tests."`
	FacebookClientID     string       `key:"facebook_client_id" zero:"no button" value:"ID" help:"App id of this service at Facebook. With it and facebook_client_secret people can sign in with Facebook."`
	FacebookClientSecret secret.Token `key:"facebook_client_secret" zero:"no button" value:"TEXT" help:"The app secret. USHER_FACEBOOK_CLIENT_SECRET_FILE is the safe way."`
	FacebookDialog       string       `key:"facebook_dialog" default:"https://www.facebook.com/v24.0/dialog/oauth" value:"URL" help:"Facebook's page that asks people. Another value is for tests, or for a newer version."`
	FacebookGraph        string       `key:"facebook_graph" default:"https://graph.facebook.com/v24.0" value:"URL" help:"Where Facebook answers programs. Another value is for tests, or for a newer version."`
	OutsideSecondStep    Switch       `key:"outside_second_step" default:"off" enum:"on,off" value:"SWITCH" help:"Whether people who have a second step are asked for its code also after signing in with Google, Apple, Facebook or another issuer. With off, each decides for the own account."`

	// clients and issuers are the entries of the file, which have no flags and no variables.
	clients []Client
	issuers []Issuer
	// sources says, by key, where each value that is not a default was given.
	sources map[string]string
}

// Default returns the settings of a start with no flag, no variable and no file; they keep every rule of Validate.
func Default() Config {
	var c Config
	service.defaults(&c)
	return c
}

// defaults sets the fields of c, a pointer to the program's struct, to their defaults.
func (p program) defaults(c any) {
	for _, s := range p.settings() {
		if s.preset == "" {
			continue
		}
		if err := s.decode(c, []string{s.preset}); err != nil {
			panic("config: default of " + s.key + " " + err.Error())
		}
	}
}
