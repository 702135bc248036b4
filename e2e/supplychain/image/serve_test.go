// SPDX-License-Identifier: Apache-2.0

//go:build image

package image

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// The binary says what was stamped into it, and the image's entrypoint runs it.
func TestVersion(t *testing.T) {
	got, err := builder.Run(t.Context(), ".", "podman", "run", "--rm", builtName, "version")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("caseharden %s (revision %s, %s, %s)\n", chart.AppVersion, revision, runtime.Version(), native)
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The image serves as a container that may do as little as one of the chart, and ends
// with 0 when it is told to end.
func TestServes(t *testing.T) {
	// The only place to write is for the CA of the ephemeral certificate.
	dir := t.TempDir()
	if err := os.Chown(dir, 10001, 10001); err != nil {
		t.Fatal(err)
	}
	container := filepath.Join(t.TempDir(), "caseharden")
	script := fmt.Sprintf(`#!/bin/sh
export CONTAINERS_CONF='%[1]s/containers.conf' CONTAINERS_STORAGE_CONF='%[1]s/storage.conf'
exec podman run --rm --name serving --log-driver none --volume '%[2]s:%[2]s' \
  --read-only --read-only-tmpfs=false --cap-drop all --security-opt no-new-privileges '%[3]s' "$@"
`, builder.Dir, dir, builtName)
	if err := os.WriteFile(container, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}

	w, err := webhook.Start(t.Context(), container, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Process().Kill()
	if err := w.Process().WaitReady(t.Context(), w.Ready); err != nil {
		t.Fatal(err)
	}
	checkConfined(t)
	checkHardens(t, w)

	if err := w.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := w.Process().Outcome(); got != "exit status 0" {
		t.Error(w.Process().Failed("ended with " + got))
	}
	if !strings.Contains(w.Process().LogTail(), `"msg":"drained"`) {
		t.Errorf("it ended without draining:\n%s", w.Process().LogTail())
	}
}

// checkConfined asks the kernel what the process may do.
func checkConfined(t *testing.T) {
	t.Helper()
	pid, err := builder.Run(t.Context(), ".", "podman", "inspect", "--format", "{{.State.Pid}}", "serving")
	if err != nil {
		t.Fatal(err)
	}
	proc := filepath.Join("/proc", strings.TrimSpace(pid))
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	for name, want := range map[string]string{
		"Uid":        "10001\t10001\t10001\t10001",
		"Gid":        "10001\t10001\t10001\t10001",
		"CapEff":     "0000000000000000",
		"CapBnd":     "0000000000000000",
		"NoNewPrivs": "1",
		"Seccomp":    "2", // a filter
	} {
		if fields[name] != want {
			t.Errorf("%s of the process is %q, want %q", name, fields[name], want)
		}
	}
	mounts, err := os.ReadFile(filepath.Join(proc, "mounts"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if mount := strings.Fields(line); mount[1] == "/" && !strings.HasPrefix(mount[3], "ro,") {
			t.Errorf("the root file system can be written: %s", line)
		}
	}
}

// checkHardens has the webhook review a pod, and applies the patch as an API server does.
func checkHardens(t *testing.T, w *webhook.Webhook) {
	t.Helper()
	const pod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"bare","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"shop/web"}]}}`
	review := `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u1","namespace":"shop","operation":"CREATE",
		"resource":{"group":"","version":"v1","resource":"pods"},"object":` + pod + `}}`
	code, answer, err := w.Post(t.Context(), "/enforce/hardened", []byte(review))
	if err != nil || code != 200 {
		t.Fatalf("%d %s, %v", code, answer, err)
	}
	var parsed admissionv1.AdmissionReview
	if err := json.Unmarshal(answer, &parsed); err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(parsed.Response.Patch)
	if err != nil {
		t.Fatal(err)
	}
	after, err := patch.Apply([]byte(pod))
	if err != nil {
		t.Fatal(err)
	}
	var hardened corev1.Pod
	if err := json.Unmarshal(after, &hardened); err != nil {
		t.Fatal(err)
	}
	no, yes, user := false, true, int64(10001)
	want := &corev1.SecurityContext{
		AllowPrivilegeEscalation: &no,
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		ReadOnlyRootFilesystem:   &yes,
		RunAsNonRoot:             &yes,
		RunAsUser:                &user,
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if diff := cmp.Diff(want, hardened.Spec.Containers[0].SecurityContext); diff != "" {
		t.Errorf("the container (-want +got):\n%s", diff)
	}
}
