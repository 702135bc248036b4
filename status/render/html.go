// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"strings"

	"github.com/caseharden/caseharden/preview/render/html"
	"github.com/caseharden/caseharden/status"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("status").Funcs(template.FuncMap{
	"sentence": sentence,
	"oneLine":  oneLine,
	"states":   stateWords,
	"next":     nextWords,
	"join":     func(words []string) string { return strings.Join(words, ", ") },
	"verdict":  func(f status.Finding) string { return verdictWords(f.Verdict, f.Severity) },
	"recorded": func(states map[status.State]int) int { return states[status.Hardened] },
	"hardened": func(states map[status.State]int) int { return states[status.Hardened] + states[status.ByAuthor] },
}).Parse(pageHTML))

// writeHTML writes the report as one page in the style of the preview's: it loads nothing,
// has no script, and its policy forbids both.
func writeHTML(w io.Writer, r *status.Report, _ Style) error {
	var page bytes.Buffer
	err := pageTemplate.Execute(&page, struct {
		*status.Report
		CSS    template.CSS
		Policy string
	}{r, template.CSS(html.CSS()), html.Policy()})
	if err != nil {
		return err
	}
	_, err = w.Write(html.ShowControls(page.Bytes()))
	return err
}
