// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// exceptionProfiles has one of every way to make an exception, on top of a base
// from which it removes something.
const exceptionProfiles = `apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: exceptions}
spec:
  base: hardened
  container: {readOnlyRootFilesystem: null, runAsUser: 1234}
  pod: {fsGroup: 7, runAsNonRoot: true}
  exceptions:
  - {match: {containers: ["*-proxy"]}, leave: [runAsUser], reason: "the mesh picks <its> user"}
  - {match: {containerTypes: [init, ephemeral]}, leave: [capabilities.drop], reason: setup and debugging need capabilities}
  - {match: {privileged: true}, leave: [runAsNonRoot, runAsUser, fsGroup], reason: a device plugin is root}
  - {match: {images: [jenkins/jenkins, docker.io/library/nginx, registry.example.com/**/db]}, container: {runAsUser: 1000}, reason: the files of the image belong to user 1000}
`

// Exceptions end to end: the pod as it is stored, what is said on it and in the
// audit log, and the metrics.
func TestExceptions(t *testing.T) {
	const (
		rest    = `"runAsNonRoot":true,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`
		dropped = `{"capabilities":{"drop":["ALL"]},`
		atPod   = `{"runAsNonRoot":true,"fsGroup":7}`
		all     = `["allowPrivilegeEscalation","capabilities.drop","runAsNonRoot","runAsUser","seccompProfile"]`
	)
	own := withOwnProfiles(t)
	namespace := newEnforced(t, "exceptions")
	for name, tt := range map[string]struct {
		manifest string
		want     map[string]string // security contexts
		injected string            // containers and pod in the annotation
		skipped  string            // containers and pod in the audit log
		metrics  []string          // fields that are skipped by exception
	}{
		"none": {
			manifest: `spec: {containers: [{name: app}]}`,
			want:     map[string]string{"": atPod, "app": dropped + `"runAsUser":1234,` + rest},
			injected: `"containers":{"app":` + all + `},"pod":["fsGroup","runAsNonRoot"]`,
		},
		"by name": {
			manifest: `spec: {containers: [{name: mesh-proxy}, {name: mesh-proxy2}]}`,
			want:     map[string]string{"": atPod, "mesh-proxy": dropped + rest, "mesh-proxy2": dropped + `"runAsUser":1234,` + rest},
			injected: `"containers":{"mesh-proxy":["allowPrivilegeEscalation","capabilities.drop","runAsNonRoot","seccompProfile"],"mesh-proxy2":` + all + `},"pod":["fsGroup","runAsNonRoot"]`,
			skipped:  `"containers":{"mesh-proxy":{"runAsUser":"exception: the mesh picks \u003cits\u003e user"}}`,
			metrics:  []string{"runAsUser"},
		},
		"by type": {
			manifest: `spec: {initContainers: [{name: setup}, {name: sidecar, restartPolicy: Always}], containers: [{name: app}]}`,
			want: map[string]string{"": atPod, "app": dropped + `"runAsUser":1234,` + rest,
				"setup": `{"runAsUser":1234,` + rest, "sidecar": `{"runAsUser":1234,` + rest},
			injected: `"containers":{"app":` + all + `,"setup":["allowPrivilegeEscalation","runAsNonRoot","runAsUser","seccompProfile"],"sidecar":["allowPrivilegeEscalation","runAsNonRoot","runAsUser","seccompProfile"]},"pod":["fsGroup","runAsNonRoot"]`,
			skipped:  `"containers":{"setup":{"capabilities.drop":"exception: setup and debugging need capabilities"},"sidecar":{"capabilities.drop":"exception: setup and debugging need capabilities"}}`,
			metrics:  []string{"capabilities.drop", "capabilities.drop"},
		},
		"privileged": {
			manifest: `spec: {containers: [{name: app, securityContext: {privileged: true}}]}`,
			want:     map[string]string{"": `{}`, "app": `{"privileged":true}`},
			skipped: `"containers":{"app":{"allowPrivilegeEscalation":"privileged","capabilities.drop":"privileged","runAsNonRoot":"exception: a device plugin is root","runAsUser":"exception: a device plugin is root","seccompProfile":"privileged"}},` +
				`"pod":{"fsGroup":"exception: a device plugin is root","runAsNonRoot":"exception: a device plugin is root"}`,
			metrics: []string{"fsGroup", "runAsNonRoot", "runAsNonRoot", "runAsUser"},
		},
		"not privileged": {
			manifest: `spec: {containers: [{name: app, securityContext: {privileged: false}}]}`,
			want:     map[string]string{"": atPod, "app": `{"capabilities":{"drop":["ALL"]},"privileged":false,"runAsUser":1234,` + rest},
			injected: `"containers":{"app":` + all + `},"pod":["fsGroup","runAsNonRoot"]`,
		},
		"by image": {
			manifest: `spec: {containers: [{name: tag, image: "jenkins/jenkins:lts"}, {name: registry, image: docker.io/jenkins/jenkins}, {name: index, image: "index.docker.io/jenkins/jenkins@sha256:` + strings.Repeat("0", 64) + `"}, {name: short, image: nginx}, {name: stars, image: "registry.example.com/shop/eu/db:1"}]}`,
			want: map[string]string{"": atPod,
				"tag": dropped + `"runAsUser":1000,` + rest, "registry": dropped + `"runAsUser":1000,` + rest,
				"index": dropped + `"runAsUser":1000,` + rest, "short": dropped + `"runAsUser":1000,` + rest, "stars": dropped + `"runAsUser":1000,` + rest},
			injected: `"containers":{"index":` + all + `,"registry":` + all + `,"short":` + all + `,"stars":` + all + `,"tag":` + all + `},"pod":["fsGroup","runAsNonRoot"]`,
		},
		"by another image": {
			manifest: `spec: {containers: [{name: a, image: "quay.io/jenkins/jenkins:lts"}, {name: b, image: jenkins}, {name: c, image: jenkins/jenkins-agent}, {name: d, image: db}]}`,
			want: map[string]string{"": atPod,
				"a": dropped + `"runAsUser":1234,` + rest, "b": dropped + `"runAsUser":1234,` + rest,
				"c": dropped + `"runAsUser":1234,` + rest, "d": dropped + `"runAsUser":1234,` + rest},
			injected: `"containers":{"a":` + all + `,"b":` + all + `,"c":` + all + `,"d":` + all + `},"pod":["fsGroup","runAsNonRoot"]`,
		},
		"what the author set": {
			manifest: `spec: {containers: [{name: app, image: jenkins/jenkins, securityContext: {runAsUser: 5}}]}`,
			want:     map[string]string{"": atPod, "app": dropped + `"runAsUser":5,` + rest},
			injected: `"containers":{"app":["allowPrivilegeEscalation","capabilities.drop","runAsNonRoot","seccompProfile"]},"pod":["fsGroup","runAsNonRoot"]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, manager := metrics(t, own.Webhook), unique("exceptions")
			admitted, err := client.CoreV1().Pods(namespace).Create(t.Context(), pod(t, tt.manifest), metav1.CreateOptions{FieldManager: manager})
			if err != nil {
				t.Fatal(err)
			}
			admitted, err = client.CoreV1().Pods(namespace).Get(t.Context(), admitted.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, securityContexts(t, admitted)); diff != "" {
				t.Errorf("security contexts (-want +got):\n%s", diff)
			}
			wantAudit := map[string]string{}
			wantAnnotation := ""
			if tt.injected != "" {
				wantAnnotation = `{"profile":"exceptions",` + tt.injected + `}`
				wantAudit["enforce-exceptions.caseharden.io/injected"] = wantAnnotation
			}
			if tt.skipped != "" {
				wantAudit["enforce-exceptions.caseharden.io/skipped"] = `{"profile":"exceptions",` + tt.skipped + `}`
			}
			if diff := cmp.Diff(wantAnnotation, admitted.Annotations["caseharden.io/injected"]); diff != "" {
				t.Errorf("annotation (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(wantAudit, auditAnnotations(t, manager)); diff != "" {
				t.Errorf("annotations of the audit event (-want +got):\n%s", diff)
			}
			want, got := webhook.Metrics{}, webhook.Metrics{}
			for _, field := range tt.metrics {
				want[fmt.Sprintf(`caseharden_decisions_total{field=%q,mode="enforce",outcome="skip",profile="exceptions",reason="exception"}`, field)]++
			}
			for series, n := range metrics(t, own.Webhook).Since(before) {
				if strings.Contains(series, `reason="exception"`) {
					got[series] = n
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("series of exceptions that moved (-want +got):\n%s", diff)
			}
		})
	}
}

// An exception for ephemeral containers holds for those that kubectl debug adds;
// runAsNonRoot these have from the pod by then.
func TestExceptionOfEphemeralContainers(t *testing.T) {
	withOwnProfiles(t)
	running := create(t, newEnforced(t, "exceptions"), barePod())
	want := securityContexts(t, running)
	want["debugger"] = `{"runAsUser":1234,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`
	if diff := cmp.Diff(want, securityContexts(t, addEphemeral(t, running, "debugger"))); diff != "" {
		t.Errorf("security contexts (-want +got):\n%s", diff)
	}
}

// A profile with errors keeps the webhook from starting, and all of them are told
// at once, those of other files too.
func TestBadProfilesKeepServeFromStarting(t *testing.T) {
	dir := t.TempDir()
	for name, spec := range map[string]string{
		"a.yaml": "{container: {runAsUser: 0, runAsNonRoot: false}}",
		"b.yml":  "{base: nothing}",
		"c.json": "{container: {capabilities: {add: [NET_ADMIN]}}}",
	} {
		data := "apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: " + name[:1] + "}\nspec: " + spec + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flags := []string{"serve", "--addr=127.0.0.1:0", "--metrics-addr=127.0.0.1:0", "--ca-file=" + filepath.Join(dir, "ca.crt"), "--profiles=" + dir}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // where it starts, it would not end
	defer cancel()
	output, err := exec.CommandContext(ctx, binary, flags...).CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 1 {
		t.Fatalf("serve ended with %v, want exit code 1:\n%s", err, output)
	}
	var places []string // of errors
	for line := range strings.Lines(string(output)) {
		if place, found := strings.CutPrefix(line, dir+"/"); found {
			file, at, _ := strings.Cut(place, " ")
			path, _, _ := strings.Cut(at, ": ")
			places = append(places, file+" "+path)
		}
	}
	slices.Sort(places)
	want := []string{
		"a.yaml:4: spec.container.runAsNonRoot", "a.yaml:4: spec.container.runAsUser",
		"b.yml:4: spec.base",
		"c.json:4: spec.container.capabilities.add",
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("errors (-want +got):\n%s\n%s", diff, output)
	}
}
