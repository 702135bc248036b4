// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Managed is a [Source] that makes its own certificates, shares them with the other
// replicas by a Secret, publishes their CAs in every caBundle of one webhook
// configuration, and rotates them: see [view.plan]. What others do to the two objects
// it mends. While the API server cannot be reached it serves on with what it has.
type Managed struct {
	served

	api     API
	options ManagedOptions
	logger  *slog.Logger
	metrics *Metrics

	changed chan struct{} // has something when there may be something to do
	writes  *rate.Limiter // so that nobody who undoes them makes this a hot loop

	mu            sync.Mutex // guards the following
	view          view
	secret        *corev1.Secret                                        // as in view; nil where there is none
	configuration *admissionregistrationv1.MutatingWebhookConfiguration // as in view; nil where there is none
	following     map[string]bool                                       // by object: whether the view of it is what was last heard
	reported      map[step]bool                                         // errors that have been reported and go on
	waitingFor    string                                                // why nothing is served yet
	readiness     readiness
}

var _ Source = (*Managed)(nil)

// How often may be written: as often as it takes to mend everything some times, and
// then now and then. What has cost more than half of that is not over yet.
const (
	writeBurst = 20
	writePause = 5 * time.Second
	calm       = writeBurst / 2
)

// The objects that are followed, as errors name them.
const (
	theSecret        = "the Secret"
	theConfiguration = "the webhook configuration"
)

// ManagedOptions say what certificates to make.
type ManagedOptions struct {
	Hosts       []string      // DNS names and IP addresses that API servers call the webhook by
	Lifetime    time.Duration // of each key pair
	Propagation time.Duration // how long a CA has to be in every caBundle before it is relied on
}

// NewManaged makes nothing yet: [Managed.Run] does.
func NewManaged(api API, o ManagedOptions, logger *slog.Logger, metrics *Metrics) (*Managed, error) {
	if _, _, err := splitHosts(o.Hosts); err != nil {
		return nil, err
	}
	switch {
	case len(o.Hosts) == 0:
		return nil, errors.New("no host to make certificates for")
	case o.Lifetime < time.Second:
		return nil, fmt.Errorf("lifetime %s: must be at least 1s, the resolution of X.509", o.Lifetime)
	case o.Propagation < 0 || o.Propagation > o.Lifetime/6:
		// A rotation begins when a third of the life is left, of which the half is for
		// what goes wrong.
		return nil, fmt.Errorf("propagation %s: must be from 0 to a sixth of the lifetime, %s", o.Propagation, o.Lifetime/6)
	}
	metrics.addManaged()
	return &Managed{
		api:        api,
		options:    o,
		logger:     logger,
		metrics:    metrics,
		changed:    make(chan struct{}, 1),
		writes:     rate.NewLimiter(rate.Every(writePause), writeBurst),
		following:  map[string]bool{},
		reported:   map[step]bool{},
		waitingFor: "the API server has not answered yet",
	}, nil
}

// Run follows the two objects, and does what there is to do, until ctx is done.
func (m *Managed) Run(ctx context.Context) error {
	var followers sync.WaitGroup
	defer followers.Wait()
	secret := follower[*corev1.Secret]{get: m.api.GetSecret, watch: m.api.WatchSecret, saw: m.sawSecret, lost: m.lost(theSecret)}
	followers.Go(func() { secret.run(ctx) })
	configuration := follower[*admissionregistrationv1.MutatingWebhookConfiguration]{
		get: m.api.GetConfiguration, watch: m.api.WatchConfiguration, saw: m.sawConfiguration, lost: m.lost(theConfiguration)}
	followers.Go(func() { configuration.run(ctx) })

	// By the clock on the wall, every second: while a machine is suspended, the one
	// that timers go by stands still.
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for pause := newBackoff(); ; {
		again, err := m.reconcile(ctx)
		m.sayReadiness(time.Now())
		switch {
		case err != nil:
			pause.wait(ctx)
		case again:
			continue
		default:
			pause = newBackoff()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-m.changed:
		case <-ticker.C:
		}
	}
}

