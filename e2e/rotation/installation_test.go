// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/balancer"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// secretName is the one in deploy/install.yaml.
const secretName = "caseharden-tls"

// An installation is what deploy/ installs, as processes.
type installation struct {
	name        string // of its namespace and of its webhook configuration
	shop        string // a namespace that has opted in
	lifetime    time.Duration
	propagation time.Duration
	labels      map[string]string // of a namespace that has opted in

	replicas []*replica
	balancer *balancer.Balancer
	history  *history

	// requests is held for reading during each request that the API server may make
	// through the balancer. A connection is ended only while there is none, so that none
	// is ever cut.
	requests sync.RWMutex

	fault atomic.Pointer[fault] // that befalls the next replica which it fits
}

var counter atomic.Int64

func unique(prefix string) string { return prefix + "-" + strconv.FormatInt(counter.Add(1), 10) }

// install makes an installation on an empty cluster: there is no Secret, no caBundle,
// and none of its replicas runs yet.
func install(t *testing.T, replicas int, lifetime, propagation time.Duration) *installation {
	t.Helper()
	in := newInstallation(t, unique("rotation"), replicas, lifetime, propagation)
	grant(t, permissions(t, in))
	return in
}

// newInstallation is install without any permission.
func newInstallation(t *testing.T, name string, replicas int, lifetime, propagation time.Duration) *installation {
	t.Helper()
	in := &installation{
		name: name, shop: name + "-shop", lifetime: lifetime, propagation: propagation,
		labels: map[string]string{"test.caseharden.io/instance": name},
	}
	createNamespace(t, in.name, nil)
	createNamespace(t, in.shop, in.labels)
	dir := t.TempDir() // before what reads it at the end
	t.Cleanup(func() { in.checkLogs(t) })
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	var err error
	if in.balancer, err = balancer.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.balancer.Close() })
	in.createConfiguration(t)
	t.Cleanup(func() {
		_ = client.AdmissionregistrationV1().MutatingWebhookConfigurations().Delete(context.Background(), in.name, metav1.DeleteOptions{})
	})
	in.history = newHistory(ctx, t, in)
	var backends []balancer.Backend
	for i := range replicas {
		r := newReplica(ctx, t, in, filepath.Join(dir, strconv.Itoa(i)))
		in.replicas, backends = append(in.replicas, r), append(backends, r)
	}
	go in.balancer.Serve(backends...)
	go every(ctx, reuse, in.renewConnections)
	return in
}

// reuse is for how long the API server may use a connection: each after it begins with
// a handshake.
const reuse = time.Second

// renewConnections ends all connections of the API server, between two requests.
func (in *installation) renewConnections() {
	in.requests.Lock()
	defer in.requests.Unlock()
	in.balancer.Renew()
}

func createNamespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// manifest is the webhook configuration that is shipped, without a caBundle. Only
// this installation is called for its own namespaces.
func (in *installation) manifest(t *testing.T) *admissionregistrationv1.MutatingWebhookConfiguration {
	t.Helper()
	configuration, err := webhook.ConfigurationAt(in.balancer.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	configuration.Name = in.name
	for i := range configuration.Webhooks {
		configuration.Webhooks[i].NamespaceSelector.MatchLabels = map[string]string{"test.caseharden.io/instance": in.name + "-" + strconv.Itoa(i)}
	}
	webhook.Entry(configuration, "enforce", "hardened").NamespaceSelector.MatchLabels = in.labels
	return configuration
}

func (in *installation) createConfiguration(t *testing.T) {
	t.Helper()
	_, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(t.Context(), in.manifest(t), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func (in *installation) configuration(ctx context.Context) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	return client.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(ctx, in.name, metav1.GetOptions{})
}

func (in *installation) secret(ctx context.Context) (*corev1.Secret, error) {
	return client.CoreV1().Secrets(in.name).Get(ctx, secretName, metav1.GetOptions{})
}

// start starts all the replicas at once, waits until they are ready, and until the API
// server calls them.
func (in *installation) start(t *testing.T) {
	t.Helper()
	for _, r := range in.replicas {
		if err := r.start(); err != nil {
			t.Fatal(err)
		}
	}
	in.waitReady(t)
	in.waitHardened(t)
}

func (in *installation) waitReady(t *testing.T) time.Duration {
	t.Helper()
	return bedtest.Within(t, soon, "all replicas to be ready", func() error {
		for _, r := range in.replicas {
			if err := r.CheckReady(t.Context()); err != nil {
				return fmt.Errorf("%s: %w", r.Dir, err)
			}
		}
		return nil
	})
}

// waitHardened waits until a pod is admitted, and hardened.
func (in *installation) waitHardened(t *testing.T) time.Duration {
	t.Helper()
	return bedtest.Within(t, soon, "a pod to be hardened", func() error { return in.createPod(t.Context(), true) })
}

// serial returns the serial number of the certificate that all the replicas serve, and
// that is in the Secret.
func (in *installation) serial(ctx context.Context) (string, error) {
	secret, err := in.secret(ctx)
	if err != nil {
		return "", err
	}
	serial, err := serialOf(secret.Data[corev1.TLSCertKey])
	if err != nil {
		return "", err
	}
	for _, r := range in.replicas {
		leaf, err := r.handshake(ctx)
		if err != nil {
			return "", err
		}
		if served := leaf.SerialNumber.Text(16); served != serial {
			return "", fmt.Errorf("%s serves %s, in the Secret is %s", r.Dir, served, serial)
		}
	}
	return serial, nil
}

// waitSerial waits until all the replicas serve what is in the Secret, and are ready.
func (in *installation) waitSerial(t *testing.T, what string, wanted func(serial string) bool) string {
	t.Helper()
	var serial string
	bedtest.Within(t, soon, what, func() error {
		var err error
		if serial, err = in.serial(t.Context()); err != nil {
			return err
		}
		if !wanted(serial) {
			return fmt.Errorf("the serial is %s", serial)
		}
		return nil
	})
	in.waitReady(t)
	return serial
}

func anySerial(string) bool { return true }
