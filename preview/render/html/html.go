// SPDX-License-Identifier: Apache-2.0

// Package html writes a report as one page that stands on its own.
package html

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
)

// The parts of the page. What a reader sees without JavaScript is all there is:
// the script finds and hides workloads, and writes none.
var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
)

// Write writes the report as one page that stands on its own: it loads
// nothing, from anywhere, and its policy forbids it to. The same report makes
// the same page, byte for byte.
func Write(w io.Writer, r *preview.Report) error {
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, newPage(r)); err != nil {
		return fmt.Errorf("the page: %w", err)
	}
	if _, err := w.Write(ShowControls(page.Bytes())); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// contentPolicy lets the page use its own style and its own script, by their
// hashes, and nothing else: should a name from a manifest ever get past the
// escaping, it would still not run.
var contentPolicy = fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
	hashSource(pageCSS), hashSource(pageJS))

// hashSource writes the hash of an inline style or script as a policy names it.
func hashSource(text string) string {
	hash := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
}

// CSS returns the style of the page, for other pages that look alike.
func CSS() string { return pageCSS }

// Policy lets a page use the style of [CSS], and nothing else.
func Policy() string {
	return "default-src 'none'; style-src " + hashSource(pageCSS) + "; base-uri 'none'; form-action 'none'"
}

// ShowControls spells out the characters that turn the direction of the text around them,
// such as U+202E, so that no image or command can look like another one, and those that
// would steer a terminal. The page itself has none: all that there are come from the input.
// (Letters of languages that are written from right to left are no such characters, and
// stay.)
func ShowControls(page []byte) []byte {
	if !bytes.ContainsFunc(page, isControl) {
		return page
	}
	var shown strings.Builder
	for _, r := range string(page) {
		if isControl(r) {
			fmt.Fprintf(&shown, "\\u%04x", r)
			continue
		}
		shown.WriteRune(r)
	}
	return []byte(shown.String())
}

func isControl(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || text.IsDirectionControl(r)
}
