// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// While the chart is upgraded from another version, changed and rolled back, each pod is
// created, and hardened. Helm 4 lets the API server apply objects, Helm 3 merges them
// itself; Helm 4 goes on so with what Helm 3 has installed.
func TestUpgradeUnderLoad(t *testing.T) {
	for name, helms := range map[string]struct{ install, upgrade string }{
		"Helm 4":              {helmBinary, helmBinary},
		"Helm 3":              {helm3Binary, helm3Binary},
		"Helm 3, then Helm 4": {helm3Binary, helmBinary},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t)
			in.helmBinary = helms.install
			in.helm(t, "install", "caseharden", previousChart(t), "--namespace=caseharden", "--create-namespace", "--set=shutdownDelaySeconds=2")
			in.helmBinary = helms.upgrade
			in.settle(t)
			in.namespace(t, "shop", map[string]string{"caseharden.io/enforce": "hardened"})
			in.waitInjected(t, "shop", "hardened")
			first := in.caBundles(t)

			load := in.startLoad(t, "shop")
			in.helm(t, "upgrade", "caseharden", chartDir(), "--namespace=caseharden", "--set=shutdownDelaySeconds=2")
			in.settle(t)
			load.goOn(t)
			in.helm(t, "upgrade", "caseharden", chartDir(), "--namespace=caseharden", "--reset-then-reuse-values",
				"--set=certificates.lifetime=1440h,logLevel=debug", "--set-file=profiles.mesh.file="+exampleProfile("mesh"))
			in.settle(t)
			load.goOn(t)
			in.namespace(t, "meshed", map[string]string{"caseharden.io/enforce": "mesh"})
			in.waitInjected(t, "meshed", "mesh")
			in.helm(t, "rollback", "caseharden", "1", "--namespace=caseharden")
			in.settle(t)
			load.goOn(t)
			load.finish(t)

			if deployed := in.kubectlOK(t, "get", "deployment", "caseharden", "--namespace=caseharden", "--output=jsonpath={.spec.template.spec.containers[0].image}"); deployed != "caseharden:0.0.9" {
				t.Errorf("after the rollback the image is %s", deployed)
			}
			// Helm left alone what caseharden itself has written. (Beside it there is another
			// CA, as the shorter lifetime began a rotation.)
			if last := in.caBundles(t); !strings.Contains(last, strings.TrimSpace(first)) {
				t.Errorf("the caBundles were\n%s\nand are\n%s", first, last)
			}
		})
	}
}

// previousChart returns a chart that differs from this one as a previous version would.
func previousChart(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "caseharden")
	if err := os.CopyFS(dir, os.DirFS(chartDir())); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "Chart.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	previous := strings.ReplaceAll(string(data), "ersion: 0.1.0\n", "ersion: 0.0.9\n")
	if strings.Count(previous, "0.0.9") != 2 {
		t.Fatalf("Chart.yaml has not the versions that were expected:\n%s", data)
	}
	if err := os.WriteFile(file, []byte(previous), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// caBundles returns those of the webhook configuration, each once.
func (in *installation) caBundles(t *testing.T) string {
	t.Helper()
	configuration, err := in.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(t.Context(), "caseharden", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bundles := map[string]bool{}
	for _, w := range configuration.Webhooks {
		bundles[string(w.ClientConfig.CABundle)] = true
	}
	var all string
	for bundle := range bundles {
		all += bundle
	}
	return all
}

// A load creates pods all the time.
type load struct {
	stop func()

	mu       sync.Mutex // guards the following
	created  int
	failures []string
}

func (in *installation) startLoad(t *testing.T, namespace string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{}
	var workers sync.WaitGroup
	l.stop = func() { cancel(); workers.Wait() }
	t.Cleanup(l.stop)
	for range 4 {
		workers.Go(func() {
			for ctx.Err() == nil {
				injected, err := in.createPod(context.WithoutCancel(ctx), namespace)
				l.count(injected, err)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	return l
}

func (l *load) count(injected string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.failures = append(l.failures, fmt.Sprintf("%s: %v", time.Now().Format("15:04:05.000"), err))
	case injected == "":
		l.failures = append(l.failures, fmt.Sprintf("%s: a pod is not hardened", time.Now().Format(time.TimeOnly)))
	default:
		l.created++
	}
}

// goOn waits until more pods were created.
func (l *load) goOn(t *testing.T) {
	t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.created + len(l.failures)
	}
	before := count()
	bedtest.Within(t, soon, "more pods", func() error {
		if more := count() - before; more < 50 {
			return fmt.Errorf("%d more", more)
		}
		return nil
	})
}

func (l *load) finish(t *testing.T) {
	t.Helper()
	l.stop()
	t.Logf("%d pods were created", l.created)
	for i, failure := range l.failures {
		if i == 5 {
			t.Errorf("and %d more", len(l.failures)-i)
			break
		}
		t.Error(failure)
	}
}

// The way from cert-manager to certificates of caseharden's own costs no pod.
func TestFromCertManagerUnderLoad(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.createCRDs(t)
	in.namespace(t, "caseharden", nil)
	certificate, key := issue(t, "caseharden.caseharden.svc")
	in.createSecret(t, "caseharden-tls", certificate, key)
	in.helm(t, "install", "caseharden", chartDir(), "--namespace=caseharden", "--set=shutdownDelaySeconds=2,certificates.mode=cert-manager")
	in.injectCA(t)
	in.settle(t)
	in.namespace(t, "shop", map[string]string{"caseharden.io/enforce": "hardened"})
	in.waitInjected(t, "shop", "hardened")

	load := in.startLoad(t, "shop")
	in.helm(t, "upgrade", "caseharden", chartDir(), "--namespace=caseharden", "--reuse-values",
		"--set=certificates.mode=self-managed,certificates.secretName=caseharden-own,certificates.propagation=2s")
	in.settle(t)
	load.goOn(t)
	load.finish(t)
	_, ca := pem.Decode(certificate) // which follows the leaf
	if bundles := in.caBundles(t); !strings.Contains(bundles, strings.TrimSpace(string(ca))) {
		t.Error("the CA of cert-manager is gone, while replicas may still have served with its certificate")
	}
}
