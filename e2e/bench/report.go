// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The contenders, as tables name them.
const (
	none     = "no admission"
	constant = "constant"         // a webhook that gives the answers of Caseharden as constants
	checked  = "checked constant" // the same, after a check that the review is JSON
	product  = "Caseharden"
	policy   = "policy in CEL"
	exported = "exported policy" // what caseharden profiles export prints
	typed    = "controller-runtime"
)

// Metrics. CPU is for one request, of the webhook or of the API server.
const (
	cpuTime       = "CPU, µs"
	apiServerTime = "API server CPU, µs"
	p50           = "p50, ms"
	p99           = "p99, ms"
	perSecond     = "requests a second"
	startTime     = "start, ms"
	idleMemory    = "idle, MiB"
	peakMemory    = "peak, MiB"
)

// added is the metric of the difference to no admission in the same round.
func added(metric string) string { return "added " + metric }

// ratio is the metric of the ratio to a contender in the same round.
func ratio(to string) string { return "× " + to }

// A report is what was measured, and on what.
type report struct {
	Setup   [][2]string `json:"setup"` // name and value
	Reviews []row       `json:"reviews,omitempty"`
	Servers []row       `json:"servers,omitempty"`
	Creates []row       `json:"creates,omitempty"`
}

// A row is what one contender did in one case: a kind of review, or "" if there is one case.
type row struct {
	Case      string            `json:"case,omitempty"`
	Contender string            `json:"contender"`
	Figures   map[string]spread `json:"figures"` // by metric
}

// A spread is the lower quartile, the median and the upper quartile over all rounds. On a
// noisy machine a mean would depend on other programs.
type spread [3]float64

// innermost are lists of numbers or strings, which need no more than a line.
var innermost = regexp.MustCompile(`\[[^\[\]{}]*\]`)

func (r *report) save(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	data = innermost.ReplaceAllFunc(data, func(list []byte) []byte { return bytes.Join(bytes.Fields(list), []byte(" ")) })
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// A part is a table of docs/performance.md.
type part struct{ name, text string }

// parts returns the tables of what was measured.
func (r *report) parts() []part {
	setup := [][]string{{"measured", ""}}
	for _, fact := range r.Setup {
		setup = append(setup, fact[:])
	}
	parts := []part{{"setup", markdown(setup)}}
	for _, t := range []struct {
		name    string
		rows    []row
		metrics []string
	}{
		{"reviews", r.Reviews, []string{cpuTime, ratio(constant), ratio(checked), ratio(product), perSecond, p50, p99}},
		{"servers", r.Servers, []string{startTime, idleMemory, peakMemory}},
		{"creates", r.Creates, []string{p50, added(p50), ratio(constant), ratio(policy), added(p99), added(apiServerTime), cpuTime}},
	} {
		if t.rows == nil {
			continue
		}
		lines := [][]string{append([]string{"", ""}, t.metrics...)}
		lastCase := ""
		for _, row := range t.rows {
			line := []string{row.Case, row.Contender}
			if row.Case == lastCase {
				line[0] = ""
			}
			lastCase = row.Case
			for _, metric := range t.metrics {
				line = append(line, row.text(metric))
			}
			lines = append(lines, line)
		}
		parts = append(parts, part{t.name, markdown(lines)})
	}
	return parts
}

// text returns the median, with the quartiles in comparisons; "" for what was not measured.
func (r row) text(metric string) string {
	s, measured := r.Figures[metric]
	switch {
	case !measured:
		return ""
	case strings.HasPrefix(metric, ratio("")) || strings.HasPrefix(metric, added("")):
		return fmt.Sprintf("%s (%s–%s)", number(s[1]), number(s[0]), number(s[2]))
	}
	return number(s[1])
}

// number has about three digits.
func number(v float64) string {
	switch size := max(v, -v); {
	case size >= 100:
		return fmt.Sprintf("%.0f", v)
	case size >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// markdown returns a table that a terminal can show too. The first line is the header. A column
// without any value is left out.
func markdown(lines [][]string) string {
	var b strings.Builder
	for i, line := range lines {
		rule := "|"
		b.WriteString("|")
		for column, cell := range line {
			width := 0
			for _, other := range lines[1:] {
				width = max(width, utf8.RuneCountInString(other[column]))
			}
			if width == 0 {
				continue
			}
			width = max(width, utf8.RuneCountInString(lines[0][column]))
			b.WriteString(" " + cell + strings.Repeat(" ", width-utf8.RuneCountInString(cell)) + " |")
			rule += strings.Repeat("-", width+2) + "|"
		}
		b.WriteString("\n")
		if i == 0 {
			b.WriteString(rule + "\n")
		}
	}
	return b.String()
}
