// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

const exampleProfiles = "../../docs/examples/profiles"

// everyContainer is a pod that has every type of container, and nothing set.
const everyContainer = `{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {initContainers: [{name: init, image: init}], containers: [{name: app, image: app}], ephemeralContainers: [{name: debug, image: debug}]}}`

const (
	hardenedButUser = "allowPrivilegeEscalation=false capabilities.drop=[\"ALL\"] readOnlyRootFilesystem=true runAsNonRoot=true"
	runtimeDefault  = " seccompProfile={\"type\":\"RuntimeDefault\"}"
	hardened        = hardenedButUser + " runAsUser=10001" + runtimeDefault
	restricted      = `allowPrivilegeEscalation=false capabilities.drop=["ALL"] runAsNonRoot=true` + runtimeDefault
)

// What the comments of the examples claim: what each injects, by container, "" being
// the pod; what is skipped has its reason.
var exampleCases = []struct{ profile, name, pod, want string }{
	{"default-securitycontext", "bare", everyContainer, `
pod: fsGroup=2000 runAsGroup=3000 runAsNonRoot=true runAsUser=1000`},
	{"default-securitycontext", "root in a container", `{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: app, image: app, securityContext: {runAsUser: 0}}]}}`, `
pod: fsGroup=2000 runAsGroup=3000 runAsNonRoot(runs-as-root) runAsUser=1000`},
	{"default-securitycontext", "Windows", `{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {os: {name: windows}, containers: [{name: app, image: app}]}}`, `
pod: fsGroup(windows-pod) runAsGroup(windows-pod) runAsNonRoot=true runAsUser(windows-pod)`},
	{"default-securitycontext", "in part", `{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {securityContext: {runAsUser: 7}, containers: [{name: app, image: app}]}}`, `
pod: fsGroup=2000 runAsGroup=3000 runAsNonRoot=true runAsUser(set-on-pod)`},

	{"pss-restricted", "bare", everyContainer, `
init: ` + restricted + `
app: ` + restricted + `
debug: ` + restricted + `
pod: fsGroup=2000 runAsGroup=3000 runAsUser=1000`},
	{"pss-restricted", "privileged root", `{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: app, image: app, securityContext: {privileged: true, runAsUser: 0}}]}}`, `
app: allowPrivilegeEscalation(privileged) capabilities.drop(privileged) runAsNonRoot(runs-as-root) seccompProfile(privileged)
pod: fsGroup=2000 runAsGroup=3000 runAsUser=1000`},

	{"openshift", "bare", everyContainer, `
init: ` + hardenedButUser + runtimeDefault + ` /tmp
app: ` + hardenedButUser + runtimeDefault + ` /tmp
debug: ` + hardenedButUser + runtimeDefault},

	{"user-and-group", "bare", everyContainer, `
init: allowPrivilegeEscalation=false capabilities.drop=["ALL"] runAsGroup=1000 runAsNonRoot=true runAsUser=1000
app: allowPrivilegeEscalation=false capabilities.drop=["ALL"] runAsGroup=1000 runAsNonRoot=true runAsUser=1000
debug: allowPrivilegeEscalation=false capabilities.drop=["ALL"] runAsGroup=1000 runAsNonRoot=true runAsUser=1000
pod: fsGroup=1000 fsGroupChangePolicy="OnRootMismatch"`},
	{"user-and-group", "a user of the pod", `{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {securityContext: {runAsUser: 7, runAsGroup: 7, fsGroup: 7}, containers: [{name: app, image: app}]}}`, `
app: allowPrivilegeEscalation=false capabilities.drop=["ALL"] runAsGroup(set-on-pod) runAsNonRoot=true runAsUser(set-on-pod)
pod: fsGroup(set-on-pod) fsGroupChangePolicy="OnRootMismatch"`},

	{"legacy-java", "bare", everyContainer, `
init: ` + hardened + ` /tmp
app: ` + hardened + ` /tmp
debug: ` + hardened + `
pod: fsGroup=10001 fsGroupChangePolicy="OnRootMismatch"`},
	{"legacy-java", "application servers", `{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: jenkins, image: "docker.io/jenkins/jenkins:lts"}, {name: tomcat, image: "tomcat:10"}, {name: own, image: "registry.example.com/a/b/tomcat-shop"}]}}`, `
jenkins: allowPrivilegeEscalation=false capabilities.drop=["ALL"] readOnlyRootFilesystem(exception) runAsNonRoot=true runAsUser=1000` + runtimeDefault + `
tomcat: allowPrivilegeEscalation=false capabilities.drop=["ALL"] readOnlyRootFilesystem(exception) runAsNonRoot=true runAsUser=10001` + runtimeDefault + `
own: allowPrivilegeEscalation=false capabilities.drop=["ALL"] readOnlyRootFilesystem(exception) runAsNonRoot=true runAsUser=10001` + runtimeDefault + `
pod: fsGroup=10001 fsGroupChangePolicy="OnRootMismatch"`},

	{"debug", "bare", everyContainer, `
init: ` + hardened + `
app: ` + hardened + `
debug: allowPrivilegeEscalation=false capabilities.drop(exception) readOnlyRootFilesystem(exception) runAsNonRoot(exception) runAsUser(exception)` + runtimeDefault},

	{"self-service", "bare", everyContainer, `
init: ` + hardened + `
app: ` + hardened + `
debug: allowPrivilegeEscalation=false capabilities.drop=["ALL"] readOnlyRootFilesystem(exception) runAsNonRoot(exception) runAsUser(exception)` + runtimeDefault},
	{"self-service", "an author asks", `{apiVersion: v1, kind: Pod, metadata: {name: x, annotations: {caseharden.io/leave: "runAsUser, capabilities.drop"}}, spec: {containers: [{name: app, image: app}]}}`, `
app: allowPrivilegeEscalation=false capabilities.drop(requested) readOnlyRootFilesystem=true runAsNonRoot=true runAsUser=10001` + runtimeDefault},
	{"self-service", "the team's pod", `{apiVersion: v1, kind: Pod, metadata: {name: x, labels: {team: ci}}, spec: {containers: [{name: jenkins, image: "jenkins/jenkins:lts"}, {name: app, image: app}]}}`, `
jenkins: ` + hardened + ` /tmp
app: ` + hardened},
	{"self-service", "another team's pod", `{apiVersion: v1, kind: Pod, metadata: {name: x, labels: {team: web}}, spec: {containers: [{name: jenkins, image: "jenkins/jenkins:lts"}]}}`, `
jenkins: ` + hardened},

	{"mesh", "bare", everyContainer, `
init: ` + hardened + `
app: ` + hardened + `
debug: ` + hardened},
	{"mesh", "proxies", `{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {initContainers: [
		{name: istio-proxy, image: "gcr.io/istio-release/proxyv2:1.27", restartPolicy: Always}, {name: linkerd-proxy, image: "cr.l5d.io/linkerd/proxy:edge", restartPolicy: Always}],
		containers: [{name: istio-proxy2, image: "istio/proxyv2"}, {name: linkerd-network-validator, image: app}]}}`, `
istio-proxy: ` + hardenedButUser + ` runAsUser=1337` + runtimeDefault + `
linkerd-proxy: ` + hardenedButUser + ` runAsUser(exception)` + runtimeDefault + `
istio-proxy2: ` + hardened + `
linkerd-network-validator: ` + hardened},
	{"mesh", "istio-init", `{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: app, image: app}], initContainers: [{name: istio-init, image: "istio/proxyv2", securityContext:
		{allowPrivilegeEscalation: false, privileged: false, capabilities: {add: [NET_ADMIN, NET_RAW], drop: [ALL]}, readOnlyRootFilesystem: false, runAsGroup: 0, runAsNonRoot: false, runAsUser: 0}}]}}`, `
istio-init: allowPrivilegeEscalation(set-on-container) capabilities.drop(set-on-container) readOnlyRootFilesystem(set-on-container) runAsNonRoot(set-on-container) runAsUser(set-on-container)` + runtimeDefault + `
app: ` + hardened},
}

