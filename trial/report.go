// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/trial/narrow"
	"github.com/caseharden/caseharden/trial/plan"
	"github.com/caseharden/caseharden/trial/watch"
)

// A Conclusion is what a trial came to.
type Conclusion string

// The conclusions.
const (
	AllWork         Conclusion = "all settings work"
	ExceptionsFound Conclusion = "exceptions are needed"
	CannotTell      Conclusion = "cannot tell"
	Interrupted     Conclusion = "interrupted"
)

// A Report is what a trial found out, and what that rests on.
type Report struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Workload   WorkloadRef `json:"workload"`
	Profile    string      `json:"profile"` // that was tried
	Conclusion Conclusion  `json:"conclusion"`
	Sentence   string      `json:"sentence"`

	Settings   []Setting          `json:"settings"`
	Exceptions []Exception        `json:"exceptions"`
	Findings   []evidence.Finding `json:"findings"`
	Document   string             `json:"document,omitempty"` // the profile that was proven, as a file

	Evidence Evidence `json:"evidence"`
	Runs     []Run    `json:"runs"` // in the order in which they ended
	Control  Run      `json:"control"`
	Proof    []Run    `json:"proof"`
	Notes    []string `json:"notes"`
}

// A WorkloadRef names a workload.
type WorkloadRef struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// A Setting is what was found out about one default of the profile.
type Setting struct {
	Container string           `json:"container,omitempty"`
	Field     string           `json:"field"`
	Verdict   evidence.Verdict `json:"verdict"` // fits, breaks, or unknown: not decided
	Instead   string           `json:"instead,omitempty"`
	Line      string           `json:"line,omitempty"` // that decided
}

// Evidence is what the report rests on.
type Evidence struct {
	Node      Node              `json:"node"`
	Images    map[string]string `json:"images"` // digest of each container's image
	Held      string            `json:"held"`   // how long copies had to stay ready
	Exercised string            `json:"exercised,omitempty"`
	Finishes  bool              `json:"finishes,omitempty"` // containers ran to their end
}

func (t *Trial) newReport() *Report {
	w := t.plan.Workload
	r := &Report{
		APIVersion: "caseharden.io/v1alpha1", Kind: "Trial", Profile: t.plan.Profile.Name,
		Workload: WorkloadRef{Kind: w.Kind, Namespace: w.Namespace, Name: w.Name},
		Settings: []Setting{}, Exceptions: []Exception{}, Findings: []evidence.Finding{}, Runs: []Run{}, Proof: []Run{}, Notes: []string{},
		Evidence: Evidence{Images: map[string]string{}, Held: t.Options.Hold.String(), Finishes: w.Finishes},
	}
	switch {
	case len(t.Options.Exec) > 0:
		r.Evidence.Exercised = "exec " + strings.Join(t.Options.Exec, " ")
	case t.Options.HTTP != "":
		r.Evidence.Exercised = fmt.Sprintf("GET %s on port %d", t.Options.HTTP, t.port())
	}
	return r
}

// conclude sets what the trial came to; the first conclusion stays.
func (r *Report) conclude(c Conclusion, sentence string) {
	if r.Conclusion == "" {
		r.Conclusion, r.Sentence = c, sentence
	}
}

// sentence says what became of a copy.
func sentence(who string, run Run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", who, verb(run.Outcome))
	if run.Container != "" {
		fmt.Fprintf(&b, " in container %s", run.Container)
	}
	fmt.Fprintf(&b, ": %s", run.Why)
	if run.Line != "" {
		fmt.Fprintf(&b, ": %s", run.Line)
	}
	return b.String() + "."
}

func verb(o watch.Outcome) string {
	if o == watch.CannotTell {
		return "tells nothing"
	}
	return string(o)
}

func controlSentence(run Run) string {
	return sentence("The workload does not work as a copy of itself, so nothing can be told about settings. The control", run)
}

// complete fills in what follows from the runs.
func (t *Trial) complete(r *Report) {
	t.mu.Lock()
	r.Runs = append(r.Runs, t.runs...)
	t.mu.Unlock()
	r.conclude(Interrupted, "The trial was interrupted. What is known by then is below.")
	for _, s := range t.settings {
		r.Settings = append(r.Settings, t.settingOf(r, s.Container, s.Field))
	}
	for _, c := range t.hunts {
		r.Findings = append(r.Findings, t.findings(r, c)...)
	}
	if r.Conclusion == ExceptionsFound {
		if doc, err := t.write(r.Exceptions); err == nil {
			r.Document = string(doc)
		}
	}
	for _, run := range r.Runs {
		if run.pod == nil {
			continue
		}
		for _, c := range append(slices.Clone(run.pod.Status.InitContainerStatuses), run.pod.Status.ContainerStatuses...) {
			if c.ImageID != "" && r.Evidence.Images[c.Name] == "" {
				r.Evidence.Images[c.Name] = c.ImageID
			}
		}
	}
	r.Evidence.Node = t.facts.node
	if r.Evidence.Exercised == "" && !r.Evidence.Finishes && (r.Conclusion == AllWork || r.Conclusion == ExceptionsFound) {
		r.Notes = append(r.Notes, "Nothing was exercised: the copies were ready, and nobody sent them a request. Give --exec or --http to be sure.")
	}
	if t.facts.node.Runtime == "" && t.facts.node.Name != "" {
		r.Notes = append(r.Notes, "The node's runtime and kernel are not known: you may not get nodes.")
	}
	for _, name := range t.plan.Emptied {
		r.Notes = append(r.Notes, fmt.Sprintf("Volume %s was empty in the copies: what the workload does with its data was not tried.", name))
	}
}

