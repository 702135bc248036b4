// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/json"
	"slices"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview/answer"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// A Report is what a preview found. Its JSON is what -o json prints: docs/preview.md
// describes it field by field. Nothing is added to a report that [New] returned: all
// outputs are made from it and agree.
type Report struct {
	APIVersion string `json:"apiVersion"` // caseharden.io/v1alpha1
	Kind       string `json:"kind"`       // Preview
	Profile    string `json:"profile"`    // the name of the profile

	// MinSeverity is the severity from which on findings are in the report; empty: all are.
	MinSeverity evidence.Severity `json:"minSeverity,omitempty"`

	Summary   Summary          `json:"summary"`
	Workloads []Workload       `json:"workloads"` // in the order of the input
	PodMakers []PodMaker       `json:"podMakers"` // objects of other kinds that may make pods
	Notices   []Notice         `json:"notices"`   // about exceptions of the profile that somebody should look at
	Warnings  []manifest.Error `json:"warnings"`  // of fields that Kubernetes does not have, and of annotations and what they ask for in vain
	Errors    []manifest.Error `json:"errors"`    // of documents that could not be read, or not be added to

	Files  []File         `json:"-"` // the manifests, with what would be added to them
	Answer *answer.Answer `json:"-"` // a profile with the exceptions that the findings call for
}

// HasManifests reports whether an object or a list was read, which may be an empty list.
func (r *Report) HasManifests() bool {
	return r.Summary.Objects > 0 || slices.ContainsFunc(r.Files, func(f File) bool {
		return slices.ContainsFunc(f.Documents, func(d Document) bool { return d.IsManifest })
	})
}

// A File is a file with manifests.
type File struct {
	Name      string
	Text      []byte // as UTF-8; nil if it is no text
	IsUTF16   bool   // as it was read
	Documents []Document
}

// A Document is one of a file's, with what would be added to it.
type Document struct {
	Start, End int  // in the text of the file
	IsJSON     bool // else YAML
	IsEmpty    bool // it has nothing but comments, or is null
	IsManifest bool // it was read as an object or a list of objects
	Edits      []yamledit.Edit
}

// A Summary adds the workloads up.
type Summary struct {
	Objects    int `json:"objects"`    // everything that was read, also of kinds that have no pods
	Workloads  int `json:"workloads"`  // pods, and objects with a pod template
	Excluded   int `json:"excluded"`   // workloads that are ignored
	Changed    int `json:"changed"`    // workloads that would get something
	Containers int `json:"containers"` // of all workloads that are not excluded
	Hidden     int `json:"hidden"`     // findings that are not in the report because of their severity

	Verdicts    VerdictCounts      `json:"verdicts"`    // workloads that would get something, each by its worst verdict
	Ignored     []KindSummary      `json:"ignored"`     // kinds that are no pods and have no pod template, as far as is known
	Fields      []FieldSummary     `json:"fields"`      // in the order of their names
	Findings    []FindingSummary   `json:"findings"`    // in the order of their IDs
	PodSecurity PodSecuritySummary `json:"podSecurity"` // workloads by level
}

// A KindSummary counts the objects of a kind.
type KindSummary struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"` // not there: a document of a directory that is no object of Kubernetes
	Objects    int    `json:"objects"`
	PodMakers  int    `json:"podMakers,omitempty"` // how many of them may make pods
	Hint       string `json:"hint,omitempty"`      // what may have been meant
}

// A FieldSummary counts the decisions on a field, in containers and at pod level.
type FieldSummary struct {
	Field  string `json:"field"`
	Inject int    `json:"inject"`
	Leave  int    `json:"leave"`
	Skip   int    `json:"skip"`

	Verdicts VerdictCounts `json:"verdicts"` // of those that would be injected
}

// VerdictCounts counts verdicts, those on risks by severity.
type VerdictCounts struct {
	Breaks  int        `json:"breaks"`
	Risk    RiskCounts `json:"risk"`
	Unknown int        `json:"unknown"`
	Fits    int        `json:"fits"`
}

