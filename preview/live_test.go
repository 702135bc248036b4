// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview/manifest"
)

// previewed returns the findings of each workload, as "verdict id container".
func previewed(t *testing.T, text string, o Options) map[string][]string {
	t.Helper()
	report := New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "in.yaml", Data: []byte(text)}}, o)
	if len(report.Errors) > 0 {
		t.Fatal(report.Errors)
	}
	all := map[string][]string{}
	for _, w := range report.Workloads {
		for _, f := range w.Findings {
			all[w.Kind+" "+w.Name] = append(all[w.Kind+" "+w.Name], fmt.Sprintf("%s %s %s", f.Verdict, f.ID, f.Container))
		}
	}
	return all
}

const deploymentAndPods = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {spec: {containers: [{name: c, image: web}, {name: d, image: side}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: shop}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: report}]}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: other}
spec: {template: {spec: {containers: [{name: c, image: web}]}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: web-5f7d9-x
  namespace: shop
  labels: {pod-template-hash: 5f7d9}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5f7d9, controller: true, uid: "1"}]
spec: {containers: [{name: c, image: web}, {name: d, image: side}]}
status:
  containerStatuses:
  - {name: c, image: web, imageID: x, ready: true, restartCount: 0, user: {linux: {uid: 0, gid: 0}}}
  - {name: d, image: side, imageID: x, ready: true, restartCount: 0, user: {linux: {uid: 10001, gid: 0}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: report-29384-x
  namespace: shop
  ownerReferences: [{apiVersion: batch/v1, kind: Job, name: report-29384, controller: true, uid: "1"}]
spec: {containers: [{name: c, image: report}]}
status:
  containerStatuses:
  - {name: c, image: report, imageID: x, ready: false, restartCount: 5, user: {linux: {uid: 101, gid: 0}}, state: {waiting: {reason: CrashLoopBackOff}}}
`

// Pods speak for themselves, and for the Deployment and the CronJob that made them.
func TestPodsSpeakForTheirControllers(t *testing.T) {
	found := previewed(t, deploymentAndPods, Options{})
	about := func(list []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(f string) bool {
			return !strings.Contains(f, "user-now") && !strings.Contains(f, "not-running-now")
		})
	}
	web := []string{"risk user-now c", "fits user-now d"}
	report := []string{"unknown not-running-now c", "risk user-now c"}
	want := map[string][]string{
		"Deployment web": web, "Pod web-5f7d9-x": web, "CronJob report": report, "Pod report-29384-x": report,
	}
	got := map[string][]string{}
	for name, list := range found {
		if list = about(list); len(list) > 0 {
			got[name] = list
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A Pod speaks for a template only if it was made with the image and the author's user of
// the template. What the webhook filled in is no user of the author's.
func TestPodsOfOtherTemplatesDoNotSpeak(t *testing.T) {
	const template = `
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec: {template: {spec: {hostname: a, containers: [{name: c, image: "web:2"}]}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: web-x
  annotations: {caseharden.io/injected: %q}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, controller: true, uid: "1"}]
spec: {%s, containers: [{name: c, image: %q%s}]}
status:
  containerStatuses:
  - {name: c, image: web, imageID: web@sha256:1, ready: true, restartCount: 0, user: {linux: {uid: 10001, gid: 0}}}
`
	const (
		none     = `hostname: a`
		ofPod    = `securityContext: {runAsUser: 10001}`
		own      = `, securityContext: {runAsUser: 10001}`
		injected = `{"profile":"hardened","containers":{"c":["runAsUser"]}}`
	)
	for _, tt := range []struct {
		name, annotation, ofPod, image, own, speaks string
	}{
		{"the same", "", none, "web:2", "", "fits user-now c"},
		{"another image", "", none, "web:1", "", ""},
		{"the Pod's author set a user", "", none, "web:2", own, ""},
		{"the Pod's author set a user for the Pod", "", ofPod, "web:2", "", ""},
		{"the webhook filled in the user", injected, none, "web:2", own, "fits user-now c"},
		{"the webhook filled in the user of another container", `{"containers":{"d":["runAsUser"]}}`, none, "web:2", own, ""},
	} {
		text := fmt.Sprintf(template, tt.annotation, tt.ofPod, tt.image, tt.own)
		found := previewed(t, text, Options{})
		got := ""
		for _, f := range found["ReplicaSet web"] {
			if strings.Contains(f, "user-now") {
				got += f
			}
		}
		if got != tt.speaks {
			t.Errorf("%s: the ReplicaSet has %q, want %q", tt.name, got, tt.speaks)
		}
	}
}

// Of Pods of several revisions, the one of the template speaks, wherever it stands.
func TestPodsOfSeveralRevisions(t *testing.T) {
	pod := func(name, image string, uid int) string {
		return fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: %s, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: db, controller: true, uid: "1"}]}
spec: {containers: [{name: c, image: %q}]}
status: {containerStatuses: [{name: c, image: x, imageID: x, ready: true, restartCount: 0, user: {linux: {uid: %d, gid: 0}}}]}
`, name, image, uid)
	}
	const set = `---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {template: {spec: {containers: [{name: c, image: "db:2"}]}}}
`
	first, second := pod("db-0", "db:1", 10001), pod("db-1", "db:2", 0)
	for _, text := range []string{set + first + second, set + second + first} {
		found := previewed(t, text, Options{})["StatefulSet db"]
		if !slices.Contains(found, "risk user-now c") || slices.Contains(found, "fits user-now c") {
			t.Errorf("the StatefulSet has %q", found)
		}
	}
}

