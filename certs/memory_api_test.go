// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"strconv"
	"sync"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

// memoryAPI is an [API] in memory, for tests in which months pass: with versions,
// conflicts and watches as an API server has them. What a real one makes of the calls
// is for the tests on one.
type memoryAPI struct {
	mu            sync.Mutex
	version       int
	secret        *corev1.Secret
	configuration *admissionregistrationv1.MutatingWebhookConfiguration
	watchers      []*memoryWatch
	err           error // of every call, if set
	silent        bool  // watches do not tell what happens
	calls         int   // writes

	ahead     time.Duration // what is known of its clock
	tellsTime bool          // an answer says that all clocks agree
}

type memoryWatch struct {
	*watch.FakeWatcher
	api  *memoryAPI
	kind string
}

// Stop may come while another goroutine tells the watch something.
func (w *memoryWatch) Stop() { w.api.change(w.FakeWatcher.Stop) }

// newMemoryAPI has a configuration of so many webhooks, none of which has a caBundle.
func newMemoryAPI(webhooks int) *memoryAPI {
	a := &memoryAPI{}
	a.putConfiguration(webhooks)
	return a
}

func (a *memoryAPI) putConfiguration(webhooks int) {
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{}
	configuration.Name = "caseharden"
	for i := range webhooks {
		configuration.Webhooks = append(configuration.Webhooks, admissionregistrationv1.MutatingWebhook{Name: "w" + strconv.Itoa(i) + ".caseharden.io"})
	}
	a.change(func() { a.setConfiguration(configuration) })
}

func (a *memoryAPI) change(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

func (a *memoryAPI) next() string {
	a.version++
	return strconv.Itoa(a.version)
}

// setSecret stores a Secret, or deletes it. The caller holds the lock.
func (a *memoryAPI) setSecret(s *corev1.Secret) {
	before := a.secret
	a.secret = s
	if s == nil {
		a.tell("secret", watch.Deleted, before)
		return
	}
	s.ResourceVersion = a.next()
	a.tell("secret", watch.Modified, s)
}

func (a *memoryAPI) setConfiguration(c *admissionregistrationv1.MutatingWebhookConfiguration) {
	before := a.configuration
	a.configuration = c
	if c == nil {
		a.tell("configuration", watch.Deleted, before)
		return
	}
	c.ResourceVersion = a.next()
	a.tell("configuration", watch.Modified, c)
}

func (a *memoryAPI) tell(kind string, event watch.EventType, object runtime.Object) {
	for _, w := range a.watchers {
		if w.kind == kind && !a.silent && !w.IsStopped() {
			w.Action(event, object.DeepCopyObject())
		}
	}
}

// breakWatches ends all watches, with what an API server says when a version is gone.
func (a *memoryAPI) breakWatches() {
	a.change(func() {
		for _, w := range a.watchers {
			if !w.IsStopped() {
				w.Error(&apierrors.NewResourceExpired("too old").ErrStatus)
			}
		}
		a.watchers = nil
	})
}

func (a *memoryAPI) GetSecret(context.Context) (*corev1.Secret, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.err != nil:
		return nil, a.err
	case a.secret == nil:
		return &corev1.Secret{}, apierrors.NewNotFound(schema.GroupResource{Resource: secrets}, "caseharden-tls")
	}
	return a.secret.DeepCopy(), nil
}

func (a *memoryAPI) watch(ctx context.Context, kind string) (watch.Interface, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return nil, a.err
	}
	w := &memoryWatch{FakeWatcher: watch.NewFakeWithChanSize(100, false), api: a, kind: kind}
	a.watchers = append(a.watchers, w)
	// As an API server does where no version is given.
	if kind == "secret" && a.secret != nil {
		w.Add(a.secret.DeepCopy())
	}
	if kind == "configuration" && a.configuration != nil {
		w.Add(a.configuration.DeepCopy())
	}
	context.AfterFunc(ctx, w.Stop)
	return w, nil
}

func (a *memoryAPI) WatchSecret(ctx context.Context) (watch.Interface, error) {
	return a.watch(ctx, "secret")
}

func (a *memoryAPI) WatchConfiguration(ctx context.Context) (watch.Interface, error) {
	return a.watch(ctx, "configuration")
}

func (a *memoryAPI) CreateSecret(_ context.Context, data map[string][]byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	switch {
	case a.err != nil:
		return a.err
	case a.secret != nil:
		return apierrors.NewAlreadyExists(schema.GroupResource{Resource: secrets}, "caseharden-tls")
	}
	a.setSecret(&corev1.Secret{Data: data})
	return nil
}

func (a *memoryAPI) UpdateSecret(_ context.Context, s *corev1.Secret) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	switch {
	case a.err != nil:
		return a.err
	case a.secret == nil:
		return apierrors.NewNotFound(schema.GroupResource{Resource: secrets}, "caseharden-tls")
	case s.ResourceVersion != a.secret.ResourceVersion:
		return apierrors.NewConflict(schema.GroupResource{Resource: secrets}, "caseharden-tls", nil)
	}
	a.setSecret(s.DeepCopy())
	return nil
}

func (a *memoryAPI) GetConfiguration(context.Context) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tellsTime {
		a.ahead = 0
	}
	switch {
	case a.err != nil:
		return nil, a.err
	case a.configuration == nil:
		return &admissionregistrationv1.MutatingWebhookConfiguration{}, apierrors.NewNotFound(schema.GroupResource{Resource: configurations}, "caseharden")
	}
	return a.configuration.DeepCopy(), nil
}

func (a *memoryAPI) PatchBundle(_ context.Context, seen *admissionregistrationv1.MutatingWebhookConfiguration, caBundle []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	switch {
	case a.err != nil:
		return a.err
	case a.configuration == nil:
		return apierrors.NewNotFound(schema.GroupResource{Resource: configurations}, "caseharden")
	case seen.ResourceVersion != a.configuration.ResourceVersion:
		return apierrors.NewConflict(schema.GroupResource{Resource: configurations}, "caseharden", nil)
	}
	patched := a.configuration.DeepCopy()
	for i := range patched.Webhooks {
		patched.Webhooks[i].ClientConfig.CABundle = caBundle
	}
	a.setConfiguration(patched)
	return nil
}

// bundle returns the caBundle, if it is the same in every webhook.
func (a *memoryAPI) bundle() (cas []string, same bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	same = true
	for _, w := range a.configuration.Webhooks {
		same = same && string(w.ClientConfig.CABundle) == string(a.configuration.Webhooks[0].ClientConfig.CABundle)
	}
	for _, ca := range casIn(a.configuration.Webhooks[0].ClientConfig.CABundle) {
		cas = append(cas, ca.Subject.CommonName)
	}
	return cas, same
}

func (a *memoryAPI) countWrites() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}

func (a *memoryAPI) Ahead() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ahead
}
