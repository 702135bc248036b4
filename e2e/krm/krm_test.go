// SPDX-License-Identifier: Apache-2.0

// Package krm tests the KRM function with kustomize.
package krm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

var kustomize, caseharden string

func TestMain(m *testing.M) {
	bedtest.Main(func(ctx context.Context) (code int, err error) {
		if kustomize, err = tools.Kustomize(ctx, os.Stderr); err != nil {
			return 0, err
		}
		if caseharden, err = webhook.Compile(ctx, os.Stderr); err != nil {
			return 0, err
		}
		return m.Run(), nil
	})
}

const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: registry.example.com/web}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: "1"}
`

// build runs kustomize on web, with the functionConfig as a transformer.
func build(t *testing.T, functionConfig string) (stdout string, err error) {
	t.Helper()
	dir := t.TempDir()
	annotation := fmt.Sprintf("\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: %s, args: [krm]}\n", caseharden)
	for name, text := range map[string]string{
		"kustomization.yaml": "resources: [web.yaml]\ntransformers: [function.yaml]\n",
		"web.yaml":           web,
		"function.yaml":      strings.Replace(functionConfig, "ANNOTATIONS\n", annotation, 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), kustomize, "build", "--enable-alpha-plugins", "--enable-exec", dir)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, &stderr)
	}
	return out.String(), nil
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: harden" + "ANNOTATIONS\n"

func TestTransformer(t *testing.T) {
	got, err := build(t, configMap+"data: {profile: restricted}\n")
	if err != nil {
		t.Fatal(err)
	}
	const want = `      containers:
      - image: registry.example.com/web
        name: web
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          runAsNonRoot: true
          seccompProfile:
            type: RuntimeDefault
`
	if _, after, _ := strings.Cut(got, "    spec:\n"); after != want {
		t.Errorf("the Pod template (-want +got):\n%s", cmp.Diff(want, after))
	}
	if !strings.Contains(got, "kind: ConfigMap") {
		t.Errorf("the ConfigMap is lost:\n%s", got)
	}
}

func TestTransformerWithAnOwnProfile(t *testing.T) {
	got, err := build(t, "apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata:\n  name: mine"+"ANNOTATIONS\n"+"spec: {container: {runAsUser: 1234}}\n")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(got, "runAsUser: 1234") != 1 || strings.Contains(got, "runAsNonRoot") {
		t.Errorf("not the profile alone:\n%s", got)
	}
}

// kustomize shows why, and writes nothing.
func TestErrors(t *testing.T) {
	for config, want := range map[string]string{
		"data: {profile: restricted, failOn: risk, mode: check}\n": "caseharden: Deployment web: container web: ",
		"data: {profile: hard}\n":                                  `functionConfig: data.profile: must be one of compatible, hardened, restricted, is "hard"`,
	} {
		got, err := build(t, configMap+config)
		if err == nil || !strings.Contains(err.Error(), want) || got != "" {
			t.Errorf("%s: %v, want %q; output %q", config, err, want, got)
		}
	}
}

// With mode check nothing changes. It is a transformer too: kustomize refuses each function
// among validators, even one that changes nothing.
func TestCheck(t *testing.T) {
	got, err := build(t, configMap+"data: {profile: restricted, mode: check}\n")
	if err != nil || strings.Contains(got, "securityContext") || !strings.Contains(got, "kind: Deployment") {
		t.Errorf("%v\n%s", err, got)
	}
}