// Of Pods of one template, one that works under the user of a profile speaks first, then one
// that works as root: that others run as another user does not make it fit.
func TestWhichPodSpeaks(t *testing.T) {
	pod := func(name string, uid int, ready bool, hardened bool) string {
		annotation, context := "", ""
		if hardened {
			annotation, context = `{"containers":{"c":["runAsUser"]}}`, ", securityContext: {runAsUser: 10001}"
		}
		return fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: %s, annotations: {caseharden.io/injected: %q}, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: db, controller: true, uid: "1"}]}
spec: {containers: [{name: c, image: db%s}]}
status: {containerStatuses: [{name: c, image: x, imageID: x, ready: %t, restartCount: 0, user: {linux: {uid: %d, gid: 0}}}]}
`, name, annotation, context, ready, uid)
	}
	const set = "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {template: {spec: {containers: [{name: c, image: db}]}}}\n"
	for name, c := range map[string]struct {
		pods [2]string
		want string
	}{
		"one works under the profile, one as root":            {[2]string{pod("a", 10001, true, true), pod("b", 0, true, false)}, "fits user-now c"},
		"one does not work under the profile":                 {[2]string{pod("a", 10001, false, true), pod("b", 0, true, false)}, "risk user-now c"},
		"one has the user by its image, and one runs as root": {[2]string{pod("a", 10001, true, false), pod("b", 0, true, false)}, "risk user-now c"},
		"one is not ready":                                    {[2]string{pod("a", 0, false, false), pod("b", 10001, true, false)}, "fits user-now c"},
	} {
		for _, text := range []string{set + c.pods[0] + c.pods[1], c.pods[1] + c.pods[0] + set} {
			var got []string
			for _, f := range previewed(t, text, Options{})["StatefulSet db"] {
				if strings.Contains(f, "user-now") {
					got = append(got, f)
				}
			}
			if diff := cmp.Diff([]string{c.want}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}

const lowPortPod = `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: c, image: web, ports: [{containerPort: 80}]}]}
`

func node(runtime, architecture string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {nodeInfo: {containerRuntimeVersion: %q, operatingSystem: linux, architecture: %s}}\n", runtime, architecture)
}

// The Nodes among the inputs tell the runtime, unless an option does.
func TestNodesTellTheRuntime(t *testing.T) {
	for _, tt := range []struct {
		name, nodes, option string
		want                bool
	}{
		{"none", "", "", false},
		{"containerd 2", node("containerd://2.2.0", "amd64"), "", false},
		{"containerd 1", node("containerd://1.7.29", "amd64"), "", true},
		{"one of them is containerd 1", node("containerd://2.2.0", "amd64") + node("containerd://1.7.29", "amd64"), "", true},
		{"containerd 1 before containerd 10", node("containerd://1.7.29", "amd64") + node("containerd://10.0.0", "amd64"), "", true},
		{"an option", "", "containerd://1.7.29", true},
		{"an option against the nodes", node("containerd://1.7.29", "amd64"), "containerd://2.2.0", false},
	} {
		found := previewed(t, lowPortPod+tt.nodes, Options{Runtime: tt.option})
		if got := slices.Contains(found["Pod web"], "risk low-port c"); got != tt.want {
			t.Errorf("%s: low-port is found: %t, want %t", tt.name, got, tt.want)
		}
	}
}

// Each image is asked for once, with the platform of the nodes, and a container has the
// findings of its image, also if the image cannot be read or is ignored.
func TestImagesAreJudgedOnce(t *testing.T) {
	var asked []string
	read := func(images []string, platform string, use func(string, *evidence.Image, error)) {
		if platform != "linux/arm64" {
			t.Errorf("the platform is %q", platform)
		}
		asked = images
		use("web", &evidence.Image{Config: evidence.Config{User: "0"}}, nil)
		use("side", nil, fmt.Errorf("no such image"))
		use("side", &evidence.Image{}, nil) // a second time does not count
	}
	found := previewed(t, deploymentAndPods+node("containerd://2.2.0", "arm64"), Options{Images: read})
	if diff := cmp.Diff([]string{"web", "side", "report"}, asked); diff != "" {
		t.Errorf("images that are asked for (-want +got):\n%s", diff)
	}
	if !slices.Contains(found["Pod web-5f7d9-x"], "unknown image-unread d") || slices.Contains(found["Pod web-5f7d9-x"], "unknown image-unread c") {
		t.Errorf("the findings are %q", found["Pod web-5f7d9-x"])
	}
	if !slices.ContainsFunc(found["CronJob report"], func(f string) bool { return strings.HasPrefix(f, "risk ") }) {
		t.Errorf("a container whose image was ignored has the findings %q", found["CronJob report"])
	}
}
