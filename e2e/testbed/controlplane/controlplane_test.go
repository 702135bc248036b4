// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// binaries builds the control plane once for all tests.
var binaries = sync.OnceValues(func() (Binaries, error) {
	return Build(context.Background(), os.Stderr, "")
})

func options(t *testing.T) Options {
	t.Helper()
	b, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Binaries: b, Log: t.Output()}
}

func start(t *testing.T, o Options) *ControlPlane {
	t.Helper()
	c, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func pod(name string) *corev1.Pod {
	privileged := true
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name:            "app",
			Image:           "registry.example/app:1",
			SecurityContext: &corev1.SecurityContext{Privileged: &privileged},
		}}},
	}
}

func TestControlPlane(t *testing.T) {
	ctx := t.Context()
	c := start(t, options(t))

	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	fromFile, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(version.GitVersion, "v1.37.") || version.Major != "1" || version.Minor != "37" {
		t.Errorf("the API server says it is %s, of %s.%s, want v1.37.x", version.GitVersion, version.Major, version.Minor)
	}

	// At once, and privileged: both must be possible.
	if _, err := client.CoreV1().Pods("default").Create(ctx, pod("first"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "legacy"}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	created, err := client.CoreV1().Pods("legacy").Create(ctx, pod("app"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bedtest.Soon(t, "the pod's creation in the audit log", func() bool { return audited(t, c, "create", "pods", "legacy") })

	url, before := c.URL(), c.api.PID()
	if err := c.RestartAPIServer(ctx); err != nil {
		t.Fatal(err)
	}
	if c.URL() != url || c.api.PID() == before {
		t.Errorf("restarted from %s, process %d, to %s, process %d: want the same address, another process",
			url, before, c.URL(), c.api.PID())
	}
	if gone := syscall.Kill(before, 0); !errors.Is(gone, syscall.ESRCH) {
		t.Errorf("process %d of before the restart: %v, want %v", before, gone, syscall.ESRCH)
	}
	again, err := fromFile.CoreV1().Pods("legacy").Get(ctx, "app", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if again.UID != created.UID {
		t.Errorf("after the restart the pod's UID is %s, want %s", again.UID, created.UID)
	}
}

// audited reports whether the audit log holds such a request, answered.
func audited(t *testing.T, c *ControlPlane, verb, resource, namespace string) bool {
	t.Helper()
	log, err := os.ReadFile(c.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(log) {
		var event struct {
			Stage, Verb, Level string
			ObjectRef          struct{ Resource, Namespace string }
		}
		if err := json.Unmarshal(line, &event); err != nil {
			continue // the last line, half written
		}
		if event.Stage == "ResponseComplete" && event.Level == "Metadata" && event.Verb == verb &&
			event.ObjectRef.Resource == resource && event.ObjectRef.Namespace == namespace {
			return true
		}
	}
	return false
}

func TestStopLeavesNothing(t *testing.T) {
	c := start(t, options(t))
	pids := []int{c.etcd.PID(), c.api.PID()}

	info, err := os.Stat(c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("kubeconfig has mode %o, want 600", info.Mode().Perm())
	}
	listensOnLoopback(t, c)

	for range 2 {
		if err := c.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d after Stop: %v, want %v", pid, err, syscall.ESRCH)
		}
	}
	if _, err := os.Stat(c.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s after Stop: %v, want %v", c.Dir(), err, os.ErrNotExist)
	}
	if err := c.RestartAPIServer(t.Context()); err == nil {
		t.Error("RestartAPIServer after Stop: no error")
	}
}

// listensOnLoopback checks that the API server is not reached at another
// address of this machine.
func listensOnLoopback(t *testing.T, c *ControlPlane) {
	t.Helper()
	_, port, err := net.SplitHostPort(c.apiServer)
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		ip := a.(*net.IPNet).IP
		if ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			continue
		}
		if conn, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), port), time.Second); err == nil {
			conn.Close()
			t.Errorf("the API server listens on %s", ip)
		}
	}
}

func TestStopReportsDeath(t *testing.T) {
	c, err := Start(t.Context(), options(t))
	if err != nil {
		t.Fatal(err)
	}
	c.api.Kill()
	first := c.Stop()
	if first == nil || !strings.Contains(first.Error(), "kube-apiserver: ended before it was stopped: signal: killed") {
		t.Errorf("Stop after the API server was killed: %v", first)
	}
	if again := c.Stop(); !errors.Is(again, first) {
		t.Errorf("second Stop: %v, want the error of the first", again)
	}
}

func TestFailedStart(t *testing.T) {
	o := options(t)
	o.Dir = filepath.Join(t.TempDir(), "kept")
	o.APIServerFlags = []string{"--no-such-flag"}
	_, err := Start(t.Context(), o)
	if err == nil {
		t.Fatal("started with an unknown flag")
	}
	for _, want := range []string{"kube-apiserver: ended before it was ready: exit status 1", "unknown flag: --no-such-flag"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q:\n%v", want, err)
		}
	}
	if lines := strings.Count(err.Error(), "\n"); lines > process.QuotedLines {
		t.Errorf("error has %d lines:\n%v", lines, err)
	}
	if pids := processesIn(t, o.Dir); len(pids) > 0 {
		t.Errorf("processes left running: %v", pids)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, "kube-apiserver.log")); err != nil {
		t.Errorf("a directory of the caller's: %v", err)
	}

	o.APIServerFlags = nil
	if _, err := Start(t.Context(), o); !errors.Is(err, os.ErrExist) {
		t.Errorf("start over another control plane's files: %v, want %v", err, os.ErrExist)
	}
}

func TestStartHeedsContext(t *testing.T) {
	o := options(t)
	o.Dir = t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := Start(ctx, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("start within half a second: %v, want %v", err, context.DeadlineExceeded)
	}
	if pids := processesIn(t, o.Dir); len(pids) > 0 {
		t.Errorf("processes left running: %v", pids)
	}
}
