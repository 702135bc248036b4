// SPDX-License-Identifier: Apache-2.0

// Package krm is the preview as a function on Kubernetes resources, for kustomize and kpt: a
// ResourceList comes in, and one goes out, with what the profile adds and with the findings as
// results. The items are changed as by preview -o yaml: nothing but additions.
package krm

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/render"
)

// Run previews the items of a ResourceList as its functionConfig says. Of the options, Today and
// Known count. errs are the results that are errors, one line each; the output is complete in
// any case.
func Run(input []byte, options preview.Options) (output []byte, errs []string, err error) {
	list, err := readList(input)
	if err != nil {
		return nil, nil, err
	}
	c, err := readConfig(member(list, "functionConfig"))
	if err != nil {
		return nil, nil, err
	}
	options.MinSeverity = c.minSeverity
	report := preview.New(c.profile, []manifest.Input{{Name: manifest.Stdin, Data: input}}, options)
	results := c.results(report, list)
	if !c.check {
		var changed bytes.Buffer
		if err := render.Write(&changed, report, "yaml", render.Style{}); err != nil {
			return nil, nil, err
		}
		if list, err = readList(changed.Bytes()); err != nil {
			return nil, nil, fmt.Errorf("internal error: the changed ResourceList: %w", err)
		}
	}
	for _, r := range results {
		if r.Severity == severityError {
			errs = append(errs, r.line())
		}
	}
	if output, err = withResults(list, results); err != nil {
		return nil, nil, err
	}
	return output, errs, nil
}

// readList returns the root of a ResourceList.
func readList(text []byte) (*yaml.Node, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("no ResourceList on standard input: this command is a function for kustomize and kpt")
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	list := &yaml.Node{}
	if len(document.Content) > 0 {
		list = document.Content[0]
	}
	apiVersion, kind := textOf(member(list, "apiVersion")), textOf(member(list, "kind"))
	if group, _, _ := strings.Cut(apiVersion, "/"); group != "config.kubernetes.io" || kind != "ResourceList" {
		return nil, fmt.Errorf("standard input: must be a ResourceList of config.kubernetes.io/v1, is a %s of %s", kind, apiVersion)
	}
	return list, nil
}

// withResults returns the text of the list, with these results in place of others.
func withResults(list *yaml.Node, results []result) ([]byte, error) {
	var value yaml.Node
	if err := value.Encode(results); err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(list.Content); i += 2 {
		if list.Content[i].Value == "results" {
			list.Content = append(list.Content[:i], list.Content[i+2:]...)
			break
		}
	}
	if len(results) > 0 {
		list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "results"}, &value)
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	err := encoder.Encode(list)
	return out.Bytes(), errors.Join(err, encoder.Close())
}

const (
	severityError   = "error"
	severityWarning = "warning"
	severityInfo    = "info"
)

// A result is one of the specification of KRM functions.
type result struct {
	Message     string            `yaml:"message"`
	Severity    string            `yaml:"severity"`
	ResourceRef *resourceRef      `yaml:"resourceRef,omitempty"`
	File        *file             `yaml:"file,omitempty"`
	Tags        map[string]string `yaml:"tags,omitempty"`
}

// line returns the result as a line of text.
func (r result) line() string {
	if ref := r.ResourceRef; ref != nil {
		return ref.Kind + " " + strings.TrimPrefix(ref.Namespace+"/"+ref.Name, "/") + ": " + r.Message
	}
	return r.Message
}

type resourceRef struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Namespace  string `yaml:"namespace,omitempty"`
	Name       string `yaml:"name"`
}

type file struct {
	Path  string `yaml:"path"`
	Index int    `yaml:"index"`
}

// results returns what the report found: what could not be read, findings by workload, and
// fields that Kubernetes does not have.
func (c *config) results(report *preview.Report, list *yaml.Node) []result {
	var results []result
	for _, e := range report.Errors {
		results = append(results, result{Message: e.Message, Severity: severityError})
	}
	for _, w := range report.Workloads {
		for _, f := range w.Findings {
			message := f.What + ": " + f.Fix
			if f.Container != "" {
				message = "container " + f.Container + ": " + message
			}
			results = append(results, result{
				Message: message, Severity: c.severity(f), File: fileOf(list, w),
				ResourceRef: &resourceRef{w.APIVersion, w.Kind, w.Namespace, w.Name},
				Tags:        map[string]string{"id": f.ID, "verdict": string(f.Verdict), "severity": string(f.Severity), "profile": report.Profile},
			})
		}
	}
	for _, w := range report.Warnings {
		results = append(results, result{Message: w.Message, Severity: severityWarning})
	}
	return results
}

// severity returns the severity of a result:
//
//	verdict  failOn breaks  failOn risk
//	breaks   error          error
//	risk     warning        error
//	others   info           info
func (c *config) severity(f evidence.Finding) string {
	switch {
	case f.Verdict == evidence.Breaks, f.Verdict == evidence.Risk && c.failOnRisk:
		return severityError
	case f.Verdict == evidence.Risk:
		return severityWarning
	}
	return severityInfo
}

// fileOf returns the file that the annotations of a workload name, and its place there; nil
// if they name none.
func fileOf(list *yaml.Node, w preview.Workload) *file {
	items := member(list, "items")
	if items == nil {
		return nil
	}
	for _, item := range items.Content {
		metadata := member(item, "metadata")
		if textOf(member(item, "kind")) != w.Kind || textOf(member(metadata, "name")) != w.Name || textOf(member(metadata, "namespace")) != w.Namespace {
			continue
		}
		annotations := member(metadata, "annotations")
		for _, prefix := range []string{"internal.config.kubernetes.io/", "config.kubernetes.io/"} {
			if path := textOf(member(annotations, prefix+"path")); path != "" {
				index, _ := strconv.Atoi(textOf(member(annotations, prefix+"index"))) // absent is 0
				return &file{path, index}
			}
		}
	}
	return nil
}

// member returns the value of an object's member, or nil.
func member(object *yaml.Node, name string) *yaml.Node {
	if object == nil || object.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(object.Content); i += 2 {
		if object.Content[i].Value == name {
			return object.Content[i+1]
		}
	}
	return nil
}

// textOf returns the text of a scalar; of anything else it is empty.
func textOf(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	return node.Value
}
