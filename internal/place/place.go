// Package place names the place of an IP address, from a data file that the operator provides. It refuses to ask anybody else, and
// without a file it knows no place.
package place

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Finder names places. The zero Finder knows none.
type Finder struct{ db *maxminddb.Reader }

// Open reads a data file in MaxMind's format (GeoLite2 City, DB-IP City Lite and their like). An empty path gives a Finder that knows no place.
func Open(path string) (*Finder, error) {
	if path == "" {
		return &Finder{}, nil
	}
	db, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the place data %s: %w", path, err)
	}
	return &Finder{db}, nil
}

// record is the part of an entry that is read.
type record struct {
	City    struct{ Names names } `maxminddb:"city"`
	Country struct{ Names names } `maxminddb:"country"`
}

type names struct {
	English string `maxminddb:"en"`
}

// Name returns "Lyon, France", "France", or an empty text. Addresses of private networks have no place.
func (f *Finder) Name(a netip.Addr) string {
	if f.db == nil || !a.IsValid() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return ""
	}
	var r record
	if err := f.db.Lookup(a).Decode(&r); err != nil {
		return ""
	}
	city, country := r.City.Names.English, r.Country.Names.English
	if city != "" && country != "" {
		return city + ", " + country
	}
	return city + country
}

// Close gives the file back.
func (f *Finder) Close() error {
	if f.db == nil {
		return nil
	}
	if err := f.db.Close(); err != nil {
		return errors.Join(errors.New("closing the place data"), err)
	}
	return nil
}
