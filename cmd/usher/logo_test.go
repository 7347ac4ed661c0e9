package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A logo is a picture of the kind that its name says, and not a large one; the answer says what is wrong with it.
func TestReadLogo(t *testing.T) {
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 30)
	for name, test := range map[string]struct{ body, kind, refused string }{
		"a.svg":       {`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`, "image/svg+xml", ""},
		"a.png":       {png, "image/png", ""},
		"A.PNG":       {png, "image/png", ""},
		"a.webp":      {"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp", ""},
		"page.svg":    {"<html><script>alert(1)</script></html>", "", "is no picture"},
		"page.png":    {"<html></html>", "", "is no picture"},
		"svg.png":     {"<svg/>", "", "is no picture"},
		"png.webp":    {png, "", "is no picture"},
		"a.gif":       {"GIF89a", "", "has to end with"},
		"a":           {png, "", "has to end with"},
		"empty.svg":   {"", "", "is no picture"},
		"large.png":   {png + strings.Repeat("x", logoLimit), "", "is too large"},
		"largest.png": {png + strings.Repeat("x", logoLimit-len(png)), "image/png", ""},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(test.body), 0o600); err != nil {
			t.Fatal(err)
		}
		logo, err := readLogo(path)
		switch {
		case test.refused == "" && (err != nil || logo.Type != test.kind || string(logo.Body) != test.body):
			t.Errorf("%s: %q, %v", name, logo.Type, err)
		case test.refused != "" && (err == nil || !strings.Contains(err.Error(), test.refused)):
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readLogo(filepath.Join(t.TempDir(), "missing.svg")); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("missing: %v", err)
	}
}
