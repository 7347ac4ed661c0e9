package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/incident"
	"usher/internal/notice"
)

// incidentDone says on the next page what a form about an incident has done.
var incidentDone = map[string]string{
	"saved":     "Saved. Nothing has happened so far.",
	"discarded": "The draft is thrown away.",
	"declared":  "The incident is declared.",
	"proposed":  "The incident is proposed. It needs another administrator’s word.",
	"paused":    "The e-mails are paused. What is in the queue already still goes out.",
	"resumed":   "The e-mails go on.",
	"withdrawn": "The incident is withdrawn. Old passwords count again.",
}

func (d *Door) getAdminIncidents(w http.ResponseWriter, r *http.Request, v visitor) error {
	before := r.URL.Query().Get("before")
	if before != "" && !id.Valid(before) {
		return errNotFound
	}
	list, next, err := d.Incident.List(r.Context(), before)
	if err != nil {
		return err
	}
	p := AdminIncidentsPage{}
	if before == "" {
		drafts, err := d.Incident.Drafts(r.Context(), v.AccountID)
		if err != nil {
			return err
		}
		list = append(drafts, list...)
	} else {
		p.First = "/admin/incidents"
	}
	names, err := d.Incident.Names(r.Context(), list...)
	if err != nil {
		return err
	}
	for _, i := range list {
		p.Rows = append(p.Rows, d.incidentRow(i, v, names))
	}
	if next != "" {
		p.Next = pathWith("/admin/incidents", "before", next)
	}
	d.Pages.Page(w, r, http.StatusOK, "admin-incidents", Page{Person: v.header(), Notice: done(r, incidentDone), Data: p})
	return nil
}

func (d *Door) incidentRow(i incident.Incident, v visitor, names map[string]string) IncidentRow {
	by := cmp.Or(names[i.Actor], "an account that is gone")
	switch i.Actor {
	case audit.CLI:
		by = "the command line"
	case v.AccountID:
		by = "you"
	}
	return IncidentRow{
		ID: i.ID, Advises: i.Action == incident.Advise, Everybody: i.Scope == incident.All, State: i.Stands(d.Now()), By: by, Second: names[i.Second],
		Alone: i.Alone, Accounts: i.Covered, Made: i.CreatedAt, Declared: i.DeclaredAt, Ended: i.EndedAt,
	}
}

func (d *Door) getAdminIncidentNew(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := AdminIncidentNewPage{Action: string(incident.Require), Whom: string(incident.All), Parts: partFields(d.Incident.Parts(), nil), Path: "/admin/incidents/new"}
	d.Pages.Page(w, r, http.StatusOK, "admin-incident-new", Page{Person: v.header(), Nav: "admin-incidents", Data: p})
	return nil
}

// draftHandler lets administrators keep what they write even when their proof has become too old over it: it is kept first, and then they are
// asked, so that nothing written is lost.
func (d *Door) draftHandler() handler {
	return d.person(func(w http.ResponseWriter, r *http.Request, v visitor) error {
		if !v.Person.Admin {
			return errNotFound // as in administrator
		}
		if !v.Account.SecondFactor {
			return d.secondStepFirst(w, r, v)
		}
		i := incident.Incident{
			ID: r.PathValue("id"), Action: incident.Require, Scope: incident.All, Names: r.PostFormValue("names"),
		}
		if r.PostFormValue("action") == string(incident.Advise) {
			i.Action = incident.Advise
		}
		if r.PostFormValue("whom") == string(incident.List) {
			i.Scope = incident.List
		}
		for _, part := range notice.PartTitles {
			*i.Notice.At(part.Key) = r.PostFormValue(part.Key)
		}
		i, err := d.Incident.Save(r.Context(), v.AccountID, i)
		if err != nil {
			return err
		}
		page := "/admin/incidents/" + i.ID
		if d.Now().Sub(v.FreshAt) >= credential.Fresh {
			return to(w, r, "/sign-in/again?next="+url.QueryEscape(page))
		}
		return to(w, r, page+"?done=saved")
	})
}

func partFields(p notice.Parts, wrong []*notice.PartError) []PartField {
	var all []PartField
	for _, part := range p.List() {
		f := PartField{Name: part.Key, Label: part.Title, Value: part.Text}
		if !part.Required {
			f.Label += " (optional)"
		}
		if at := slices.IndexFunc(wrong, func(e *notice.PartError) bool { return e.Key == part.Key }); at >= 0 {
			f.Error = wrong[at].Sentence
		}
		all = append(all, f)
	}
	return all
}

// incidentProblem says why an incident cannot be what somebody pressed for.
func incidentProblem(err error) string {
	switch {
	case errors.Is(err, incident.ErrNobody):
		return "The list names nobody who has an account here."
	case errors.Is(err, incident.ErrOwnWord):
		return "You proposed this yourself. It needs the word of another administrator."
	case errors.Is(err, incident.ErrLapsed):
		return "This proposal is older than 24 hours. Propose it again if it is still needed."
	case errors.Is(err, incident.ErrState):
		return "Somebody else was faster: this incident is not in a state for that any more."
	case errors.As(err, new(*incident.NoticeError)):
		return "The notice cannot be sent like that. See below."
	}
	return ""
}
