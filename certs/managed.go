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
// replicas in a Secret, publishes their CAs in every caBundle of one webhook
// configuration, and rotates them: see [view.plan]. It repairs the two objects if others
// change them. While it cannot reach the API server, it serves the current certificate.
type Managed struct {
	served

	api     API
	options ManagedOptions
	logger  *slog.Logger
	metrics *Metrics

	notices   map[step]*notice
	readiness *notice

	changed chan struct{} // has something when there may be something to do
	writes  *rate.Limiter // bounds the writes, in case another controller reverts them

	mu            sync.Mutex // guards the following
	view          view
	secret        *corev1.Secret                                        // as in view; nil where there is none
	configuration *admissionregistrationv1.MutatingWebhookConfiguration // as in view; nil where there is none
	following     map[string]bool                                       // by object: whether the view of it is up to date
	waitingFor    string                                                // why nothing is served yet
}

var _ Source = (*Managed)(nil)

// The limit of writes: a burst that repairs everything several times, and then one write
// in a while. An error is over once more than half of the burst is available again.
const (
	writeBurst = 20
	writePause = 5 * time.Second
	calm       = writeBurst / 2
)

// The names of the two objects in errors.
const (
	theSecret        = "the Secret"
	theConfiguration = "the webhook configuration"
)

// ManagedOptions are the options of a [Managed].
type ManagedOptions struct {
	Hosts       []string      // DNS names and IP addresses at which API servers call the webhook
	Lifetime    time.Duration // of each key pair
	Propagation time.Duration // how long a CA must be in every caBundle before it counts as trusted
}

// NewManaged returns a Managed. It makes no certificate before [Managed.Run].
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
		// A rotation begins when a third of the life is left. Half of that is a reserve
		// for failures.
		return nil, fmt.Errorf("propagation %s: must be from 0 to a sixth of the lifetime, %s", o.Propagation, o.Lifetime/6)
	}
	metrics.addReconcile()
	notices := newNotices(logger, metrics, managedSteps)
	notices[stepClock].wrong = "the clock of this replica differs from the API server's, which is used instead: set the clock of the node"
	notices[stepClock].over = "the clock of this replica agrees with the API server's again"
	return &Managed{
		api:        api,
		options:    o,
		logger:     logger,
		metrics:    metrics,
		notices:    notices,
		readiness:  &notice{logger: logger, wrong: "certificates: not ready", over: "certificates: ready", patience: time.Second},
		changed:    make(chan struct{}, 1),
		writes:     rate.NewLimiter(rate.Every(writePause), writeBurst),
		following:  map[string]bool{},
		waitingFor: "the API server has not answered yet",
	}, nil
}

