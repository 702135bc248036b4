// SPDX-License-Identifier: Apache-2.0

package defaults_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	. "github.com/caseharden/caseharden/defaults"
)

// matchCases have, for each criterion of a match, pods whose last container it means, and
// near misses.
var matchCases = []struct {
	match, name, pod string
	want             bool
}{
	{"privileged: true", "privileged", `{spec: {containers: [{securityContext: {privileged: true}}]}}`, true},
	{"privileged: true", "set to false", `{spec: {containers: [{securityContext: {privileged: false}}]}}`, false},
	{"privileged: true", "another container's", `{spec: {containers: [{securityContext: {privileged: true}}, {}]}}`, false},

	{"addsCapabilities: true", "one", `{spec: {containers: [{securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}]}}`, true},
	{"addsCapabilities: true", "an empty list", `{spec: {containers: [{securityContext: {capabilities: {add: []}}}]}}`, false},
	{"addsCapabilities: true", "a null", `{spec: {containers: [{securityContext: {capabilities: {add: null}}}]}}`, false},
	{"addsCapabilities: true", "a drop", `{spec: {containers: [{securityContext: {capabilities: {drop: [NET_RAW]}}}]}}`, false},
	{"addsCapabilities: true", "another container's", `{spec: {containers: [{securityContext: {capabilities: {add: [CHOWN]}}}, {}]}}`, false},

	{"runAsNonRoot: true", "on the container", `{spec: {containers: [{securityContext: {runAsNonRoot: true}}]}}`, true},
	{"runAsNonRoot: true", "inherited", `{spec: {securityContext: {runAsNonRoot: true}, containers: [{}]}}`, true},
	{"runAsNonRoot: true", "inherited past a null", `{spec: {securityContext: {runAsNonRoot: true}, containers: [{securityContext: {runAsNonRoot: null}}]}}`, true},
	{"runAsNonRoot: true", "the container's wins", `{spec: {securityContext: {runAsNonRoot: true}, containers: [{securityContext: {runAsNonRoot: false}}]}}`, false},
	{"runAsNonRoot: true", "on the container, and the pod says otherwise", `{spec: {securityContext: {runAsNonRoot: false}, containers: [{securityContext: {runAsNonRoot: true}}]}}`, true},
	{"runAsNonRoot: true", "unset", `{spec: {containers: [{}]}}`, false},
	{"runAsNonRoot: true", "another container's", `{spec: {containers: [{securityContext: {runAsNonRoot: true}}, {}]}}`, false},
	{"runAsNonRoot: true", "filled in by an earlier pass", annotated(`{"containers":{"app":["runAsNonRoot"]}}`, `{containers: [{name: app, securityContext: {runAsNonRoot: true}}]}`), false},
	{"runAsNonRoot: true", "filled in at pod level by an earlier pass", annotated(`{"pod":["runAsNonRoot"]}`, `{securityContext: {runAsNonRoot: true}, containers: [{name: app}]}`), false},
	{"runAsNonRoot: true", "an earlier pass filled in something else", annotated(`{"containers":{"app":["runAsUser"]},"pod":["fsGroup"]}`, `{containers: [{name: app, securityContext: {runAsNonRoot: true}}]}`), true},
	{"runAsNonRoot: true", "an earlier pass filled it in elsewhere", annotated(`{"containers":{"b":["runAsNonRoot"]},"pod":["runAsNonRoot"]}`, `{containers: [{name: app, securityContext: {runAsNonRoot: true}}]}`), true},
	{"runAsNonRoot: true", "the author's on the pod, and an earlier pass on another container", annotated(`{"containers":{"app":["runAsNonRoot"]}}`, `{securityContext: {runAsNonRoot: true}, containers: [{name: app}]}`), true},
	{"runAsNonRoot: true", "an annotation that is not ours", annotated(`runAsNonRoot`, `{containers: [{name: app, securityContext: {runAsNonRoot: true}}]}`), true},
	{"runAsNonRoot: true", "a name that two containers share", `{spec: {containers: [{name: app}, {name: app, securityContext: {runAsNonRoot: true}}]}}`, false},
	{"runAsNonRoot: true", "names that differ", `{spec: {containers: [{name: web}, {name: web}, {name: app, securityContext: {runAsNonRoot: true}}]}}`, true},

	{"podLabels: {app: web, tier: front}", "all of them, and another", `{metadata: {labels: {app: web, tier: front, team: a}}, spec: {containers: [{}]}}`, true},
	{"podLabels: {app: web, tier: front}", "one of two", `{metadata: {labels: {app: web}}, spec: {containers: [{}]}}`, false},
	{"podLabels: {app: web, tier: front}", "another value", `{metadata: {labels: {app: web, tier: frontend}}, spec: {containers: [{}]}}`, false},
	{"podLabels: {app: web}", "no labels", `{metadata: {name: x}, spec: {containers: [{}]}}`, false},
	{"podLabels: {app: web}", "a null", `{metadata: {labels: null}, spec: {containers: [{}]}}`, false},
	{"podLabels: {app: web}", "an annotation", `{metadata: {annotations: {app: web}}, spec: {containers: [{}]}}`, false},
	{"podLabels: {app: web}", "of no strings, which the API server refuses", `{metadata: {labels: {app: web, n: 1}}, spec: {containers: [{}]}}`, false},
	{`podLabels: {app: ""}`, "an empty value", `{metadata: {labels: {app: ""}}, spec: {containers: [{}]}}`, true},
	{`podLabels: {app: ""}`, "no such label", `{metadata: {labels: {b: ""}}, spec: {containers: [{}]}}`, false},

	{"containerTypes: [ephemeral]", "ephemeral", `{spec: {ephemeralContainers: [{}]}}`, true},
	{"containerTypes: [ephemeral]", "regular", `{spec: {containers: [{}]}}`, false},
	{"containers: ['istio-*']", "by a glob", `{spec: {containers: [{name: istio-proxy}]}}`, true},
	{"containers: ['istio-*']", "another", `{spec: {containers: [{name: not-istio-proxy}]}}`, false},
	{"images: [nginx]", "by its repository", `{spec: {containers: [{image: "docker.io/library/nginx:1"}]}}`, true},
	{"images: [nginx]", "another", `{spec: {containers: [{image: "quay.io/nginx:1"}]}}`, false},
	{"privileged: true, addsCapabilities: true, podLabels: {a: b}", "all hold", `{metadata: {labels: {a: b}}, spec: {containers: [{securityContext: {privileged: true, capabilities: {add: [X]}}}]}}`, true},
	{"privileged: true, addsCapabilities: true, podLabels: {a: b}", "all but one", `{metadata: {labels: {a: b}}, spec: {containers: [{securityContext: {privileged: true}}]}}`, false},
}