// reconcile takes the next step, if there is one. It reports whether there may be another
// at once: what it writes comes back through the watches, and not before.
func (m *Managed) reconcile(ctx context.Context) (again bool, err error) {
	m.mu.Lock()
	followsSecret, followsConfiguration := m.following[theSecret], m.following[theConfiguration]
	v, secret, configuration := m.view, m.secret, m.configuration
	m.mu.Unlock()
	if !followsConfiguration {
		return false, nil
	}
	m.checkClock()
	v.own = time.Now()
	a := m.plan(&v, secret)
	if !followsSecret && (v.serving == nil || a.do != publish) {
		return false, nil // a caBundle can be repaired without the Secret, and nothing else
	}
	at := stepStore
	if a.do == publish {
		at = stepPublish
	}
	if a.step() && a.do != serve && m.writes.Tokens() < 1 {
		m.report(at, fmt.Errorf("too many writes to make one more (%s: %s): is there somebody who undoes them?", a.do, a.why))
		return false, nil // at the next tick
	}
	if a.step() {
		// This process may have been suspended, or its clock may have been set.
		if same, err := m.isStill(ctx, configuration); err != nil {
			m.report(stepWatch, err)
			return false, err
		} else if !same {
			return false, nil // the watch will tell
		}
		m.recovered(stepWatch)
		planned := a.do
		if a = m.plan(&v, secret); a.do != planned {
			return false, nil // at the next tick
		}
	}
	switch a.do {
	case nothing:
	case restore:
		err = m.store(ctx, secret, v.serving, v.secret.next)
	case generate:
		var next *keyPair
		if next, err = newKeyPair(m.options.Hosts, m.now(), m.options.Lifetime); err != nil {
			at = stepGenerate
			break
		}
		err = m.store(ctx, secret, v.secret.current, next)
	case promote:
		err = m.store(ctx, secret, v.secret.next, nil)
	case clean:
		cleaned := secret.DeepCopy()
		removeHelmRecord(cleaned)
		err = m.api.UpdateSecret(ctx, cleaned)
	case publish:
		err = m.api.PatchBundle(ctx, configuration, marshalCAs(a.bundle))
	case refuse:
		err = errors.New(a.why)
	case serve:
		m.serve(v.secret.current)
		return true, nil
	}
	if isSuperseded(err) {
		m.logger.Debug("certificate step was superseded by another replica", "step", a.do, "error", err)
		return false, nil
	}
	if err != nil {
		m.report(at, err)
		return false, err
	}
	// What this replica could not do, another one may have done.
	done := []step{stepGenerate, stepStore, stepPublish}
	if a.do != nothing {
		m.writes.Allow() // there is one: it was looked at before
		m.logger.Info("certificate step taken", "step", a.do, "because", a.why)
		done = []step{at}
	}
	if m.writes.Tokens() > calm {
		m.recovered(done...)
	}
	m.note(a.why)
	if m.Ready(time.Now()) == nil {
		m.metrics.reconciled(m.now())
	}
	return false, nil
}

// plan returns what to do next.
func (m *Managed) plan(v *view, secret *corev1.Secret) action {
	a := v.plan(m.now(), m.options)
	if (a.do == nothing || a.do == refuse && v.secret.foreign == "") && isHelmRecord(secret) {
		return action{do: clean, why: "the Secret has the label owner=helm, by which Helm finds records of releases"}
	}
	return a
}

// now returns the time by the API server's clock.
func (m *Managed) now() time.Time { return time.Now().Add(m.api.Ahead()) }

// isStill reports whether the configuration is the one that was seen last. The answer of
// the API server also tells the time.
func (m *Managed) isStill(ctx context.Context, seen *admissionregistrationv1.MutatingWebhookConfiguration) (bool, error) {
	now, err := m.api.GetConfiguration(ctx)
	if apierrors.IsNotFound(err) {
		return seen == nil, nil
	}
	return err == nil && seen != nil && now.ResourceVersion == seen.ResourceVersion, err
}

// isSuperseded reports whether a write was refused because the object is another by now,
// which the watch will tell.
func isSuperseded(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err)
}

