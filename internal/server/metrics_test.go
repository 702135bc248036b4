// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/mutate"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetricsAreClean(t *testing.T) {
	problems, err := testutil.GatherAndLint(newWebhook(t).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// All series are there before the first request, and no decision makes another.
func TestSeriesStartAtZero(t *testing.T) {
	w := newWebhook(t)
	before, err := testutil.GatherAndCount(w.registry, "caseharden_decisions_total", "caseharden_request_duration_seconds")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"allowPrivilegeEscalation", "runAsUser"} {
		for _, mode := range mutate.Modes() {
			if n := w.series(t, "caseharden_decisions_total", fmt.Sprintf(`field="%s",mode="%s",outcome="inject",profile="hardened",reason="unset"`, f, mode)); n != 0 {
				t.Errorf("inject of %s in mode %s starts at %v", f, mode, n)
			}
		}
	}
	for _, pod := range []string{
		barePod,
		`{"spec":{"securityContext":{"runAsNonRoot":true,"runAsUser":0,"seccompProfile":{}},"containers":[{},{"securityContext":{"privileged":true}}]}}`,
		`{"spec":{"securityContext":{"runAsUser":0},"containers":[{},{"securityContext":{"capabilities":{"add":["ALL","CAP_SYS_ADMIN"]}}}]}}`,
		`{"spec":{"os":{"name":"windows"},"containers":[{}]}}`,
		`{"metadata":{"annotations":{"container.seccomp.security.alpha.kubernetes.io/app":"unconfined"}},"spec":{"containers":[{"name":"app"}]}}`,
	} {
		for _, mode := range mutate.Modes() {
			for _, profile := range []string{"hardened", "restricted"} {
				w.review(t, fmt.Sprintf("/%s/%s", mode, profile), create(pod))
			}
		}
	}
	for _, path := range []string{"/enforce/nothing", "/nothing", "/warn/hardened"} {
		w.post(path, bytes.NewReader(nil))
	}
	after, err := testutil.GatherAndCount(w.registry, "caseharden_decisions_total", "caseharden_request_duration_seconds")
	if err != nil {
		t.Fatal(err)
	}
	if after != before {
		t.Errorf("there were %d series at the start, and are %d now", before, after)
	}
}

func TestPodsAreCountedOnce(t *testing.T) {
	w := newWebhook(t)
	pods := func(namespace, result string) float64 {
		return w.series(t, "caseharden_pods_total", fmt.Sprintf(`mode="enforce",namespace="%s",profile="hardened",result="%s"`, namespace, result))
	}
	w.review(t, "/enforce/hardened", create(barePod))
	w.review(t, "/enforce/hardened", create(`{"spec":{}}`))
	w.review(t, "/enforce/hardened", updateEphemeral(barePod, `{"spec":{"ephemeralContainers":[{"name":"debugger"}]}}`))
	if p, u := pods("shop", "patched"), pods("shop", "unchanged"); p != 1 || u != 1 {
		t.Errorf("patched %v, unchanged %v, want 1 and 1: a debug container is no new pod", p, u)
	}
	decisions := w.series(t, "caseharden_decisions_total", `field="runAsUser",mode="enforce",outcome="inject",profile="hardened",reason="unset"`)
	if decisions != 2 {
		t.Errorf("%v decisions to inject runAsUser, want 2", decisions)
	}
}

func TestDryRunCountsAsARequestOnly(t *testing.T) {
	w := newWebhook(t)
	request := create(barePod)
	dryRun := true
	request.DryRun = &dryRun
	if response := w.review(t, "/enforce/hardened", request); response.Patch == nil {
		t.Error("a dry run is not hardened")
	}
	if n := w.series(t, "caseharden_decisions_total", `field="runAsUser",mode="enforce",outcome="inject",profile="hardened",reason="unset"`); n != 0 {
		t.Errorf("%v decisions, want 0", n)
	}
	if n := w.series(t, "caseharden_request_duration_seconds", `code="200",mode="enforce"`); n != 1 {
		t.Errorf("%v requests, want 1", n)
	}
	if got, err := testutil.GatherAndCount(w.registry, "caseharden_pods_total"); err != nil || got != 2*len(mutate.Modes())*len(w.profiles) {
		t.Errorf("%d series of pods (%v), want only those of %s", got, err, Other)
	}
}

// Namespaces beyond the cap (3 in these tests) share one label value.
func TestNamespacesAreCapped(t *testing.T) {
	w := newWebhook(t)
	for range 2 {
		for i := range 5 {
			request := create(barePod)
			request.Namespace = fmt.Sprintf("ns-%d", i)
			w.review(t, "/enforce/hardened", request)
		}
	}
	for namespace, want := range map[string]float64{"ns-0": 2, "ns-1": 2, "ns-2": 2, Other: 4} {
		got := w.series(t, "caseharden_pods_total", fmt.Sprintf(`mode="enforce",namespace="%s",profile="hardened",result="patched"`, namespace))
		if got != want {
			t.Errorf("namespace %s: %v pods, want %v", namespace, got, want)
		}
	}
}

// What is no name of a namespace never becomes a label value.
func TestNamespaceLabelIsAName(t *testing.T) {
	w := newWebhook(t)
	request := create(barePod)
	request.Namespace = strings.Repeat("x", 1<<10)
	w.review(t, "/enforce/hardened", request)
	if n := w.series(t, "caseharden_pods_total", `mode="enforce",namespace="_other",profile="hardened",result="patched"`); n != 1 {
		t.Errorf("%v pods under _other, want 1", n)
	}
}
