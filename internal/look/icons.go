package look

// icons are our own drawings on a 24 by 24 grid, one stroke width, coloured by the text around them.
var icons = map[string]string{
	"browser":  `<rect x="3" y="4" width="18" height="16" rx="2.5"/><path d="M3 9h18M6.5 6.5h.01M9 6.5h.01"/>`,
	"phone":    `<rect x="7" y="2.5" width="10" height="19" rx="2.5"/><path d="M11 18.5h2"/>`,
	"tv":       `<rect x="2.5" y="4.5" width="19" height="13" rx="2"/><path d="M8 21h8"/>`,
	"server":   `<rect x="3" y="4" width="18" height="7" rx="2"/><rect x="3" y="13" width="18" height="7" rx="2"/><path d="M7 7.5h.01M7 16.5h.01"/>`,
	"app":      `<rect x="3.5" y="3.5" width="7" height="7" rx="2"/><rect x="13.5" y="3.5" width="7" height="7" rx="2"/><rect x="3.5" y="13.5" width="7" height="7" rx="2"/><rect x="13.5" y="13.5" width="7" height="7" rx="2"/>`,
	"devices":  `<rect x="2.5" y="4.5" width="14" height="11" rx="2"/><path d="M6 19.5h5"/><rect x="14.5" y="9.5" width="7" height="11" rx="1.8" class="over"/>`,
	"key":      `<circle cx="8" cy="15.5" r="4.5"/><path d="M11.5 12.5 20 4M16.5 7.5l3 3M14 10l2 2"/>`,
	"finger":   `<path d="M5 9.5a7.5 7.5 0 0 1 14 0M4.5 14c.4-1 .5-2 .5-3M8 20c1-2.6 1.3-5 1.3-8a2.7 2.7 0 0 1 5.4 0c0 .9 0 1.7-.1 2.5M12 12c0 3.6-.4 6.2-1.4 9M14.2 18c-.2 1-.5 2-.8 3M18.5 12.5c0 2.6-.2 4.4-.7 6.5"/>`,
	"mail":     `<rect x="3" y="5" width="18" height="14" rx="2.5"/><path d="m4 7.5 8 6 8-6"/>`,
	"shield":   `<path d="M12 3 4.5 6v5.5c0 4.6 3.2 7.9 7.5 9.5 4.3-1.6 7.5-4.9 7.5-9.5V6z"/><path d="m8.8 12 2.3 2.3 4.2-4.6"/>`,
	"person":   `<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5c.8-4 3.7-6 7.5-6s6.7 2 7.5 6"/>`,
	"people":   `<circle cx="9" cy="8.5" r="3.5"/><path d="M2.5 19.5c.6-3.5 3-5.5 6.5-5.5s5.9 2 6.5 5.5M15.5 5.2a3.5 3.5 0 0 1 0 6.6M17.5 14.3c2.2.7 3.6 2.5 4 5.2"/>`,
	"download": `<path d="M12 3.5v11.5M7.5 11l4.5 4.5 4.5-4.5M4 20.5h16"/>`,
	"trash":    `<path d="M4 6.5h16M9.5 6.5V4h5v2.5M6 6.5l1 14h10l1-14M10 10.5v6M14 10.5v6"/>`,
	"alert":    `<circle cx="12" cy="12" r="9"/><path d="M12 7.5v5.5M12 16.5h.01"/>`,
	"check":    `<circle cx="12" cy="12" r="9"/><path d="m8 12.3 2.8 2.8 5.2-5.7"/>`,
	"home":     `<path d="m3.5 11.5 8.5-7.5 8.5 7.5M6 9.5V20h12V9.5M10 20v-5.5h4V20"/>`,
	"list":     `<path d="M8.5 6H20M8.5 12H20M8.5 18H20M4 6h.01M4 12h.01M4 18h.01"/>`,
	"pulse":    `<path d="M2.5 12.5H7l2.5-7 5 14 2.5-7h4.5"/>`,
	"ticket":   `<path d="M3 8.5V6h18v2.5a3.5 3.5 0 0 0 0 7V18H3v-2.5a3.5 3.5 0 0 0 0-7zM14 6v2M14 11v2M14 16v2"/>`,
	"lock":     `<rect x="4.5" y="10.5" width="15" height="10" rx="2.5"/><path d="M8 10.5V7.5a4 4 0 0 1 8 0v3"/>`,
	"out":      `<path d="M14.5 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h8.5M9.5 12H21M17 8l4 4-4 4"/>`,
	"search":   `<circle cx="10.5" cy="10.5" r="6.5"/><path d="m15.5 15.5 5 5"/>`,
	"folder":   `<path d="M3 6.5a1.5 1.5 0 0 1 1.5-1.5H9l2.5 2.5h8A1.5 1.5 0 0 1 21 9v9a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18z"/>`,
	"file":     `<path d="M6 3h8l4.5 4.5V21H6zM14 3v4.5h4.5"/>`,
	"film":     `<rect x="3" y="5" width="18" height="14" rx="1.5"/><path d="m10 9 5 3-5 3z"/>`,
	"sound":    `<circle cx="7" cy="17.5" r="2.5"/><circle cx="17" cy="15.5" r="2.5"/><path d="M9.5 17.5V6l10-2v11.5"/>`,
	"picture":  `<rect x="3" y="5" width="18" height="14" rx="1.5"/><circle cx="8.5" cy="10" r="1.5"/><path d="m3.5 17.5 5-4.5 4 3.5 3-2.5 5 3.5"/>`,
	"clock":    `<circle cx="12" cy="12" r="9"/><path d="M12 7v5.2l3.5 2"/>`,
}

const (
	iconStart = `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">`
	iconEnd   = `</svg>`
)

// Icon returns a drawing as a part of a page; a clock for a name it does not know, so that an event of a later version still has a picture.
func Icon(name string) string {
	shape, ok := icons[name]
	if !ok {
		shape = icons["clock"]
	}
	return iconStart + shape + iconEnd
}

// Drawn reports whether there is an icon of the name.
func Drawn(name string) bool { return icons[name] != "" }