// Run follows the two objects and takes the steps of the plan until ctx is done.
func (m *Managed) Run(ctx context.Context) error {
	var followers sync.WaitGroup
	defer followers.Wait()
	secret := follower[*corev1.Secret]{get: m.api.GetSecret, watch: m.api.WatchSecret, saw: m.sawSecret, lost: m.lost(theSecret)}
	followers.Go(func() { secret.run(ctx) })
	configuration := follower[*admissionregistrationv1.MutatingWebhookConfiguration]{
		get: m.api.GetConfiguration, watch: m.api.WatchConfiguration, saw: m.sawConfiguration, lost: m.lost(theConfiguration)}
	followers.Go(func() { configuration.run(ctx) })

	// Every second, by the wall clock: the clock of timers stands still while a machine
	// is suspended.
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for pause := newBackoff(); ; {
		again, err := m.reconcile(ctx)
		m.noteReadiness()
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
// step at once. After a write the next step waits until the watch returns what was written.
func (m *Managed) reconcile(ctx context.Context) (again bool, err error) {
	m.mu.Lock()
	m.view.setClocks(time.Now(), m.api.Ahead())
	followsSecret, followsConfiguration := m.following[theSecret], m.following[theConfiguration]
	v, secret, configuration := m.view, m.secret, m.configuration
	m.mu.Unlock()
	if !followsConfiguration {
		return false, nil
	}
	m.noteClock()
	a := v.plan(m.options)
	if !followsSecret && (v.serving == nil || a.do != stepPublish) {
		return false, nil // without the Secret, only a caBundle can be repaired
	}
	if a.changes() && a.do != stepServe && m.writes.Tokens() < 1 {
		m.report(a.do, fmt.Errorf("write limit reached: another controller may be reverting the changes (%s)", a.why))
		return false, nil // at the next tick
	}
	if a.changes() {
		// This process may have been suspended, or its clock may have been set.
		if same, err := m.isStill(ctx, configuration); err != nil {
			m.report(stepWatch, err)
			return false, err
		} else if !same {
			return false, nil // the watch will report it
		}
		m.recovered(stepWatch)
		planned := a.do
		v.setClocks(time.Now(), m.api.Ahead())
		if a = v.plan(m.options); a.do != planned {
			return false, nil // at the next tick
		}
	}
	switch err := m.perform(ctx, a, &v, secret, configuration); {
	case isSuperseded(err):
		m.logger.Debug("certificate step was superseded by another replica", "step", a.do, "error", err)
		return false, nil
	case err != nil:
		m.report(a.do, err)
		return false, err
	case a.do == stepServe:
		return true, nil
	}
	done := plannedSteps // another replica may have taken the step that failed here
	if a.do != nothing {
		m.writes.Allow() // a token is available: see above
		m.logger.Info("certificate step taken", "step", a.do, "because", a.why)
		done = []step{a.do}
	}
	if m.writes.Tokens() > calm {
		m.recovered(done...)
	}
	m.setWaitingFor(a.why)
	if m.Ready(time.Now()) == nil {
		m.metrics.reconciled(m.now())
	}
	return false, nil
}

// perform does what an action says, which was planned from the view of the two objects.
func (m *Managed) perform(ctx context.Context, a action, v *view, secret *corev1.Secret, configuration *admissionregistrationv1.MutatingWebhookConfiguration) error {
	switch a.do {
	case stepRestore:
		return m.store(ctx, secret, v.serving, v.secret.next)
	case stepGenerate:
		next, err := newKeyPair(m.options.Hosts, m.now(), m.options.Lifetime)
		if err != nil {
			return err
		}
		return m.store(ctx, secret, v.secret.current, next)
	case stepPublish:
		return m.api.PatchBundle(ctx, configuration, marshalCAs(a.bundle))
	case stepPromote:
		return m.store(ctx, secret, v.secret.next, nil)
	case stepServe:
		m.serve(v.secret.current)
	case stepClean:
		return m.api.UpdateSecret(ctx, withoutHelmRecord(secret))
	case stepRefuse:
		return errors.New(a.why)
	}
	return nil
}

// now returns the time by the API server's clock.
func (m *Managed) now() time.Time { return time.Now().Add(m.api.Ahead()) }

// isStill reports whether the configuration is the one that was seen last. The answer of
// the API server also has the time.
func (m *Managed) isStill(ctx context.Context, seen *admissionregistrationv1.MutatingWebhookConfiguration) (bool, error) {
	now, err := m.api.GetConfiguration(ctx)
	if apierrors.IsNotFound(err) {
		return seen == nil, nil
	}
	return err == nil && seen != nil && now.ResourceVersion == seen.ResourceVersion, err
}

// isSuperseded reports whether a write was refused because the object has changed, which
// the watch will report.
func isSuperseded(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err)
}

// store writes the key pairs into the Secret that was seen, or creates the Secret.
func (m *Managed) store(ctx context.Context, seen *corev1.Secret, current, next *keyPair) error {
	if seen == nil {
		err := m.api.CreateSecret(ctx, withKeyPairs(&corev1.Secret{}, current, next).Data)
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("the Secret cannot be created: %s", err) // there is no namespace: not superseded
		}
		return err
	}
	return m.api.UpdateSecret(ctx, withKeyPairs(seen, current, next))
}

// serve uses the key pair for every handshake from now on.
func (m *Managed) serve(c *keyPair) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.view.serving != nil {
		m.metrics.rotations.Inc()
	}
	m.view.serving = c
	m.certificate.Store(c.certificate)
	m.setValidities()
	m.logger.Info("serving certificate loaded", "step", stepServe, "serial", c.leaf.SerialNumber.Text(16), "ca", c.issuer.Subject.CommonName,
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

// update changes the view of an object, which then is up to date.
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
	default: // Run knows already
	}
}

// lost returns a function that notes that the view of an object may be out of date. Then no
// step is taken that needs the object; the current certificate is served.
func (m *Managed) lost(object string) func(error) {
	return func(err error) {
		m.mu.Lock()
		m.following[object] = false
		m.mu.Unlock()
		m.report(stepWatch, fmt.Errorf("%s cannot be followed: %w", object, err))
	}
}
