// SPDX-License-Identifier: Apache-2.0

// Package status tests the command status on a real API server, which has nodes as little
// as a controller manager: the tests write the status of Pods as a kubelet would. The
// webhook that hardens the Pods is the compiled product.
package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

// What the tests share.
var (
	controlPlane *controlplane.ControlPlane
	client       kubernetes.Interface
	caseharden   string // the command
	bin          string // directory with kubectl
)

func TestMain(m *testing.M) {
	bedtest.Main(func(ctx context.Context) (int, error) { return runTests(ctx, m) })
}

func runTests(ctx context.Context, m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "caseharden-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if caseharden, err = webhook.Compile(ctx, os.Stderr); err != nil {
		return 0, err
	}
	kubectl, err := controlplane.BuildKubectl(ctx, os.Stderr)
	if err != nil {
		return 0, err
	}
	bin = filepath.Join(dir, "bin")
	if err := errors.Join(os.Mkdir(bin, 0o700), os.Symlink(kubectl, filepath.Join(bin, "kubectl"))); err != nil {
		return 0, err
	}
	controlPlane, err = controlplane.Start(ctx, controlplane.Options{Log: os.Stderr, AuditPolicy: "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]\n"})
	if err != nil {
		return 0, err
	}
	defer controlPlane.Stop()
	if client, err = kubernetes.NewForConfig(controlPlane.Config()); err != nil {
		return 0, err
	}
	hook, err := webhook.Start(ctx, caseharden, dir)
	if err != nil {
		return 0, err
	}
	defer hook.Stop()
	configuration, err := hook.Configuration()
	if err != nil {
		return 0, err
	}
	// An entry that cannot be called, and fails open.
	down := "https://127.0.0.1:1/enforce/compatible"
	entry := webhook.Entry(configuration, "enforce", "compatible")
	entry.ClientConfig.URL = &down
	*entry.FailurePolicy = "Ignore"
	if _, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, configuration, metav1.CreateOptions{}); err != nil {
		return 0, err
	}
	if err := webhook.WaitForEffect(ctx, client, map[string]string{"caseharden.io/enforce": "hardened"}); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// A result is what the command came to.
type result struct {
	code           int
	stdout, stderr string
	report         report
	took           time.Duration
	memory         int64 // bytes that were resident at most
}

// A report is what is read of the command's JSON.
type report struct {
	Summary struct {
		Pods, Workloads, Unwell, Suspects int
		States                            map[string]int
	}
	Clusters []struct {
		Installation struct {
			Configuration string
			Seen          bool
			Profiles      []string
			CAUntil       *time.Time
			Problems      []struct{ ID string }
		}
		Namespaces []struct {
			Name      string
			Pods      int
			States    map[string]int
			Problems  []struct{ ID, What string }
			Workloads []workload
		}
		Unseen []struct{ What, Error, Means string }
		Waste  []struct{ ID, Profile string }
	}
}

type workload struct {
	Kind, Name string
	Pods       int
	States     map[string]int
	Findings   []struct {
		ID, Verdict, Before, Command string
		Settings                     []string
	}
	Unexplained []struct{ Why string }
	Next        *struct {
		Injects, Skips []string
		Verdict        string
	}
}

// workload returns a workload of the report.
func (r report) workload(t *testing.T, kind, name string) workload {
	t.Helper()
	for _, c := range r.Clusters {
		for _, n := range c.Namespaces {
			for _, w := range n.Workloads {
				if w.Kind == kind && w.Name == name {
					return w
				}
			}
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return workload{}
}

// status runs "caseharden status -o json" with further arguments, as an administrator.
func status(t *testing.T, args ...string) result {
	t.Helper()
	return statusAs(t, controlPlane.Kubeconfig(), append([]string{"-o", "json"}, args...)...)
}

// statusAs runs "caseharden status" with a kubeconfig.
func statusAs(t *testing.T, kubeconfig string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), caseharden, append([]string{"status"}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begun := time.Now()
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(begun)}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.memory = usage.Maxrss << 10
	}
	if strings.HasPrefix(r.stdout, "{") {
		if err := json.Unmarshal(stdout.Bytes(), &r.report); err != nil {
			t.Fatal(err)
		}
	}
	if r.code == 1 {
		t.Logf("%s: %s", strings.Join(cmd.Args[1:], " "), r.stderr)
	}
	return r
}

// kubeconfigOf returns a kubeconfig with which the administrator acts as a user.
func kubeconfigOf(t *testing.T, user string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(controlPlane.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range config.AuthInfos {
		info.Impersonate = user
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// shell runs a command line as a user would, with kubectl at hand.
func shell(t *testing.T, line string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+controlPlane.Kubeconfig(), "PATH="+bin+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}
