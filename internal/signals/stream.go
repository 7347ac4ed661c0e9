package signals

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/stream"
	"usher/internal/transmitter"
)

// described is a stream as its reader sees it (SSF 1.0 §8.1.1). The header that is sent with pushes is not told again.
type described struct {
	ID          string         `json:"stream_id"`
	Issuer      string         `json:"iss"`
	Audience    string         `json:"aud"`
	Supported   []stream.Event `json:"events_supported"`
	Requested   []stream.Event `json:"events_requested"`
	Delivered   []stream.Event `json:"events_delivered"`
	Delivery    where          `json:"delivery"`
	Description string         `json:"description,omitempty"`
}

type where struct {
	Method   stream.Method `json:"method"`
	Endpoint string        `json:"endpoint_url"`
}

func (d *Door) described(s stream.Stream) described {
	to := where{s.Method(), s.Facts.Endpoint}
	if to.Endpoint == "" {
		to.Endpoint = d.Origin + pathPoll
	}
	return described{
		s.ID, d.Origin, s.ClientID, stream.Supported(), s.Events.List(), s.Events.List(), to, s.Facts.Description,
	}
}

// asked is what a reader says of its stream.
type asked struct {
	ID          string          `json:"stream_id"`
	Requested   *[]stream.Event `json:"events_requested"`
	Description *string         `json:"description"`
	Delivery    *struct {
		Method        stream.Method `json:"method"`
		Endpoint      *string       `json:"endpoint_url"`
		Authorization *string       `json:"authorization_header"`
	} `json:"delivery"`
}

func (a asked) wish() transmitter.Wish {
	w := transmitter.Wish{Events: a.Requested, Description: a.Description}
	if a.Delivery == nil {
		return w
	}
	w.Method, w.Endpoint = &a.Delivery.Method, a.Delivery.Endpoint
	if header := a.Delivery.Authorization; header != nil {
		token := secret.TokenOf(*header)
		w.Authorization = &token
	}
	return w
}

// read reads a body of one JSON object; members that nobody knows are passed over, and no body is an empty object.
func read(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	err := dec.Decode(into)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return nil
		}
	}
	return errBody
}

// named reads what is about one stream.
func named(r *http.Request) (a asked, err error) {
	if err = read(r, &a); err == nil && a.ID == "" {
		err = errNoID
	}
	return a, err
}

func (d *Door) createStream(w http.ResponseWriter, r *http.Request, c relyingparty.Client) error {
	var a asked
	if err := read(r, &a); err != nil {
		return err
	}
	s, err := d.Transmitter.Create(r.Context(), c, a.wish())
	if err != nil {
		return err
	}
	send(w, http.StatusCreated, d.described(s))
	return nil
}

func (d *Door) readStream(w http.ResponseWriter, r *http.Request, c relyingparty.Client) error {
	if streamID := r.URL.Query().Get("stream_id"); streamID != "" {
		s, err := d.Transmitter.Find(r.Context(), c, streamID)
		if err != nil {
			return err
		}
		send(w, http.StatusOK, d.described(s))
		return nil
	}
	all, err := d.Transmitter.List(r.Context(), c)
	if err != nil {
		return err
	}
	list := []described{}
	for _, s := range all {
		list = append(list, d.described(s))
	}
	send(w, http.StatusOK, list)
	return nil
}

func (d *Door) updateStream(w http.ResponseWriter, r *http.Request, c relyingparty.Client) error {
	a, err := named(r)
	if err != nil {
		return err
	}
	s, err := d.Transmitter.Change(r.Context(), c, a.ID, a.wish())
	if err != nil {
		return err
	}
	send(w, http.StatusOK, d.described(s))
	return nil
}

func (d *Door) replaceStream(w http.ResponseWriter, r *http.Request, c relyingparty.Client) error {
	a, err := named(r)
	if err != nil {
		return err
	}
	s, err := d.Transmitter.Replace(r.Context(), c, a.ID, a.wish())
	if err != nil {
		return err
	}
	send(w, http.StatusOK, d.described(s))
	return nil
}

func (d *Door) deleteStream(w http.ResponseWriter, r *http.Request, c relyingparty.Client) error {
	streamID := r.URL.Query().Get("stream_id")
	if streamID == "" {
		return errNoID
	}
	if err := d.Transmitter.Delete(r.Context(), c, streamID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// status is how a stream stands (SSF 1.0 §8.1.2).
type status struct {
	ID     string        `json:"stream_id"`
	Status stream.Status `json:"status"`
	Reason string        `json:"reason,omitempty"`
}

func (d *Door) readStatus(w http.ResponseWriter, r *http.Request, c relyingparty.Client) error {
	streamID := r.URL.Query().Get("stream_id")
	if streamID == "" {
		return errNoID
	}
	s, err := d.Transmitter.Find(r.Context(), c, streamID)
	if err != nil {
		return err
	}
	send(w, http.StatusOK, status{s.ID, s.Status, s.Facts.Reason})
	return nil
}

func (d *Door) updateStatus(w http.ResponseWriter, r *http.Request, c relyingparty.Client) error {
	var a status
	if err := read(r, &a); err != nil {
		return err
	}
	if a.ID == "" {
		return errNoID
	}
	s, err := d.Transmitter.SetStatus(r.Context(), c, a.ID, a.Status, a.Reason)
	if err != nil {
		return err
	}
	send(w, http.StatusOK, status{s.ID, s.Status, s.Facts.Reason})
	return nil
}

// verify has a stream carry something back (SSF 1.0 §8.1.4).
func (d *Door) verify(w http.ResponseWriter, r *http.Request, c relyingparty.Client) error {
	var a struct {
		ID    string `json:"stream_id"`
		State string `json:"state"`
	}
	if err := read(r, &a); err != nil {
		return err
	}
	if a.ID == "" {
		return errNoID
	}
	if err := d.Transmitter.Verify(r.Context(), c, a.ID, a.State); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