// annotated returns a pod with a record of an earlier pass.
func annotated(record, spec string) string {
	return fmt.Sprintf(`{metadata: {annotations: {%s: '%s'}}, spec: %s}`, InjectedAnnotation, record, spec)
}

func TestMatch(t *testing.T) {
	for _, tt := range matchCases {
		t.Run(tt.match+"/"+tt.name, func(t *testing.T) {
			profile := mustParseProfile(t, head+"spec: {base: hardened, exceptions: [{match: {"+tt.match+"}, leave: [readOnlyRootFilesystem], reason: x}]}")
			pod := mustParsePod(t, tt.pod)
			c := &pod.Containers[len(pod.Containers)-1]
			if got := decisionOn(t, profile, pod, c, "readOnlyRootFilesystem").Outcome == Skip; got != tt.want {
				t.Errorf("the container is meant: %t, want %t", got, tt.want)
			}
		})
	}
}

// An exception that began to match by what the first pass filled in would change the pod
// in the second pass.
func TestExceptionsDoNotBeginToMatch(t *testing.T) {
	profile := mustParseProfile(t, head+`spec:
  container: {runAsNonRoot: true}
  exceptions: [{match: {runAsNonRoot: true}, container: {readOnlyRootFilesystem: true}, reason: x}]`)
	first := mustParsePod(t, `{spec: {containers: [{name: app}]}}`)
	if got := described(profile.Decide(first)); cmp.Diff([]string{"runAsNonRoot: inject true"}, got) != "" {
		t.Errorf("first pass: %q", got)
	}
	second := mustParsePod(t, annotated(`{"profile":"x","containers":{"app":["runAsNonRoot"]}}`, `{containers: [{name: app, securityContext: {runAsNonRoot: true}}]}`))
	if got := described(profile.Decide(second)); cmp.Diff([]string{"runAsNonRoot: leave set-on-container"}, got) != "" {
		t.Errorf("second pass: %q", got)
	}
}

// Labels and the record of an earlier pass are as long as a client likes, and a pod has as
// many containers: neither is read once for each of them.
func BenchmarkMatch(b *testing.B) {
	profile := mustParseProfile(b, head+`spec:
  base: hardened
  exceptions: [{match: {runAsNonRoot: true, podLabels: {a: b}}, leave: [runAsUser], reason: x}]`)
	many := strings.TrimSuffix(strings.Repeat(`"x",`, 50_000), ",")
	for _, n := range []int{1, 1000, 16_000} {
		pod, err := ParsePod([]byte(`{"metadata":{"labels":{"a":"b","long":"` + strings.Repeat("x", 200_000) + `"},"annotations":{"caseharden.io/injected":` +
			fmt.Sprintf("%q", `{"containers":{"c":[`+many+`]}}`) + `}},"spec":{"containers":[` +
			strings.TrimSuffix(strings.Repeat(`{"name":"c","securityContext":{"runAsNonRoot":true}},`, n), ",") + `]}}`))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				profile.Decide(pod)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/container")
		})
	}
}
