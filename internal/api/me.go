package api

import (
	"errors"
	"net/http"

	"usher/internal/signin"
)

func (d *Door) me(w http.ResponseWriter, r *http.Request) error {
	in, err := d.caller(w, r)
	if errors.Is(err, signin.ErrCodeRequired) || errors.Is(err, signin.ErrWrongCode) { // another password will do, so it is asked for
		p := problemOf(err)
		p.status = http.StatusUnauthorized
		d.write(w, r, p)
		return nil
	}
	if err != nil {
		return err
	}
	told := personOf(in.Account)
	if in.Found.Origin != "" {
		told = switchedTo(in.Account)
	}
	send(w, http.StatusOK, "application/json", told)
	return nil
}
