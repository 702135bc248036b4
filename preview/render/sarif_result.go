// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// A sarifWriter makes the results of a report.
type sarifWriter struct {
	report  *preview.Report
	rules   []sarifRule
	indices map[string]int
	files   map[string]*fileLines
}

func newSARIFWriter(r *preview.Report) *sarifWriter {
	s := &sarifWriter{report: r, files: map[string]*fileLines{}}
	s.rules, s.indices = sarifRules(r)
	for i := range r.Files {
		s.files[r.Files[i].Name] = &fileLines{file: &r.Files[i]}
	}
	return s
}

// results returns the results of a workload: its findings first.
func (s *sarifWriter) results(w *preview.Workload) []sarifResult {
	var results []sarifResult
	for i := range w.Findings {
		f := &w.Findings[i]
		message := fmt.Sprintf("%s: %s", where(w, f.Container), capitalized(text.Visible(f.What)))
		if f.Fix != "" {
			message += " Fix: " + capitalized(text.Visible(f.Fix))
		}
		r := s.result(w, f.Container, lineOf(w, f.Container), f.ID, f.Settings, message)
		r.Kind, r.Level = sarifKind(f.Verdict, f.Severity)
		r.Properties = map[string]any{"verdict": f.Verdict, "severity": f.Severity, "settings": f.Settings, "evidence": f.Evidence}
		if f.Exception != nil {
			r.Properties["exception"] = f.Exception
		}
		if i < len(w.Fixes) {
			r.Fixes = s.fixes(w, w.Fixes[i], "Set in the manifest what this container needs")
		}
		results = append(results, r)
	}
	if r, any := s.unset(w, "", w.Line, w.Pod, w.Edits); any {
		results = append(results, r)
	}
	for i := range w.Containers {
		c := &w.Containers[i]
		name := cmp.Or(c.Name, fmt.Sprintf("number %d", i+1)) // Knative gives a single container its name
		if r, any := s.unset(w, name, cmp.Or(c.Line, w.Line), c.Decisions, c.Edits); any {
			results = append(results, r)
		}
	}
	return results
}

// unset returns the result for the settings that would be injected into a container, or into
// the pod.
func (s *sarifWriter) unset(w *preview.Workload, container string, line int, decisions []preview.Decision, edits []yamledit.Edit) (sarifResult, bool) {
	var settings, doubtful []string
	for _, d := range decisions {
		if defaults.Outcome(d.Outcome) != defaults.Inject {
			continue
		}
		settings = append(settings, d.Field)
		if d.Verdict == evidence.Breaks || d.Verdict == evidence.Risk {
			doubtful = append(doubtful, d.Field)
		}
	}
	if len(settings) == 0 {
		return sarifResult{}, false
	}
	message := fmt.Sprintf("%s: profile %s would inject %s.", where(w, container), s.report.Profile, strings.Join(settings, ", "))
	if len(doubtful) > 0 {
		message += fmt.Sprintf(" There are findings on %s: the fix leaves these out, and what depends on them.", strings.Join(doubtful, ", "))
	}
	r := s.result(w, container, line, unsetRule, settings, message)
	r.Kind, r.Level, r.Properties = "fail", "note", map[string]any{"settings": settings}
	r.Fixes = s.fixes(w, edits, "Set in the manifest what profile "+s.report.Profile+" would inject")
	return r, true
}

// lineOf returns the line of a container, and that of the workload for the pod.
func lineOf(w *preview.Workload, container string) int {
	for i := range w.Containers {
		if c := &w.Containers[i]; container != "" && c.Name == container && c.Line > 0 {
			return c.Line
		}
	}
	return w.Line
}

