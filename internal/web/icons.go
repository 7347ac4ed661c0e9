package web

import (
	"html/template"

	"usher/internal/look"
)

// icon and mark are drawings of our own, which need no escaping.
func icon(name string) template.HTML { return template.HTML(look.Icon(name)) } //nolint:gosec // our own
func mark() template.HTML            { return template.HTML(look.Mark) }       //nolint:gosec // our own
