package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every command that docs/apps.md shows is run by a story, letter for letter.
func TestTheAppsPageShowsCommandsThatRun(t *testing.T) {
	page, err := os.ReadFile("../../docs/apps.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/story/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var stories strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		stories.Write(text)
	}
	commands := regexp.MustCompile(`(?m)^    (usher .*)$`).FindAllStringSubmatch(string(page), -1)
	if len(commands) < 4 {
		t.Errorf("only %d commands were found", len(commands))
	}
	for _, c := range commands {
		if !strings.Contains(stories.String(), "\nexec "+c[1]+"\n") {
			t.Errorf("no story runs: %s", c[1])
		}
	}
}
