// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/mutate"
)

// A template is a request, and neither a pod nor decisions: its pods are counted when they
// are created.
func TestTemplatesCountAsRequestsOnly(t *testing.T) {
	w := newWebhook(t)
	counted := func() string {
		t.Helper()
		families, err := w.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, family := range families {
			if name := family.GetName(); name == "caseharden_decisions_total" || name == "caseharden_pods_total" {
				all.WriteString(family.String() + "\n")
			}
		}
		return all.String()
	}
	before := counted()
	for _, mode := range mutate.Modes() {
		w.review(t, "/"+string(mode)+"/hardened", createDeployment(barePod))
		if n := w.series(t, "caseharden_request_duration_seconds", fmt.Sprintf(`code="200",mode="%s"`, mode)); n != 1 {
			t.Errorf("%s: %v requests, want 1", mode, n)
		}
	}
	if diff := cmp.Diff(before, counted()); diff != "" {
		t.Errorf("counters that moved (-before +after):\n%s", diff)
	}
}

// The log names the object that was sent, and not its template.
func TestLogNamesTheObject(t *testing.T) {
	for metadata, want := range map[string]string{
		`{"name":"nightly"}`:                                 "kind=CronJob name=nightly would-inject.",
		`{"generateName":"nightly-"}`:                        "kind=CronJob name=nightly- would-inject.",
		`{"name":"` + strings.Repeat("x", maxLogged) + `y"}`: "x… would-inject.",
	} {
		request := create(`{"metadata":` + metadata + `,"spec":{"jobTemplate":{"spec":{"template":` +
			strings.Replace(barePod, `"name":"web"`, `"name":"of-the-template"`, 1) + `}}}}`)
		request.Resource = metav1.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}
		w := newWebhook(t)
		w.review(t, "/audit/hardened", request)
		if line := w.log.String(); !strings.Contains(line, want) || !strings.Contains(line, "level=INFO") || strings.Count(line, "\n") != 1 {
			t.Errorf("the log has no %s: %s", want, line)
		}
	}
	w := newWebhook(t)
	w.review(t, "/audit/hardened", create(barePod))
	if line := w.log.String(); !strings.Contains(line, "kind=Pod name=web") {
		t.Errorf("the log has no kind and name of a pod: %s", line)
	}
}