// settingOf says what was found out about one setting.
func (t *Trial) settingOf(r *Report, container, field string) Setting {
	s := Setting{Container: container, Field: field, Verdict: evidence.Unknown}
	group := groupOf(field)
	for _, c := range t.hunts {
		if c.hunt.book.container != container && container != "" || !c.hunt.book.has(group) {
			continue
		}
		answer, differs := c.candidate[group]
		if !differs {
			continue
		}
		e := c.hunt.book.answers[group][answer]
		_, replaced := e.Container[strings.Split(field, ".")[0]]
		if !slices.Contains(e.Leave, field) && !replaced && len(e.WritablePaths) == 0 {
			break // such as runAsNonRoot beside another runAsUser
		}
		s.Instead = answerWords(group, answer, []string{field})
		if len(e.WritablePaths) > 0 && r.Conclusion == ExceptionsFound {
			s.Verdict = evidence.Fits // the root is read-only, with places to write
			s.Line = t.whyBreaks(c, group)
			return s
		}
		if line, decided := t.decides(c, group); decided {
			s.Verdict, s.Line = evidence.Breaks, line
		}
		return s
	}
	if r.Conclusion == AllWork || r.Conclusion == ExceptionsFound {
		s.Verdict = evidence.Fits
	}
	return s
}

// decides returns the line of the copy that differs from what was found in one group alone,
// and breaks. It is false if there was no such copy: then it is not decided whether the
// setting has to differ.
func (t *Trial) decides(c concluded, group string) (string, bool) {
	strict := narrow.Candidate{}
	for g, answer := range c.candidate {
		if g != group {
			strict[g] = answer
		}
	}
	run, found := c.hunt.runs[strict.Key()]
	if !found || run.Outcome != watch.Breaks {
		return "", false
	}
	return cmp.Or(run.Line, run.Why), true
}

// whyBreaks returns the line that decides, or else what the copy with all settings said.
func (t *Trial) whyBreaks(c concluded, group string) string {
	if line, decided := t.decides(c, group); decided {
		return line
	}
	first := c.hunt.runs[narrow.Candidate{}.Key()]
	return cmp.Or(first.Line, first.Why)
}

// exceptions returns what was found, for each container.
func (t *Trial) exceptions() []Exception {
	var found []Exception
	for _, c := range t.hunts {
		if len(c.candidate) == 0 {
			continue
		}
		var reasons []string
		for _, group := range c.hunt.book.groups {
			if _, differs := c.candidate[group]; differs {
				if line := t.whyBreaks(c, group); !slices.Contains(reasons, line) {
					reasons = append(reasons, line)
				}
			}
		}
		found = append(found, Exception{
			Container: c.hunt.book.container, Image: c.hunt.book.image,
			Differs: c.hunt.book.exception(c.candidate), Reason: "trial: " + strings.Join(reasons, "; "),
		})
	}
	return found
}

// write returns the profile that is proven.
func (t *Trial) write(found []Exception) ([]byte, error) {
	repositories := map[string]bool{}
	byName := false
	for _, name := range t.containers() {
		repository := repositoryOf(t.plan.Image(name))
		byName = byName || repositories[repository]
		repositories[repository] = true
	}
	return document(t.Options.Name, t.plan.Profile.Name, found, byName)
}

// findings returns what was found about one container, in the form that other sources of
// evidence have as well.
func (t *Trial) findings(r *Report, c concluded) []evidence.Finding {
	var all []evidence.Finding
	for _, group := range c.hunt.book.groups {
		answer, differs := c.candidate[group]
		if !differs {
			continue
		}
		e := c.hunt.book.answers[group][answer]
		verdict := evidence.Risk
		line := t.whyBreaks(c, group)
		if _, decided := t.decides(c, group); decided {
			verdict = evidence.Breaks
		}
		fields := c.hunt.book.fields[group]
		all = append(all, evidence.Finding{
			ID: "trial", Container: c.hunt.book.container, Settings: fields, Verdict: verdict, Severity: evidence.High,
			What:      fmt.Sprintf("A copy with %s does not work, and the workload as it is does.", strings.Join(fields, ", ")),
			Fix:       "Use the exception: " + answerWords(group, answer, fields) + ".",
			Evidence:  []evidence.Item{{Source: evidence.FromRun, Text: line, Where: r.Workload.Kind + " " + r.Workload.Namespace + "/" + r.Workload.Name}},
			Exception: &e,
		})
	}
	return all
}

// Refused is the report of a workload of which no copy is made.
func Refused(w *plan.Workload, profile, sentence string) *Report {
	return &Report{
		APIVersion: "caseharden.io/v1alpha1", Kind: "Trial", Profile: profile,
		Workload:   WorkloadRef{Kind: w.Kind, Namespace: w.Namespace, Name: w.Name},
		Conclusion: CannotTell, Sentence: sentence,
		Settings: []Setting{}, Exceptions: []Exception{}, Findings: []evidence.Finding{}, Runs: []Run{}, Proof: []Run{}, Notes: []string{},
		Evidence: Evidence{Images: map[string]string{}},
	}
}
