// SPDX-License-Identifier: Apache-2.0

// Package chart tests what is in deploy/ with Helm itself, on real API servers: each test
// that installs has one of its own. What is replaced there is what a control plane alone
// lacks, for Caseharden's own pods: see package node.
package chart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/caseharden/caseharden/e2e/product/localpods"
	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
	"github.com/caseharden/caseharden/e2e/testbed/egress"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

// What the tests share: programs, and the directory deploy/.
var (
	binary, kubectlBinary            string
	helmBinary, helm3Binary          string // Helm 4, and Helm 3
	prometheusBinary, promtoolBinary string
	deploy                           string
)

func TestMain(m *testing.M) {
	if err := build(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func build(ctx context.Context) (err error) {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return err
	}
	deploy = filepath.Join(root, "deploy")
	if binary, err = webhook.Compile(ctx, os.Stderr); err != nil {
		return err
	}
	if helmBinary, err = tools.Helm(ctx, os.Stderr); err != nil {
		return err
	}
	if helm3Binary, err = tools.Helm3(ctx, os.Stderr); err != nil {
		return err
	}
	if prometheusBinary, promtoolBinary, err = tools.Prometheus(ctx, os.Stderr); err != nil {
		return err
	}
	kubectlBinary, err = controlplane.BuildKubectl(ctx, os.Stderr)
	return err
}

// chartDir is where the chart is.
func chartDir() string { return filepath.Join(deploy, "chart") }

// helm runs helm without a cluster, and returns what it prints.
func helm(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return run(t, []string{"HOME=" + t.TempDir()}, "", helmBinary, args...)
}

func run(t *testing.T, env []string, stdin, program string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// template renders the chart, and fails the test if that cannot be done.
func template(t *testing.T, args ...string) string {
	t.Helper()
	rendered, stderr, err := helm(t, append([]string{"template", "caseharden", chartDir(), "--namespace=caseharden"}, args...)...)
	if err != nil {
		t.Fatalf("helm template %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return rendered
}

// An installation is a cluster in which the chart can be installed.
type installation struct {
	cluster *controlplane.ControlPlane
	client  kubernetes.Interface
	runner  *localpods.Runner
	env     []string

	helmBinary string // Helm 4, if no test sets another
}

// newInstallation starts a cluster. Its API server reaches the pods of the release
// caseharden in the namespace caseharden.
func newInstallation(t *testing.T) *installation {
	t.Helper()
	network, err := egress.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(network.Close)
	c, err := controlplane.Start(t.Context(), controlplane.Options{Log: os.Stderr, APIServerFlags: []string{
		network.Flag(),
		// Without the controller that counts pods for a quota no pod of ours could be created.
		"--disable-admission-plugins=ServiceAccount,ResourceQuota",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	in := &installation{cluster: c, helmBinary: helmBinary, env: []string{"HOME=" + t.TempDir(), "KUBECONFIG=" + c.Kubeconfig()}}
	config := c.Config()
	config.WarningHandler = rest.NoWarnings{}
	if in.client, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if in.runner, err = localpods.New(c, network, binary, t.TempDir(), "caseharden", "caseharden"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.runner.Stop(); err != nil {
			t.Error(err)
		}
	})
	return in
}

// helm runs helm on the cluster.
func (in *installation) helm(t *testing.T, args ...string) {
	t.Helper()
	if _, stderr, err := run(t, in.env, "", in.helmBinary, args...); err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
}

// kubectl runs kubectl on the cluster.
func (in *installation) kubectl(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return run(t, in.env, stdin, kubectlBinary, args...)
}

// install installs the chart with a short shutdown delay, as each test that replaces pods
// waits for it.
func (in *installation) install(t *testing.T, args ...string) {
	t.Helper()
	in.helm(t, append([]string{"install", "caseharden", chartDir(), "--namespace=caseharden", "--create-namespace", "--set=shutdownDelaySeconds=2"}, args...)...)
	in.settle(t)
}

func (in *installation) settle(t *testing.T) {
	t.Helper()
	if err := in.runner.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (in *installation) namespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	_, err := in.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// createPod creates a pod and returns what was injected into it, by its annotation.
func (in *installation) createPod(ctx context.Context, namespace string) (injected string, err error) {
	pod, err := in.client.CoreV1().Pods(namespace).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "pod-"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return pod.Annotations["caseharden.io/injected"], nil
}

// waitInjected waits until a pod in the namespace is hardened by the profile: an API
// server takes a moment to heed another webhook configuration.
func (in *installation) waitInjected(t *testing.T, namespace, profile string) {
	t.Helper()
	bedtest.Within(t, soon, "pods to be hardened", func() error {
		injected, err := in.createPod(t.Context(), namespace)
		if err == nil && !strings.Contains(injected, `"profile":"`+profile+`"`) {
			err = fmt.Errorf("injected is %q", injected)
		}
		return err
	})
}

// soon is how long what takes seconds may take, on a machine that is busy.
const soon = 30 * time.Second

var errNotRefused = errors.New("it is not refused")
