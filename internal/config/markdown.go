package config

import (
	"fmt"
	"strings"
)

// exampleFile stands in the documentation.
const exampleFile = `origin = "https://account.example.org"
listen = ":8484"
trusted_proxies = ["10.0.0.0/8"]
database = "postgres://usher@db.example.org/usher"
password_min_length = 12
smtp_server = "mail.example.org:587"
mail_from = "Example accounts <accounts@example.org>"
`

const introduction = `# Configuration

<!-- Made by: go run ./cmd/usher config docs > docs/configuration.md -->

Usher starts without any of this. Each setting can be given in four ways; the first that is there counts:

1. a **flag**: ` + "`--listen :8484`" + `; lists take commas, or the flag again;
2. an **environment variable**: ` + "`USHER_LISTEN=:8484`" + `; lists take commas. With ` + "`_FILE`" + ` at the end of its name the variable names a
   file that holds the value: ` + "`USHER_SMTP_PASSWORD_FILE=/run/secrets/smtp`" + `. One line end at the end of that file is left out. Giving
   both is an error;
3. the **file**, in TOML: the one that ` + "`--config`" + ` or ` + "`USHER_CONFIG`" + ` names, else ` + "`usher.toml`" + ` in the working folder where there is one;
4. the **default**.

A name that is not a setting is an error, in the file and among variables that begin with ` + "`USHER_`" + `. (Left alone are ` + "`USHER_TEST_…`" + `,
what is for the gate, and what Kubernetes adds for a service called usher.) All errors are told at once. Paths are taken from the working folder.
` + "`usher config check`" + ` shows the values in force and where each came from.

A small file behind a proxy:

` + "```toml\n" + exampleFile + "```\n"

const gateIntroduction = `
## usher gate

The gate beside a media server has settings of its own, given in the same four ways: flags, variables that begin with ` + "`USHER_GATE_`" + `, and the file that
` + "`--config`" + ` or ` + "`USHER_GATE_CONFIG`" + ` names, else ` + "`usher-gate.toml`" + `.
How to set one up: [the gate](guides/gate.md).
`

// Markdown returns docs/configuration.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(introduction)
	service.markdown(&b, "## ")
	clientMarkdown(&b)
	issuerMarkdown(&b)
	b.WriteString(gateIntroduction)
	beside.markdown(&b, "### ")
	return b.String()
}

// markdown writes a table for each group of settings.
func (p program) markdown(b *strings.Builder, heading string) {
	group := ""
	for _, s := range p.settings() {
		if s.group != group {
			group = s.group
			fmt.Fprintf(b, "\n%s%s\n\n| key | flag | environment variable | default | meaning |\n|---|---|---|---|---|\n", heading, group)
		}
		fmt.Fprintf(b, "| `%s` | `--%s` | `%s` | %s | %s |\n", s.key, s.flag(), s.variable(), s.defaultCell(), s.meaning())
	}
}

func (s setting) defaultCell() string {
	switch {
	case s.preset != "" && s.zero != "":
		return fmt.Sprintf("`%s` (%s)", s.preset, cell(s.zero))
	case s.preset != "":
		return "`" + strings.ReplaceAll(s.preset, "|", `\|`) + "`"
	case s.zero != "":
		return "empty (" + cell(s.zero) + ")"
	}
	return "empty"
}

func (s setting) meaning() string {
	text := cell(s.help)
	if s.enum != nil {
		text += " One of `" + strings.Join(s.enum, "`, `") + "`."
	}
	if s.list() {
		text += " A list."
	}
	return text
}

// cell keeps a text inside its cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;").Replace(text)
}
