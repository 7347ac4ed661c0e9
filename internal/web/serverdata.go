package web

import (
	"html/template"
	"time"

	"usher/internal/mediaserver"
)

// ClaimPage is "claim"; its forms post user_code to /claim, and nothing to /claim/token.
type ClaimPage struct {
	Form
	Code string // as it came with the address, or as typed
}

// ClaimTokenPage is "claim-token", which is shown once.
type ClaimTokenPage struct {
	Token   string
	Until   time.Time
	Arrival Arrival
}

// Arrival is what has been claimed since a moment.
type Arrival struct {
	Since   int64 // in seconds
	Going   bool  // it may still come
	Servers []Newcomer
}

// Newcomer is a server that was claimed.
type Newcomer struct {
	Server
	Again bool // it was the account's before
}

// Path is the page that shows it.
func (a Arrival) Path() string { return arrivalPath(a.Since) }

// ArrivalPage is "claim-arrival".
type ArrivalPage struct{ Arrival }

// ClaimConfirmPage is "claim-confirm"; it posts request and, when asked, code or password. Denying posts request.
type ClaimConfirmPage struct {
	Form
	Request         string
	Server, Product string // as it calls itself
	Owner           string // whose it will be
	Code            string // that was typed
	Place           string
	Asked           time.Time
	Minutes         int  // that the code still works
	Elsewhere       bool // it asks from none of the account's networks
	Wait            bool // the pause before such a one can be confirmed is not over
	First           bool // the page that asks for the password comes between, and back to this one
	AskProof        bool // a proof is asked here
	SecondStep      bool // and it is the second step's code, else the password
	Login           string
}

// Server is a media server that belongs to an account.
type Server struct {
	ID, Name, Product, Version string
	Light                      string // on, off or suspended
	Why                        string // of a suspended one, as a sentence
	Since                      time.Time
	Seen                       time.Time
	Claimed                    time.Time
	Place                      string // from where it was claimed
	Addresses                  []ServerAddress
}

// Suspended tells whether it lets nobody in until it is brought back.
func (s Server) Suspended() bool { return s.Light == lightSuspended }

// Path is the server's own page; its acts post below it.
func (s Server) Path() string { return "/servers/" + s.ID }

// Open tells whether nobody has confirmed any address yet.
func (s Server) Open() bool {
	for _, a := range s.Addresses {
		if a.Confirmed {
			return false
		}
	}
	return true
}

// ServerAddress is where a server may be reached.
type ServerAddress struct {
	URL       string
	Confirmed bool
}

// ServersPage is "servers".
type ServersPage struct {
	Servers []Server // those that wait for their owner first
	Invited []SharedServer
	Shared  []SharedServer
	Plain   []Device // media servers that were claimed by players' tools, and hold a token only
	Waiting int
	Settled int // of those that wait, how many can be brought back together
}

// ServerPage is "server". Its acts post to /servers/{id}/….
type ServerPage struct {
	Form
	Server
	Address string // as typed
	Guests  []Guest
	Full    bool         // nobody more can be let in
	Types   bool         // owner and household may type the account's own password there
	InHome  bool         // the owner is in a Home
	Home    []HomeMember // of which these are let in
	HomeAll bool         // which are all
}

// ServerPasswordPage is "server-password"; it posts name, directory and the fields of Proof.
type ServerPasswordPage struct {
	Form
	Proof
	ID, Server string
	Owner      bool // it is the visitor's own
	Types      bool // the visitor may type the account's own password there, too
	Name       string
	Directory  bool
	Made       []AppPassword
	QR         template.HTML
}

// ServerPasswordMadePage is "server-password-made", which is shown once.
type ServerPasswordMadePage struct {
	ID, Server, Name string
	Addresses        []string
	Login            string // what to type beside the password
	ByNumber         bool   // that is the account's number: there is no user name, and the address is not proved
	Password         string
	// BindName is that for a media server's own password, as LDAP wants it, and Base below which name people are found; both empty for every other one.
	BindName, Base string
}

// Guest is somebody whom the owner of a server lets in.
type Guest struct {
	ID, Label string
	Household bool
	Ends      time.Time // zero: no end
	Ended     bool
	Invited   time.Time // the last time
	Lapsed    bool      // the invitation is too old
	Came      bool
	Called    string    // user name of who came; may be empty
	Seen      time.Time // when they were there last; zero: not known
}

// ServerTerms is the part of a form that says as what somebody is let in: household, until.
type ServerTerms struct {
	Form
	Household   bool
	Until       string // as typed
	First, Last string // the days that may be chosen, such as 2027-01-31
}

// ServerAccessPage is "server-access"; it posts who and the fields of ServerTerms and Proof.
type ServerAccessPage struct {
	ServerTerms
	Proof
	ID, Name string
	Who      string // as typed
}

// ServerGuestPage is "server-guest"; it posts line and the fields of ServerTerms and Proof.
type ServerGuestPage struct {
	ServerTerms
	Proof
	ID, Name string
	Guest    Guest
}

// SharedServer is a server of somebody else's that a person may use, or where they are invited.
type SharedServer struct {
	ID, Name  string
	Owner     string // user name; may be empty
	Household bool
	Ends      time.Time // zero: no end
	Closed    bool      // it is suspended
	Addresses []string  // that its owner confirmed
}

// Path is where its acts post.
func (s SharedServer) Path() string { return "/servers/" + s.ID }

// InvitationPath is the page about the invitation to it; its acts post below.
func (s SharedServer) InvitationPath() string { return mediaserver.InvitationPath(s.ID) }

// InvitationToServerPage is "server-invitation". Accepting and declining post to Server's InvitationPath.
type InvitationToServerPage struct {
	Out     bool // nobody is signed in: nothing of the server is shown, and Server has its id alone
	In      bool // it was accepted
	Server  SharedServer
	Gets    []string // what the server learns, each as the end of "It"
	Called  string
	Address string
}
