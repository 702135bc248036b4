// SPDX-License-Identifier: Apache-2.0

//go:build gitops

// Package gitops shows what Flux does with a webhook configuration that somebody deletes. It
// needs Flux's kustomize-controller, and so runs on demand, from e2e/:
//
//	KUSTOMIZE_CONTROLLER=/path/to/kustomize-controller go test -tags=gitops -v ./gitops
package gitops

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

const webhookConfiguration = "mutatingwebhookconfiguration/caseharden"

// interval is the shortest at which the test lets Flux reconcile.
const interval = 20 * time.Second

// Flux brings a deleted webhook configuration back, unless its Kustomization is suspended.
func TestFluxRestoresTheWebhookConfiguration(t *testing.T) {
	controller := os.Getenv("KUSTOMIZE_CONTROLLER")
	if controller == "" {
		t.Fatal("KUSTOMIZE_CONTROLLER must name the binary of Flux's kustomize-controller")
	}
	c := start(t)
	c.apply(t, crds())
	c.waitForCRDs(t)
	url, digest := serveManifests(t)
	c.apply(t, source)
	c.kubectl(t, "patch", "gitrepository/caseharden", "-n=flux-system", "--subresource=status", "--type=merge", "-p", status(url, digest))
	c.apply(t, kustomization)
	c.run(t, controller)

	exists := func() error {
		_, err := c.try("", "get", webhookConfiguration)
		return err
	}
	bedtest.Within(t, 2*time.Minute, "Flux to apply the manifests", exists)

	c.kubectl(t, "delete", webhookConfiguration)
	if exists() == nil {
		t.Error("the webhook configuration is there right after it was deleted")
	}
	took := bedtest.Within(t, 5*interval, "Flux to restore the webhook configuration", exists)
	t.Logf("restored after %s, interval %s", took.Round(time.Second), interval)

	c.kubectl(t, "patch", "kustomization.kustomize.toolkit.fluxcd.io/caseharden", "-n=flux-system", "--type=merge", `-p={"spec":{"suspend":true}}`)
	time.Sleep(interval) // a reconciliation that has begun ends
	c.kubectl(t, "delete", webhookConfiguration)
	for begun := time.Now(); time.Since(begun) < 3*interval; time.Sleep(time.Second) {
		if exists() == nil {
			t.Fatalf("the webhook configuration is back after %s, though the Kustomization is suspended", time.Since(begun))
		}
	}

	c.kubectl(t, "patch", "kustomization.kustomize.toolkit.fluxcd.io/caseharden", "-n=flux-system", "--type=merge", `-p={"spec":{"suspend":false}}`)
	took = bedtest.Within(t, 5*interval, "Flux to restore the webhook configuration when it is resumed", exists)
	t.Logf("restored %s after Flux was resumed", took.Round(time.Second))
}

// A control is a control plane with kubectl.
type control struct {
	*controlplane.ControlPlane
	kubectlBinary string
}

func start(t *testing.T) *control {
	t.Helper()
	kubectl, err := controlplane.BuildKubectl(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := controlplane.Start(t.Context(), controlplane.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	return &control{c, kubectl}
}

// try runs kubectl, and returns what it prints.
func (c *control) try(stdin string, args ...string) (string, error) {
	cmd := exec.Command(c.kubectlBinary, append([]string{"--kubeconfig=" + c.Kubeconfig()}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	output, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, output)
	}
	return string(output), err
}

func (c *control) kubectl(t *testing.T, args ...string) {
	t.Helper()
	if _, err := c.try("", args...); err != nil {
		t.Fatal(err)
	}
}

func (c *control) apply(t *testing.T, manifest string) {
	t.Helper()
	if _, err := c.try(manifest, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}

func (c *control) waitForCRDs(t *testing.T) {
	t.Helper()
	bedtest.Within(t, 30*time.Second, "the API server to serve Flux's kinds", func() error {
		for _, k := range kinds {
			if _, err := c.try("", "get", k.plural+"."+k.group, "-A"); err != nil {
				return err
			}
		}
		return nil
	})
}

// run starts the controller, which ends with the test.
func (c *control) run(t *testing.T, controller string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "kustomize-controller.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(controller, "--metrics-addr=0", "--health-addr=127.0.0.1:0", "--watch-all-namespaces")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(), "RUNTIME_NAMESPACE=flux-system")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // it may have ended with an error, which its log has
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("the log of the controller:\n%s", text)
		}
		_ = log.Close()
	})
}

// The kinds that the controller reads.
var kinds = []struct{ group, version, kind, plural string }{
	{"kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations"},
	{"source.toolkit.fluxcd.io", "v1", "GitRepository", "gitrepositories"},
	{"source.toolkit.fluxcd.io", "v1", "OCIRepository", "ocirepositories"},
	{"source.toolkit.fluxcd.io", "v1", "Bucket", "buckets"},
	{"source.toolkit.fluxcd.io", "v1", "ExternalArtifact", "externalartifacts"},
}

// crds returns definitions of the kinds, which accept every field.
func crds() string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n")
	for _, k := range kinds {
		fmt.Fprintf(&b, `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[4]s.%[1]s}
spec:
  group: %[1]s
  names: {kind: %[3]s, plural: %[4]s, singular: %[5]s}
  scope: Namespaced
  versions:
  - name: %[2]s
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`, k.group, k.version, k.kind, k.plural, strings.ToLower(k.kind))
	}
	return b.String()
}

// serveManifests serves deploy/install.yaml as an artifact of Flux's source-controller.
func serveManifests(t *testing.T) (url, digest string) {
	t.Helper()
	manifests, err := os.ReadFile("../../deploy/install.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	compressed := gzip.NewWriter(&archive)
	w := tar.NewWriter(compressed)
	err = w.WriteHeader(&tar.Header{Name: "install.yaml", Mode: 0o644, Size: int64(len(manifests))})
	if err == nil {
		_, err = w.Write(manifests)
	}
	if err := errors.Join(err, w.Close(), compressed.Close()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive.Bytes()) }))
	t.Cleanup(server.Close)
	return server.URL + "/artifact.tar.gz", fmt.Sprintf("sha256:%x", sha256.Sum256(archive.Bytes()))
}

const source = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: caseharden, namespace: flux-system}
spec: {interval: 10m, url: "https://git.example.com/platform/caseharden.git", ref: {branch: main}}
`

// status returns what source-controller writes once it has read the repository.
func status(url, digest string) string {
	now := time.Now().UTC().Format(time.RFC3339)
	return fmt.Sprintf(`{"status":{"observedGeneration":1,
"conditions":[{"type":"Ready","status":"True","reason":"Succeeded","message":"stored artifact","lastTransitionTime":%[1]q,"observedGeneration":1}],
"artifact":{"path":"artifact.tar.gz","url":%[2]q,"revision":"main@sha1:0000000000000000000000000000000000000001","digest":%[3]q,"lastUpdateTime":%[1]q}}}`, now, url, digest)
}

var kustomization = fmt.Sprintf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: caseharden, namespace: flux-system}
spec:
  interval: %s
  path: ./
  prune: true
  sourceRef: {kind: GitRepository, name: caseharden}
`, interval)
