// SPDX-License-Identifier: Apache-2.0

// Command demo shows Caseharden at work: it starts a real control plane and the
// webhook, sends the same pod to namespaces that have opted in and to one that
// has not, and shows what the API server made of it: what it prints of pods is
// read back from the API server and its audit log, and the metrics from the
// webhook. Only the explanations in brackets are written here.
//
// It stays up for its user's own kubectl until it is interrupted; with
// DEMO_EXIT=1, or without a terminal, it ends by itself. The exit code is 0 only
// if all that was shown is as it should be.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/cluster"
	"github.com/caseharden/caseharden/e2e/webhook"
)

//go:embed legacy.yaml
var legacyYAML []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, newPrinter(os.Stdout)); {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "demo: interrupted; nothing is left")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, p *printer) error {
	p.title("Starting etcd, kube-apiserver and caseharden on this machine")
	binary, err := webhook.Compile(ctx, os.Stdout)
	if err != nil {
		return err
	}
	controlPlane, err := cluster.Start(ctx, cluster.Options{
		Log: os.Stdout,
		// Quotas and priorities are not what is shown, and no controller makes service
		// accounts.
		APIServerFlags: []string{"--disable-admission-plugins=ServiceAccount"},
	})
	if err != nil {
		return err
	}
	defer controlPlane.Stop()
	w, err := webhook.Start(ctx, binary, controlPlane.Dir())
	if err != nil {
		return err
	}
	defer w.Stop()
	p.text("caseharden serves at https://%s", w.Addr)

	d := &demo{printer: p, controlPlane: controlPlane, webhook: w, warnings: &webhook.Warnings{}}
	config := rest.CopyConfig(controlPlane.Config())
	config.WarningHandler = d.warnings
	if d.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if err := d.install(ctx); err != nil {
		return err
	}
	if err := d.show(ctx); err != nil {
		return err
	}
	if os.Getenv("DEMO_EXIT") == "1" || !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	d.invite()
	<-ctx.Done()
	p.text("\nstopping")
	return nil
}

// demo is what the steps of the demonstration share.
type demo struct {
	*printer
	controlPlane *cluster.Cluster
	webhook      *webhook.Webhook
	client       kubernetes.Interface
	warnings     *webhook.Warnings
}

// The namespaces of the demo, and what each has opted in to.
var namespaces = []struct {
	name   string
	labels map[string]string
}{
	{"plain", nil},
	{"shop", map[string]string{"caseharden.io/enforce": "hardened"}},
	{"preview", map[string]string{"caseharden.io/warn": "hardened"}},
}

// install creates the webhook configuration and the namespaces, and returns when
// the API server heeds them.
func (d *demo) install(ctx context.Context) error {
	configuration, err := d.webhook.Configuration()
	if err != nil {
		return err
	}
	if _, err := d.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, configuration, metav1.CreateOptions{}); err != nil {
		return err
	}
	for _, n := range namespaces {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n.name, Labels: n.labels}}
		if _, err := d.client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	for deadline := time.Now().Add(10 * time.Second); ; {
		probe, err := d.client.CoreV1().Pods("shop").Create(ctx, legacyPod(), dryRun)
		if err == nil && probe.Annotations[injectedAnnotation] != "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the webhook configuration has no effect after 10 s: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func legacyPod() *corev1.Pod {
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(legacyYAML, &pod); err != nil {
		panic(fmt.Sprintf("internal error: legacy.yaml: %s", err))
	}
	return &pod
}

func (d *demo) invite() {
	d.title("It stays up for you until Ctrl-C. In another terminal:")
	d.text("  export KUBECONFIG=%s", d.controlPlane.Kubeconfig())
	d.text("  kubectl get pod legacy -n shop -o yaml")
	d.text("  kubectl create namespace mine")
	d.text("  kubectl label namespace mine caseharden.io/enforce=restricted caseharden.io/warn=hardened")
	d.text("  kubectl run web --image=nginx -n mine --dry-run=server -o yaml")
	d.text("  curl -s http://%s/metrics | grep ^caseharden", d.webhook.MetricsAddr)
}