// The examples do what their comments say.
func TestExampleProfiles(t *testing.T) {
	t.Parallel()
	profiles, err := loadProfiles([]string{exampleProfiles})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range exampleCases {
		t.Run(tt.profile+"/"+tt.name, func(t *testing.T) {
			p, err := findProfile(profiles, tt.profile)
			if err != nil {
				t.Fatal(err)
			}
			report := preview.New(p, []manifest.Input{{Name: "pod.yaml", Data: []byte(tt.pod)}}, preview.Options{})
			if len(report.Errors) > 0 {
				t.Fatal(report.Errors)
			}
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), said(report.Workloads[0])); diff != "" {
				t.Errorf("decisions (-want +got):\n%s", diff)
			}
		})
	}
}

// Every example has a bare pod among the cases, a comment of both parts, and the name
// of its file.
func TestExampleProfilesAreAll(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(exampleProfiles + "/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	document, err := os.ReadFile("../../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"# Replaces: ", "\n# Differs", "\n  name: " + name + "\n"} {
			if !strings.Contains(string(data), part) {
				t.Errorf("%s has no %q", file, part)
			}
		}
		if !slices.ContainsFunc(exampleCases, func(c struct{ profile, name, pod, want string }) bool {
			return c.profile == name && c.pod == everyContainer
		}) {
			t.Errorf("%s: no case says what a bare pod gets", file)
		}
		if !strings.Contains(string(document), "(examples/profiles/"+name+".yaml)") {
			t.Errorf("../../docs/profiles.md has no link to %s", file)
		}
	}
}

// said writes down the decisions on a workload, a line for each container.
func said(w preview.Workload) string {
	var lines []string
	add := func(who string, decisions []preview.Decision, paths []string) {
		if len(decisions) == 0 {
			return
		}
		line := who + ":"
		for _, d := range decisions {
			if d.Outcome == "inject" {
				line += fmt.Sprintf(" %s=%s", d.Field, d.Value)
			} else {
				line += fmt.Sprintf(" %s(%s)", d.Field, d.Reason)
			}
		}
		for _, path := range paths {
			line += " " + path
		}
		lines = append(lines, line)
	}
	for _, c := range w.Containers {
		add(c.Name, c.Decisions, c.WritablePaths)
	}
	add("pod", w.Pod, nil)
	return strings.Join(lines, "\n")
}
