// SPDX-License-Identifier: Apache-2.0

// Command demo is the second act of make demo: Caseharden on a real API server. It starts a
// control plane and the webhook, and creates the same Pod with kubectl in namespaces with and
// without labels. It ends on what became of one container, which is read from the API server.
//
// The demo stays up until it is interrupted, so that its user can go on with kubectl. With
// DEMO_EXIT=1, or without a terminal, it ends by itself. The exit code is 0 only if all results
// are as expected: also the audit log of the API server and the metrics of the webhook.
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

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
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
	kubectl, err := controlplane.BuildKubectl(ctx, os.Stdout)
	if err != nil {
		return err
	}
	controlPlane, err := controlplane.Start(ctx, controlplane.Options{
		Log: os.Stdout,
		// No controller creates service accounts here.
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
	d := &demo{printer: p, kubectl: kubectl, controlPlane: controlPlane, webhook: w}
	config := rest.CopyConfig(controlPlane.Config())
	config.WarningHandler = rest.NoWarnings{} // kubectl shows them
	if d.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if err := d.install(ctx); err != nil {
		return err
	}
	if err := d.show(ctx); err != nil {
		return err
	}
	d.invite()
	if os.Getenv("DEMO_EXIT") == "1" || !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	<-ctx.Done()
	p.text("\nstopping")
	return nil
}

// demo is what the steps of the demonstration share.
type demo struct {
	*printer
	kubectl      string
	controlPlane *controlplane.ControlPlane
	webhook      *webhook.Webhook
	client       kubernetes.Interface
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

// install creates the webhook configuration, the label guard and the namespaces, and
// returns when they are in effect.
func (d *demo) install(ctx context.Context) error {
	configuration, err := d.webhook.Configuration()
	if err != nil {
		return err
	}
	if _, err := d.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, configuration, metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := d.installLabelGuard(ctx); err != nil {
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
		if err == nil && probe.Annotations[injectedAnnotation] != "" && d.labelGuardHolds(ctx) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the webhook configuration and the label guard are not in effect after 10 s: %w", err)
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
