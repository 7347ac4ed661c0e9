package web

import (
	"time"

	"usher/internal/incident"
	"usher/internal/notice"
)

// IncidentRow is one incident in a list.
type IncidentRow struct {
	ID        string
	Advises   bool // it only recommends
	Everybody bool // or a list
	State     incident.State
	By        string
	Second    string // who gave the second word; empty: nobody had to
	Alone     bool
	Accounts  int64
	Made      time.Time
	Declared  time.Time // zero: not yet
	Ended     time.Time // zero: it holds
}

// AdminIncidentsPage is "admin-incidents".
type AdminIncidentsPage struct {
	Rows  []IncidentRow
	Next  string
	First string
}

// PartField is one part of a notice in its form.
type PartField struct {
	Name, Label, Value, Error string
}

// AdminIncidentNewPage is "admin-incident-new"; it posts action, whom, names and the parts to Path.
type AdminIncidentNewPage struct {
	Action, Whom string
	Names        string // the list as typed
	Parts        []PartField
	Path         string
}

// AdminIncidentDraftPage is "admin-incident-draft". Its actions post to /admin/incidents/{id}/…; declaring posts count.
type AdminIncidentDraftPage struct {
	Form
	AdminIncidentNewPage
	ID        string
	Version   string // as it is shown here
	Advises   bool
	Everybody bool
	Ready     bool // it can be declared
	Accounts  int64
	Admins    int64
	Unknown   int64         // names of nobody
	Lines     []string      // numbers of their lines
	Shown     []notice.Part // as the page will show it
	Subject   string        // of the mail; empty: there is none to show
	Mail      string
}

// IncidentProgress is how far an incident has come.
type IncidentProgress struct {
	Covered, Mailed, Back, Waiting int64
	Declared, Told                 time.Time
	Holds, Paused, Listing         bool
	Path                           string // of the page that shows it
	BackWidth, MailedWidth         int64  // of the bar's barWidth
}

const barWidth = 1000

// bar says how wide the parts of the bar are: who is back, and who was told and is not.
func (p *IncidentProgress) bar() {
	total := max(1, p.Covered)
	p.BackWidth = min(p.Back, total) * barWidth / total
	p.MailedWidth = max(p.BackWidth, min(p.Mailed, total)*barWidth/total)
}

// AdminIncidentPage is "admin-incident". Its actions post to /admin/incidents/{id}/….
type AdminIncidentPage struct {
	Form
	IncidentRow
	Progress IncidentProgress
	Own      bool // the visitor declared or proposed it
	Parts    []notice.Part
	Rows     []AccountRow // who has not chosen a new password
	Next     string
	First    string
}

// ConsolePage is "console". Its buttons post to /incident/….
type ConsolePage struct {
	Form
	Progress      IncidentProgress
	ResetRequired bool // of the own account
}

// NoticePage is "notice-check"; it posts email and check.
type NoticePage struct {
	Form
	Email string
}

// NoticeRealPage is "notice-real": the mail is ours.
type NoticeRealPage struct {
	Parts     []notice.Part
	Sent      time.Time
	Withdrawn bool
	Advises   bool
}
