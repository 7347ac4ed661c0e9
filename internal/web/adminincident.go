package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/secret"
)

// getAdminIncident shows the own draft with what it would do, or how far a declared incident has come.
func (d *Door) getAdminIncident(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.adminIncidentPage(w, r, http.StatusOK, Form{}, v)
}

func (d *Door) adminIncidentPage(w http.ResponseWriter, r *http.Request, status int, form Form, v visitor) error {
	number := r.PathValue("id")
	if !id.Valid(number) {
		return errNotFound
	}
	draft, err := d.Incident.Draft(r.Context(), v.AccountID, number)
	if err == nil {
		return d.draftPage(w, r, status, form, v, draft)
	}
	if !errors.Is(err, incident.ErrNotFound) {
		return err
	}
	p, err := d.progress(r, number, "/admin/incidents/"+number)
	if err != nil {
		return err
	}
	names, err := d.Incident.Names(r.Context(), p.incident)
	if err != nil {
		return err
	}
	page := AdminIncidentPage{Form: form, IncidentRow: d.incidentRow(p.incident, v, names), Progress: p.Progress, Own: p.incident.Actor == v.AccountID, Parts: p.incident.Notice.List()}
	after := r.URL.Query().Get("after")
	if after != "" && !id.Valid(after) {
		return errNotFound
	}
	if p.incident.Epoch > 0 {
		if err := d.waiting(r, &page, p.incident, after); err != nil {
			return err
		}
	}
	d.Pages.Page(w, r, status, "admin-incident", Page{Person: v.header(), Nav: "admin-incidents", Notice: done(r, incidentDone), Data: page})
	return nil
}

// waiting fills in who has not chosen a new password yet.
func (d *Door) waiting(r *http.Request, p *AdminIncidentPage, i incident.Incident, after string) error {
	who, next, err := d.Incident.Who(r.Context(), i, after)
	if err != nil {
		return err
	}
	path := "/admin/incidents/" + i.ID
	for _, a := range who {
		p.Rows = append(p.Rows, AccountRow{ID: a.ID, Name: a.Name, UserName: a.UserName, Address: a.Email, State: string(a.State), Admin: a.Admin, Created: a.CreatedAt})
	}
	if next != "" {
		p.Next = pathWith(path, "after", next)
	}
	if after != "" {
		p.First = path
	}
	return nil
}

func (d *Door) draftPage(w http.ResponseWriter, r *http.Request, status int, form Form, v visitor, i incident.Incident) error {
	p := AdminIncidentDraftPage{Form: form, Advises: i.Action == incident.Advise, Everybody: i.Scope == incident.All}
	p.AdminIncidentNewPage = AdminIncidentNewPage{Action: string(i.Action), Whom: string(i.Scope), Names: i.Names, Path: "/admin/incidents/" + i.ID + "/draft"}
	p.ID, p.Version = i.ID, incident.Version(i)
	draft, named, err := d.Incident.Prepared(r.Context(), i, secret.Token{})
	if err != nil {
		return err
	}
	counts, err := d.Incident.Preview(r.Context(), draft)
	unfit := new(incident.NoticeError)
	switch {
	case errors.As(err, &unfit):
		p.AdminIncidentNewPage.Parts = partFields(i.Notice, unfit.Parts)
	case err != nil && !errors.Is(err, incident.ErrNobody):
		return err
	default:
		p.AdminIncidentNewPage.Parts = partFields(i.Notice, nil)
	}
	if err != nil && p.Problem == "" {
		p.Problem = incidentProblem(err)
	}
	p.Ready, p.Accounts, p.Admins = err == nil, counts.Accounts, counts.Admins
	p.Unknown = named.Unknown
	for _, line := range named.Lines[:min(len(named.Lines), mostLines)] {
		p.Lines = append(p.Lines, strconv.Itoa(line))
	}
	p.Shown = noticeParts(i.Notice)
	if p.Subject, p.Mail, err = d.Incident.Letter(i); err != nil {
		return err
	}
	d.Pages.Page(w, r, status, "admin-incident-draft", Page{Person: v.header(), Nav: "admin-incidents", Notice: done(r, incidentDone), Data: p})
	return nil
}

// mostLines is how many lines with names of nobody a page lists.
const mostLines = 20

// postAdminIncident does one thing to an incident.
func (d *Door) postAdminIncident(w http.ResponseWriter, r *http.Request, v visitor) error {
	number := r.PathValue("id")
	if !id.Valid(number) {
		return errNotFound
	}
	page := "/admin/incidents/" + number
	said := ""
	var err error
	switch r.PathValue("act") {
	case "declare":
		return d.declare(w, r, v, number)
	case "confirm":
		return d.confirmIncident(w, r, v, number)
	case "discard":
		page, said, err = "/admin/incidents", "discarded", d.Incident.Discard(r.Context(), v.AccountID, number)
	case "pause":
		said, err = "paused", d.Incident.Pause(r.Context(), v.AccountID, number)
	case "resume":
		said, err = "resumed", d.Incident.Resume(r.Context(), v.AccountID, number)
	case "withdraw":
		return d.withdraw(w, r, v, number)
	default:
		return errNotFound
	}
	if problem := incidentProblem(err); err != nil && problem != "" {
		return d.adminIncidentPage(w, r, http.StatusConflict, Form{Problem: problem}, v)
	}
	if err != nil {
		return err
	}
	return to(w, r, pathWith(page, "done", said))
}

