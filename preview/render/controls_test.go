// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// hostile is what would steer a terminal, or turn the direction of a text.
const hostile = "a\x1b[31mb\rc\u202ed\u009be\x7ff\ng<script>&\"'"

// hostileReport is a report in which every text of others is hostile.
func hostileReport(t *testing.T) *preview.Report {
	t.Helper()
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: %q}\nspec: {nodeName: %q, containers: [{name: %q, image: %q, securityContext: {%q: 0}}]}\n"
	r := preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{
		{Name: "a\x1b[1m\u202eb.yaml", Data: fmt.Appendf(nil, pod, hostile, hostile, hostile, hostile, "runAsUsr\x1b")},
		{Name: "b\x1b.yaml", Data: []byte("a: b: c\n")},
		{Name: "c.yaml", Data: fmt.Appendf(nil, "apiVersion: %q\nkind: %q\nmetadata: {name: %q}\nspec: {replicas: 1}\n", "x.example.com/"+hostile, hostile, hostile)},
		{Name: "d.yaml", Data: fmt.Appendf(nil, "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: kube-system}\nspec: {containers: []}\n")},
	}, preview.Options{Locate: true})
	if len(r.Workloads) != 2 || len(r.Errors) == 0 || len(r.PodMakers) != 1 {
		t.Fatalf("%d workloads, errors %v, %d makers", len(r.Workloads), r.Errors, len(r.PodMakers))
	}
	w := &r.Workloads[0]
	w.Owner, w.Namespace, w.Template = hostile, hostile, hostile
	for _, source := range []evidence.Source{evidence.FromManifest, evidence.FromImage} {
		w.Findings = append(w.Findings, evidence.Finding{
			ID: hostile, Container: hostile, Settings: []string{"runAsUser"}, Verdict: evidence.Breaks, Severity: evidence.High, What: hostile, Fix: hostile,
			Evidence:  []evidence.Item{{Source: source, Text: hostile, Path: hostile, Where: hostile}},
			Exception: &evidence.Exception{Leave: []string{hostile}, WritablePaths: []string{hostile}, Add: []string{hostile}},
		})
	}
	w.Containers[0].WritablePaths = []string{hostile}
	w.Containers[0].Decisions[0].Because = hostile
	w.PodSecurity.Missing = []string{hostile}
	w.SetVerdicts()
	r.Workloads[1].Excluded = hostile
	r.Summary = preview.Summarize(r.Workloads)
	r.Summary.Objects = 3
	return r
}

// What others have written steers no terminal, in any output for which it is not the content
// of a file that has to stay as it is.
func TestControlsAreVisible(t *testing.T) {
	r := hostileReport(t)
	texts := map[string]string{"explain": explained(t, r)}
	for _, o := range Outputs() {
		if o.Name != "yaml" && o.Name != "diff" {
			texts[o.Name] = written(t, r, o.Name)
		}
	}
	for name, text := range texts {
		if i := strings.IndexFunc(text, func(c rune) bool {
			return c < ' ' && c != '\n' || c >= 0x7f && c < 0xa0 || c == 0x202e
		}); i >= 0 {
			t.Errorf("%s has a control character: %q", name, text[max(0, i-60):min(len(text), i+20)])
		}
		if !strings.Contains(text, "202e") {
			t.Errorf("%s does not show the name", name)
		}
	}
}
