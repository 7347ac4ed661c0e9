package request

// Refusals name why a request was turned away before a door saw it. A door that
// renders the error page chooses its words by them; they are safe to log.
const (
	// RefusedInternal is a failure of ours: something panicked.
	RefusedInternal = "internal"
	// RefusedHost is a Host header this service does not answer to.
	RefusedHost = "host"
	// RefusedProxy is a proxied request while the setting trusted_proxies is empty; Facts.Client is the proxy's address.
	RefusedProxy = "proxy"
	// RefusedMethod is an HTTP method that nothing here uses.
	RefusedMethod = "method"
	// RefusedTarget is a path or query with NUL, control characters, broken escapes or text that is not UTF-8.
	RefusedTarget = "target"
	// RefusedCrossOrigin is a state-changing request sent by another website's page.
	RefusedCrossOrigin = "cross-origin"
	// RefusedSize is a body larger than we read.
	RefusedSize = "size"
	// RefusedBody is a body that broke off or could not be read.
	RefusedBody = "body"
	// RefusedContentType is a body that is not an ordinary HTML form.
	RefusedContentType = "content-type"
	// RefusedForm is a form with broken escapes, NUL, text that is not UTF-8, or the same field twice.
	RefusedForm = "form"
)
