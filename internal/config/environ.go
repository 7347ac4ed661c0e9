package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

const (
	configName     = "CONFIG" // after the prefix
	fileSuffix     = "_FILE"
	testPrefix     = "USHER_TEST_" // belongs to the test suite, not to the service
	valueFileLimit = 64 << 10
)

// clusterNames are the variables Kubernetes puts into every pod for a service called usher or usher-…; nobody asked for
// them, and refusing them would refuse the most natural name. A bare …PORT counts only with an address as its value.
var (
	clusterNames = regexp.MustCompile(`^USHER_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	clusterPort  = regexp.MustCompile(`^USHER_([A-Z0-9_]+_)?PORT=[a-z]+://`)
)

// environment reads the program's variables of environ; it returns what is given by key, the configuration file's path
// where one is named, and what is wrong.
func (p program) environment(environ []string) (map[string]given, []string, []Problem) {
	variables, names := p.ours(environ)
	found := map[string]given{}
	var problems []Problem
	for _, s := range p.settings() {
		g, ok, problem := fromVariables(s, variables)
		if problem != nil {
			problems = append(problems, *problem)
		}
		if ok {
			found[s.key] = g
		}
		delete(variables, s.variable())
		delete(variables, s.variable()+fileSuffix)
	}
	var file []string
	if path, ok := variables[p.prefix+configName]; ok {
		file = []string{path}
		delete(variables, p.prefix+configName)
	}
	for _, name := range names {
		if _, left := variables[name]; left {
			problems = append(problems, Problem{Key: showName(name), Text: unknown(p.suggestVariable(name))})
		}
	}
	return found, file, problems
}

// ours picks the variables with our prefix that are meant for the program, and their names in order.
func (p program) ours(environ []string) (map[string]string, []string) {
	variables := map[string]string{}
	var names []string
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || !strings.HasPrefix(name, p.prefix) || strings.HasPrefix(name, testPrefix) || p.others(name) {
			continue
		}
		if clusterNames.MatchString(name) || clusterPort.MatchString(entry) {
			continue
		}
		if _, twice := variables[name]; !twice {
			names = append(names, name)
		}
		variables[name] = value
	}
	return variables, names
}

// others reports whether a variable is for the gate, where the service asks: both may be given the same list of them.
func (p program) others(name string) bool {
	return p == service && (strings.HasPrefix(name, beside.prefix) || name == claimVariable || name == claimVariable+fileSuffix)
}

func fromVariables(s setting, variables map[string]string) (given, bool, *Problem) {
	name := s.variable()
	text, plain := variables[name]
	path, filed := variables[name+fileSuffix]
	switch {
	case plain && filed:
		return given{}, false, &Problem{s.key, name, "is given twice, as " + name + " and as " + name + fileSuffix + "; keep one"}
	case plain:
		return given{s.split(text), name}, true, nil
	case filed:
		text, err := readValue(path)
		if err != nil {
			return given{}, false, &Problem{s.key, name + fileSuffix, err.Error()}
		}
		return given{s.split(text), name + fileSuffix}, true, nil
	}
	return given{}, false, nil
}

// split makes the texts of one setting out of one text.
func (s setting) split(text string) []string {
	if s.list() {
		return commas(text)
	}
	return []string{text}
}

// readValue returns a file's text without its one trailing line end.
func readValue(path string) (string, error) {
	text, err := readFile(path, valueFileLimit)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	text = strings.TrimSuffix(text, "\n")
	return strings.TrimSuffix(text, "\r"), nil
}

func readFile(path string, limit int64) (string, error) {
	if !printable(path) {
		return "", errors.New("its path " + quote(path) + " holds a character that cannot be shown")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", err
	}
	if int64(len(text)) > limit {
		return "", fmt.Errorf("%s is larger than %d KiB", path, limit>>10)
	}
	return string(text), nil
}

func (p program) suggestVariable(name string) string {
	short, suffix := strings.TrimPrefix(name, p.prefix), ""
	if base, ok := strings.CutSuffix(short, fileSuffix); ok && base != configName {
		short, suffix = base, fileSuffix
	}
	meant := suggest(short, append(p.keys(), "config"))
	if meant == "" {
		return ""
	}
	return p.prefix + strings.ToUpper(meant) + suffix
}
