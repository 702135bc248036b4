// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/serves"
)

var create = metav1.CreateOptions{}

// A client asks an application through its Service: as a proxy does, it sends each request to
// every endpoint that is ready.
type client struct {
	t         *testing.T
	namespace string
	app       catalogue.App
}

// newClient makes the Service of an application, and a client of it.
func newClient(t *testing.T, namespace string, app catalogue.App) *client {
	t.Helper()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "clients-of-" + app.Name},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": app.Name}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(80)}}},
	}
	if _, err := c.Client().CoreV1().Services(namespace).Create(t.Context(), service, create); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, namespace: namespace, app: app}
}

// errNone says that nobody was asked.
var errNone = errors.New("the Service has no endpoint that is ready")

// ask sends the requests of the catalogue to every endpoint, and returns the addresses.
func (cl *client) ask(ctx context.Context) (asked []string, err error) {
	list, err := c.Client().DiscoveryV1().EndpointSlices(cl.namespace).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=clients-of-" + cl.app.Name,
	})
	if err != nil {
		return nil, err
	}
	err = errNone
	for _, slice := range list.Items {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || !*e.Conditions.Ready || e.TargetRef == nil {
				continue
			}
			asked = append(asked, e.Addresses[0])
			target := serves.Target{Address: e.Addresses[0], Exec: func(ctx context.Context, command []string) (string, error) {
				return c.Exec(ctx, cl.namespace, e.TargetRef.Name, cl.app.Name, command)
			}}
			if err = serves.All(ctx, target, cl.app.Check); err != nil {
				return asked, err
			}
		}
	}
	return asked, err
}

// once asks once.
func (cl *client) once() error {
	_, err := cl.ask(cl.t.Context())
	return err
}

// start asks again and again until stop is called, which returns how often the application
// served, which copies were asked, and the last error.
func (cl *client) start() (stop func() (served int, faults []string)) {
	copies, err := c.Client().CoreV1().Pods(cl.namespace).Watch(cl.t.Context(), metav1.ListOptions{LabelSelector: "caseharden.io/trial"})
	if err != nil {
		cl.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(cl.t.Context())
	addresses := map[string]string{} // of copies, to their names
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for event := range copies.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok && pod.Status.PodIP != "" {
				addresses[pod.Status.PodIP] = pod.Name
			}
		}
	}()
	var asked []string
	var failed error
	served := 0
	asking := make(chan struct{})
	go func() {
		defer close(asking)
		for ctx.Err() == nil {
			more, err := cl.ask(ctx)
			asked = append(asked, more...)
			switch {
			case err == nil:
				served++
			case ctx.Err() == nil:
				failed = err
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	return func() (int, []string) {
		cancel()
		<-asking
		copies.Stop()
		<-watched
		slices.Sort(asked)
		var faults []string
		for _, address := range slices.Compact(asked) {
			if name, isCopy := addresses[address]; isCopy {
				faults = append(faults, "a request went to the copy "+name)
			}
		}
		if failed != nil {
			faults = append(faults, fmt.Sprintf("a request failed: %s", failed))
		}
		return served, faults
	}
}

// A Pod that looks like a copy, has the labels of the workload and no readiness gate gets
// requests: the client of TestApplications would see it.
func TestClientSeesACopy(t *testing.T) {
	t.Parallel()
	apps, err := catalogue.Select([]string{"nginx"})
	if err != nil {
		t.Fatal(err)
	}
	app := apps[0]
	load(t, app)
	ns := bedtest.Namespace(t, c, "client", nil)
	d, err := app.Deployment()
	if err != nil {
		t.Fatal(err)
	}
	cl := newClient(t, ns, app)
	stop := cl.start()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "copy", Labels: map[string]string{"app": app.Name, "caseharden.io/trial": "x"}}, Spec: d.Spec.Template.Spec}
	if _, err := c.Client().CoreV1().Pods(ns).Create(t.Context(), pod, create); err != nil {
		t.Fatal(err)
	}
	bedtest.Within(t, app.Patience(), "an answer of the Pod", cl.once)
	time.Sleep(3 * time.Second) // it is asked by the other client as well
	if served, faults := stop(); !slices.Contains(faults, "a request went to the copy copy") {
		t.Errorf("served %d times; faults %q", served, faults)
	}
}