// RiskCounts counts risks by severity.
type RiskCounts struct {
	High   int `json:"high"`
	Medium int `json:"medium"`
	Low    int `json:"low"`
}

// A FindingSummary counts the workloads that have a finding.
type FindingSummary struct {
	ID        string            `json:"id"`
	Title     string            `json:"title"`
	Verdict   evidence.Verdict  `json:"verdict"` // the worst
	Severity  evidence.Severity `json:"severity"`
	Workloads int               `json:"workloads"`
}

// A PodSecuritySummary counts workloads by Pod Security level.
type PodSecuritySummary struct {
	Before LevelCounts `json:"before"`
	After  LevelCounts `json:"after"`
}

// LevelCounts counts workloads by the strictest Pod Security level that they meet.
type LevelCounts struct {
	Privileged int `json:"privileged"`
	Baseline   int `json:"baseline"`
	Restricted int `json:"restricted"`
}

// A Workload is a pod, or an object whose template makes pods.
type Workload struct {
	File     string `json:"file"`     // as it was given; "-" is standard input
	Document int    `json:"document"` // in the file, from 1
	Line     int    `json:"line"`     // in the file, from 1, where the object begins

	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"` // where the manifest says one
	Name       string `json:"name"`                // or generateName
	Template   string `json:"template,omitempty"`  // where the pod template stands, in an object that has several
	Owner      string `json:"owner,omitempty"`     // the controller that made it, such as "ReplicaSet web-5f7d9"

	Excluded    string             `json:"excluded,omitempty"` // why it is ignored; then there is nothing below
	Changed     bool               `json:"changed"`            // it would get something
	Verdict     evidence.Verdict   `json:"verdict,omitempty"`  // the worst of its settings, also of findings that are hidden; "" if it would get nothing
	Severity    evidence.Severity  `json:"severity,omitempty"` // of a workload that breaks or is at risk
	Pod         []Decision         `json:"pod,omitempty"`      // decisions at pod level
	Containers  []Container        `json:"containers,omitempty"`
	Findings    []evidence.Finding `json:"findings"` // what breaks or may break
	PodSecurity *PodSecurity       `json:"podSecurity,omitempty"`

	// Only with Options.Locate:
	Edits []yamledit.Edit   `json:"-"` // that add the settings of the pod to the file, which no finding names
	Fixes [][]yamledit.Edit `json:"-"` // that resolve the findings in the file, in their order; nil: nothing that could be added does
}

// A Container is one of a workload's, with what would become of it.
type Container struct {
	Name          string     `json:"name"`
	Type          string     `json:"type"` // init, regular or ephemeral
	Image         string     `json:"image,omitempty"`
	Digest        string     `json:"digest,omitempty"` // of the image that was read, or that runs
	Decisions     []Decision `json:"decisions"`
	WritablePaths []string   `json:"writablePaths,omitempty"` // where an emptyDir would be mounted

	// Only with Options.Locate:
	Line  int             `json:"-"` // in the file, from 1, where the container begins
	Edits []yamledit.Edit `json:"-"` // that add the settings of the container to the file, which no finding names
}

// A Decision is what becomes of one default of the profile, in a container or at
// pod level.
type Decision struct {
	Field   string          `json:"field"`
	Outcome string          `json:"outcome"` // inject, leave or skip
	Reason  string          `json:"reason"`  // of a closed set: docs/reference.md lists them
	Because string          `json:"because,omitempty"`
	Value   json.RawMessage `json:"value,omitempty"` // what would be injected

	Verdict  evidence.Verdict  `json:"verdict,omitempty"`  // of what would be injected: the worst of the findings that name it
	Severity evidence.Severity `json:"severity,omitempty"` // of what breaks or is a risk
}

// PodSecurity says what the Pod Security Standards make of a workload.
type PodSecurity struct {
	Before  string   `json:"before"`            // privileged, baseline or restricted
	After   string   `json:"after"`             // privileged, baseline or restricted
	Missing []string `json:"missing,omitempty"` // what still stands in the way of restricted, in the words of Pod Security Admission
}
