// Package look owns what the pages of the service and those of the gate have in common to the eye: the stylesheet with its tokens, the icons, the word
// mark. It refuses to know any page.
package look

import "embed"

// Files are the stylesheet and the icon of the window, by their names.
//
//go:embed usher.css favicon.svg
var Files embed.FS

// Mark is the word mark as a part of a page.
const Mark = `<svg viewBox="0 0 88 30" aria-hidden="true" focusable="false"><path class="mark-beam" d="M10 4.5 4 21a6.5 6.5 0 0 0 12 0z"/><circle class="mark-light" cx="10" cy="3.6" r="3.1"/><path class="mark-letters" d="M3.5 12.5v7a6.5 6.5 0 0 0 13 0v-7M16.5 12.5v14M33.2 15.3c-.8-1.8-2.5-2.8-4.9-2.8-2.8 0-4.7 1.4-4.7 3.4 0 4.8 10 2.2 10 7.1 0 2.1-2 3.5-4.9 3.5-2.6 0-4.5-1.1-5.3-3M40.5 4v22.5M40.5 19a6 6 0 0 1 12 0v7.5M59.4 19.3h13c0-4.1-2.6-6.8-6.4-6.8-3.9 0-6.7 2.9-6.7 7s2.8 7 6.8 7c2.6 0 4.6-1.1 5.8-3M79 12.5v14M79 18.5c0-3.8 2.2-6 6-6"/></svg>`
