package config

import (
	"slices"
	"strings"
)

// suggest returns the known name that was probably meant, or "".
func suggest(name string, known []string) string {
	folded := fold(name)
	if meant := otherWords()[folded]; slices.Contains(known, meant) {
		return meant
	}
	best, bestDistance := "", 0
	for _, k := range known {
		d := distance(folded, fold(k))
		if fold(k) != folded && len(folded) >= 4 && (strings.HasPrefix(fold(k), folded) || strings.HasPrefix(folded, fold(k))) {
			d = 1
		}
		if d <= max(1, min(len(folded), len(fold(k)))/3) && (best == "" || d < bestDistance) {
			best, bestDistance = k, d
		}
	}
	return best
}

// otherWords are names that other services use for what we call differently.
func otherWords() map[string]string {
	return map[string]string{
		"url": "origin", "baseurl": "origin", "publicurl": "origin", "rooturl": "origin", "domain": "origin",
		"port": "listen", "address": "listen", "addr": "listen", "bind": "listen",
		"db": "database", "dsn": "database", "datadir": "data", "registration": "sign_up",
		"smtphost": "smtp_server", "smtpport": "smtp_server", "smtpaddress": "smtp_server", "smtpfrom": "mail_from",
		"tlscert": "tls_certificate", "trustedproxy": "trusted_proxies", "metricslisten": "operations_listen",
	}
}

func fold(name string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(name))
}

// distance is the optimal string alignment distance in bytes: insert, drop, replace, or swap two neighbours.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}

// unknown is the sentence for a name we do not have; meant is written in the asker's own form.
func unknown(meant string) string {
	if meant == "" {
		return "is not a setting; docs/configuration.md lists them all"
	}
	return "is not a setting; did you mean " + meant + "?"
}
