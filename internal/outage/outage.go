// Package outage owns one error: not now, and through nobody's fault. What raises it changed nothing; doors answer it with 5xx, because
// players sign people out on anything else. It refuses to know what is out.
package outage

import "errors"

// Err says that something the service needs does not answer now.
var Err = errors.New("not available now")
