// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"io"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/hazard"
	"github.com/caseharden/caseharden/preview/manifest"
)

// The parts of SARIF 2.1.0 that are written, by the names of its specification:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		ColumnKind  string            `json:"columnKind"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string         `json:"id"`
		ShortDescription sarifText      `json:"shortDescription"`
		FullDescription  sarifText      `json:"fullDescription"`
		Help             sarifText      `json:"help"`
		Configuration    sarifLevel     `json:"defaultConfiguration"`
		Properties       map[string]any `json:"properties"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifResult struct {
		RuleID              string            `json:"ruleId"`
		RuleIndex           int               `json:"ruleIndex"`
		Kind                string            `json:"kind"`
		Level               string            `json:"level"`
		Message             sarifText         `json:"message"`
		Locations           []sarifLocation   `json:"locations"`
		PartialFingerprints map[string]string `json:"partialFingerprints"`
		Fixes               []sarifFix        `json:"fixes,omitempty"`
		Properties          map[string]any    `json:"properties"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifLogical struct {
		Name               string `json:"name"`
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
	sarifFix struct {
		Description sarifText     `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion `json:"deletedRegion"`
		Inserted *sarifText  `json:"insertedContent,omitempty"`
	}
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	homePage    = "https://github.com/caseharden/caseharden"

	// unsetRule is the rule for settings that would be injected. All others are findings.
	unsetRule = "unset-settings"
)

// writeSARIF writes the findings, and the settings that would be injected, as results of
// SARIF 2.1.0, one a line.
func writeSARIF(w io.Writer, r *preview.Report, _ Style) error {
	s := newSARIFWriter(r)
	log := sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{{
		Tool:        sarifTool{sarifDriver{"Caseharden", homePage, s.rules}},
		ColumnKind:  "unicodeCodePoints",
		Invocations: []sarifInvocation{{ExecutionSuccessful: len(r.Errors) == 0, Notifications: s.notifications()}},
		Results:     []sarifResult{},
	}}}
	text, err := marshal(log, "")
	if err != nil {
		return err
	}
	before, after, _ := bytes.Cut(text, []byte(`"results": []`))
	out := newPrinter(w)
	out.text(before)
	out.text([]byte(`"results": [`))
	separator := "\n        "
	for _, workload := range preview.ByRisk(r.Workloads) {
		for _, result := range s.results(workload) {
			text, err := marshalLine(result)
			if err != nil {
				return err
			}
			out.text([]byte(separator))
			out.text(bytes.TrimSpace(text))
			separator = ",\n        "
		}
	}
	out.text([]byte("]"))
	out.text(after)
	return out.Err
}

// sarifRules returns a rule for each kind of finding that the report has, and for unset
// settings, with their indices.
func sarifRules(r *preview.Report) (rules []sarifRule, indices map[string]int) {
	causes := hazard.CausesByID()
	indices = map[string]int{}
	add := func(id, title, because, fix, level string, tags ...string) {
		indices[id] = len(rules)
		why, how := capitalized(because), capitalized(fix)
		rules = append(rules, sarifRule{
			ID: id, ShortDescription: sarifText{Text: capitalized(title)}, FullDescription: sarifText{Text: why},
			Help:          sarifText{Text: why + "\nFix: " + how, Markdown: sentence(because) + "\n\n**Fix:** " + sentence(fix)},
			Configuration: sarifLevel{level}, Properties: map[string]any{"tags": append([]string{"kubernetes"}, tags...)},
		})
	}
	add(unsetRule, "Settings of the profile that the manifest does not set", "the webhook would inject these settings into the Pods",
		"set them in the manifest, so that it says what runs", "note", "security")
	for _, f := range r.Summary.Findings {
		cause, known := causes[f.ID]
		if !known {
			cause = evidence.Cause{Title: f.Title, Because: f.Title, Fix: "see the result"}
		}
		_, level := sarifKind(evidence.Risk, f.Severity)
		add(f.ID, cause.Title, cause.Because, cause.Fix, level, "reliability")
	}
	return rules, indices
}

// sarifKind returns the kind and the level of a result:
//
//	breaks, and risk of high severity    fail, error
//	risk of medium severity              fail, warning
//	risk of low severity                 fail, note
//	unknown                              open, none
//	fits                                 pass, none
func sarifKind(v evidence.Verdict, s evidence.Severity) (kind, level string) {
	switch {
	case v == evidence.Fits:
		return "pass", "none"
	case v == evidence.Unknown:
		return "open", "none"
	case v == evidence.Breaks || s == evidence.High:
		return "fail", "error"
	case s == evidence.Medium:
		return "fail", "warning"
	}
	return "fail", "note"
}

// notifications are what could not be read.
func (s *sarifWriter) notifications() []sarifNotification {
	var all []sarifNotification
	add := func(level string, problems []manifest.Error) {
		for _, e := range problems {
			all = append(all, sarifNotification{
				Level: level, Message: sarifText{Text: e.Error()},
				Locations: []sarifLocation{{Physical: s.physical(e.File, e.Line)}},
			})
		}
	}
	add("error", s.report.Errors)
	add("warning", s.report.Warnings)
	return all
}