// declare declares the own draft, when the number of accounts was typed. What it ends includes the declaring browser's own sign-in; a ticket of
// the new epoch takes its place.
func (d *Door) declare(w http.ResponseWriter, r *http.Request, v visitor, number string) error {
	i, err := d.Incident.Draft(r.Context(), v.AccountID, number)
	if err != nil {
		return err
	}
	if r.PostFormValue("version") != incident.Version(i) {
		return d.adminIncidentPage(w, r, http.StatusConflict, Form{Problem: "Nothing was declared: this draft was changed after you looked at it. Look at it again."}, v)
	}
	console := secret.NewToken()
	draft, _, err := d.Incident.Prepared(r.Context(), i, console)
	if err != nil {
		return err
	}
	counts, err := d.Incident.Preview(r.Context(), draft)
	if err != nil {
		return d.refuseIncident(w, r, v, err)
	}
	if !typedCount(r, counts.Accounts) {
		var form Form
		form.Refuse("count", "Nothing was declared: that is not the number of accounts.")
		return d.draftPage(w, r, http.StatusUnprocessableEntity, form, v, i)
	}
	declared, err := d.Incident.Declare(r.Context(), v.AccountID, draft)
	if err != nil {
		return d.refuseIncident(w, r, v, err)
	}
	said := "declared"
	if declared.State == incident.Proposed {
		said = "proposed"
	}
	return d.toConsole(w, r, declared, console, said)
}

// typedCount reports whether somebody has typed a number of accounts, as people write numbers.
func typedCount(r *http.Request, n int64) bool {
	return strings.NewReplacer(",", "", ".", "", " ", "").Replace(r.PostFormValue("count")) == strconv.FormatInt(n, 10)
}

// withdraw withdraws an incident. Where that lets old passwords count again, the number of accounts must have been typed.
func (d *Door) withdraw(w http.ResponseWriter, r *http.Request, v visitor, number string) error {
	s, err := d.Incident.Status(r.Context(), number)
	if err != nil {
		return err
	}
	if s.Holds() && s.Action == incident.Require && !typedCount(r, s.Covered) {
		var form Form
		form.Refuse("count", "Nothing was withdrawn: that is not the number of accounts.")
		return d.adminIncidentPage(w, r, http.StatusUnprocessableEntity, form, v)
	}
	if err := d.Incident.Withdraw(r.Context(), v.AccountID, number); err != nil {
		return d.refuseIncident(w, r, v, err)
	}
	return to(w, r, pathWith("/admin/incidents/"+number, "done", "withdrawn"))
}

func (d *Door) refuseIncident(w http.ResponseWriter, r *http.Request, v visitor, err error) error {
	if problem := incidentProblem(err); problem != "" {
		return d.adminIncidentPage(w, r, http.StatusConflict, Form{Problem: problem}, v)
	}
	return err
}

func (d *Door) confirmIncident(w http.ResponseWriter, r *http.Request, v visitor, number string) error {
	console := secret.NewToken()
	declared, err := d.Incident.Confirm(r.Context(), v.AccountID, number, console)
	if err != nil {
		return d.refuseIncident(w, r, v, err)
	}
	return d.toConsole(w, r, declared, console, "declared")
}

// toConsole leads to the progress: by the ticket where the declaration ended this browser's own sign-in.
func (d *Door) toConsole(w http.ResponseWriter, r *http.Request, i incident.Incident, console secret.Token, said string) error {
	if _, err := d.Resolver.Resolve(r.Context(), credential.Console, console); err == nil {
		d.setCookie(w, cookieConsole, console, credential.Rules[credential.Console].Life)
		d.dropCookie(w, cookieBrowser)
		return to(w, r, pathWith(consolePath, "done", said))
	}
	return to(w, r, pathWith("/admin/incidents/"+i.ID, "done", said))
}

// progressed is an incident with how far it has come.
type progressed struct {
	incident incident.Incident
	Progress IncidentProgress
}

func (d *Door) progress(r *http.Request, number, path string) (progressed, error) {
	s, err := d.Incident.Status(r.Context(), number)
	if err != nil {
		return progressed{}, err
	}
	p := IncidentProgress{Covered: s.Covered, Mailed: s.Mailed, Back: s.Back(), Waiting: s.Waiting, Declared: s.DeclaredAt, Told: s.ToldAt, Path: path,
		Holds: s.Holds(), Paused: s.Paused, Listing: s.State == incident.Listing}
	p.bar()
	return progressed{s.Incident, p}, nil
}

// noticeParts are the parts of a notice with something in them.
func noticeParts(p notice.Parts) (some []notice.Part) {
	for _, part := range p.List() {
		if strings.TrimSpace(part.Text) != "" {
			some = append(some, part)
		}
	}
	return some
}