func (s *sarifWriter) result(w *preview.Workload, container string, line int, rule string, settings []string, message string) sarifResult {
	logical := sarifLogical{Name: text.Visible(w.Name), FullyQualifiedName: where(w, container), Kind: "resource"}
	if container != "" {
		logical.Name = text.Visible(container)
	}
	hash := sha256.New()
	for _, part := range append([]string{w.APIVersion, w.Kind, w.Namespace, w.Name, w.Template, container, rule}, settings...) {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	return sarifResult{
		RuleID: rule, RuleIndex: s.indices[rule], Message: sarifText{Text: message},
		Locations:           []sarifLocation{{Physical: s.physical(w.File, line), Logical: []sarifLogical{logical}}},
		PartialFingerprints: map[string]string{"workloadAndRule/v1": hex.EncodeToString(hash.Sum(nil)[:16])},
	}
}

// where names a container of a workload, or the workload.
func where(w *preview.Workload, container string) string {
	name := text.Visible(w.Kind) + " " + fullName(w)
	if container != "" {
		name += ", container " + text.Visible(container)
	}
	return name
}

func (s *sarifWriter) physical(file string, line int) sarifPhysical {
	p := sarifPhysical{Artifact: sarifArtifact{artifactURI(file)}}
	if line > 0 {
		p.Region = &sarifRegion{StartLine: line}
	}
	return p
}

// artifactURI returns the address of a file: relative to the working directory, or absolute
// where the file is not below that.
func artifactURI(name string) string {
	if name == manifest.Stdin {
		return "stdin"
	}
	absolute, err := filepath.Abs(name)
	if relative := diffName(name); err != nil || strings.TrimPrefix(filepath.ToSlash(absolute), "/") != relative {
		return (&url.URL{Path: relative}).String()
	}
	return (&url.URL{Scheme: "file", Path: path.Join("/", filepath.ToSlash(absolute))}).String()
}

// fixes returns the fix that edits are, as replacements in the file. There is none for a
// text that is not in a file as it is: standard input, and UTF-16.
func (s *sarifWriter) fixes(w *preview.Workload, edits []yamledit.Edit, description string) []sarifFix {
	lines := s.files[w.File]
	if len(edits) == 0 || lines == nil || lines.file.IsUTF16 || w.File == manifest.Stdin {
		return nil
	}
	change := sarifChange{Artifact: sarifArtifact{artifactURI(w.File)}}
	for _, e := range edits {
		r := sarifReplacement{}
		r.Deleted.StartLine, r.Deleted.StartColumn = lines.position(e.Start)
		r.Deleted.EndLine, r.Deleted.EndColumn = lines.position(e.End)
		if e.Text != "" {
			r.Inserted = &sarifText{Text: e.Text}
		}
		change.Replacements = append(change.Replacements, r)
	}
	return []sarifFix{{Description: sarifText{Text: description}, Changes: []sarifChange{change}}}
}

// fileLines finds lines and columns in a file.
type fileLines struct {
	file   *preview.File
	starts []int // of the lines
	before []int // how many characters are before each block
}

// blockSize is how many bytes are counted for a column: a line may have all of a large file.
const blockSize = 4096

// position returns the line and the column of an offset, from 1, with columns in Unicode
// code points. A byte order mark has no column.
func (f *fileLines) position(offset int) (line, column int) {
	if f.starts == nil {
		f.index()
	}
	line, found := slices.BinarySearch(f.starts, offset)
	if !found {
		line = max(0, line-1)
	}
	return line + 1, f.characters(max(offset, f.starts[line])) - f.characters(f.starts[line]) + 1
}

func (f *fileLines) index() {
	body := f.file.Text
	f.starts = []int{len(body) - len(bytes.TrimPrefix(body, []byte(manifest.Mark)))}
	count := 0
	for i, c := range body {
		if i%blockSize == 0 {
			f.before = append(f.before, count)
		}
		if utf8.RuneStart(c) {
			count++
		}
		if c == '\n' {
			f.starts = append(f.starts, i+1)
		}
	}
	f.before = append(f.before, count)
}

// characters returns how many characters begin before an offset.
func (f *fileLines) characters(offset int) int {
	block := min(offset/blockSize, len(f.before)-1)
	count := f.before[block]
	for _, c := range f.file.Text[min(block*blockSize, offset):offset] {
		if utf8.RuneStart(c) {
			count++
		}
	}
	return count
}