// store writes the key pairs into the Secret, as it was seen.
func (m *Managed) store(ctx context.Context, seen *corev1.Secret, current, next *keyPair) error {
	if seen == nil {
		err := m.api.CreateSecret(ctx, withKeyPairs(&corev1.Secret{}, current, next).Data)
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("the Secret cannot be created: %s", err) // not another replica's doing: there is no namespace
		}
		return err
	}
	return m.api.UpdateSecret(ctx, withKeyPairs(seen, current, next))
}

// serve uses a key pair for every handshake from now on.
func (m *Managed) serve(c *keyPair) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.view.serving != nil {
		m.metrics.rotations.Inc()
	}
	m.view.serving = c
	m.certificate.Store(c.certificate)
	m.setValidities()
	m.logger.Info("serving certificate taken", "serial", c.leaf.SerialNumber.Text(16), "ca", c.issuer.Subject.CommonName,
		"notBefore", c.leaf.NotBefore, "notAfter", c.leaf.NotAfter)
}

func (m *Managed) sawSecret(secret *corev1.Secret, found, _ bool) {
	if !found {
		secret = nil
	}
	seen := newSecretView(secret)
	m.update(theSecret, func() { m.secret, m.view.secret = secret, seen })
}

func (m *Managed) sawConfiguration(configuration *admissionregistrationv1.MutatingWebhookConfiguration, found, missed bool) {
	seen := configurationView{}
	if !found {
		configuration = nil
	} else {
		var bundles [][]byte
		for _, w := range configuration.Webhooks {
			bundles = append(bundles, w.ClientConfig.CABundle)
		}
		seen = newConfigurationView(bundles)
	}
	m.update(theConfiguration, func() {
		m.configuration = configuration
		m.view.observe(time.Now(), seen, missed)
	})
}

// update changes the view of an object, which is what it is now.
func (m *Managed) update(object string, change func()) {
	m.mu.Lock()
	change()
	m.following[object] = true
	followed := m.following[theSecret] && m.following[theConfiguration]
	m.setValidities()
	m.mu.Unlock()
	if followed {
		m.recovered(stepWatch)
	}
	select {
	case m.changed <- struct{}{}:
	default: // it has been told already
	}
}

// lost notes that an object may be another than was seen. Nothing is done then: what
// is served goes on being served.
func (m *Managed) lost(object string) func(error) {
	return func(err error) {
		m.mu.Lock()
		m.following[object] = false
		m.mu.Unlock()
		m.report(stepWatch, fmt.Errorf("%s cannot be followed: %w", object, err))
	}
}

// report counts and logs an error, unless this step has not recovered from another.
func (m *Managed) report(at step, err error) {
	m.mu.Lock()
	known := m.reported[at]
	m.reported[at] = true
	if m.view.serving == nil {
		m.waitingFor = err.Error()
	}
	m.mu.Unlock()
	if !known {
		m.metrics.errors.WithLabelValues(string(at)).Inc()
		m.logger.Warn("certificates are not kept up: what is served, if anything, is served on", "step", at, "error", err)
	}
}

// recovered ends the errors of some steps.
func (m *Managed) recovered(steps ...step) {
	for _, at := range steps {
		m.mu.Lock()
		before := m.reported[at]
		delete(m.reported, at)
		m.mu.Unlock()
		if before {
			m.logger.Info("certificates are kept up again", "step", at)
		}
	}
}

// checkClock reports a clock that differs from the API server's, once for as long as it
// lasts. Certificates do not depend on it.
func (m *Managed) checkClock() {
	ahead := m.api.Ahead()
	m.mu.Lock()
	before := m.reported[stepClock]
	m.reported[stepClock] = ahead != 0
	m.mu.Unlock()
	switch {
	case ahead != 0 && !before:
		m.metrics.errors.WithLabelValues(string(stepClock)).Inc()
		m.logger.Warn("the clock of this replica differs from the API server's, which is used instead: set the clock of the node",
			"step", stepClock, "apiServerAhead", ahead.Round(time.Second).String())
	case ahead == 0 && before:
		m.logger.Info("the clock of this replica agrees with the API server's again", "step", stepClock)
	}
}
