// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// A history is what has been in the API server, and since when, as the administrator
// saw it.
type history struct {
	mu      sync.Mutex // guards the following
	bundles []bundlesAt
	serials []string // of what was current in the Secret, one after the other
	next    []byte   // the certificate that is next in the Secret
	keys    []string // every private key that has been in the Secret, as PEM
}

type bundlesAt struct {
	at      time.Time
	bundles [][]byte // of each webhook; nil where there is no configuration
}

func newHistory(ctx context.Context, t *testing.T, in *installation) *history {
	t.Helper()
	h := &history{}
	one := func(name string) metav1.ListOptions {
		return metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()}
	}
	secrets, configurations := client.CoreV1().Secrets(in.name), client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	// A watch without a version begins with what there is. What happened between two
	// is not seen, but for the restart of the API server there are none.
	go every(ctx, 20*time.Millisecond, func() {
		if w, err := secrets.Watch(ctx, one(secretName)); err == nil {
			h.follow(w)
		}
	})
	go every(ctx, 20*time.Millisecond, func() {
		if w, err := configurations.Watch(ctx, one(in.name)); err == nil {
			h.follow(w)
		}
	})
	return h
}

func (h *history) follow(w watch.Interface) {
	defer w.Stop()
	for event := range w.ResultChan() {
		if event.Type == watch.Added || event.Type == watch.Modified || event.Type == watch.Deleted {
			h.note(time.Now(), event.Object, event.Type == watch.Deleted)
		}
	}
}

func (h *history) note(at time.Time, object runtime.Object, deleted bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch object := object.(type) {
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		now := bundlesAt{at: at}
		for _, w := range object.Webhooks {
			if !deleted {
				now.bundles = append(now.bundles, w.ClientConfig.CABundle)
			}
		}
		h.bundles = append(h.bundles, now)
	case *corev1.Secret:
		for _, key := range []string{"tls.key", "next-tls.key"} {
			if text := string(object.Data[key]); text != "" && !slices.Contains(h.keys, text) {
				h.keys = append(h.keys, text)
			}
		}
		h.next = object.Data["next-tls.crt"]
		if serial, err := serialOf(object.Data[corev1.TLSCertKey]); err == nil && (len(h.serials) == 0 || h.serials[len(h.serials)-1] != serial) {
			h.serials = append(h.serials, serial)
		}
	}
}

func serialOf(text []byte) (string, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return "", errors.New("no certificate")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", err
	}
	return c.SerialNumber.Text(16), nil
}

// rotations says how often current has been another certificate than before.
func (h *history) rotations() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(0, len(h.serials)-1)
}

// wasted says how many key pairs have been in the Secret that were never current,
// and are not next.
func (h *history) wasted() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	wasted := len(h.keys) - len(h.serials)
	if len(h.next) > 0 {
		wasted--
	}
	return wasted
}

func (h *history) hasNext() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.next) > 0
}

// verify says why an API server that has the caBundles of a moment would not trust the
// certificate now. A moment before the first that was seen asks for nothing.
func (h *history) verify(leaf *x509.Certificate, then, now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found *bundlesAt
	for i := range h.bundles {
		if !h.bundles[i].at.After(then) {
			found = &h.bundles[i]
		}
	}
	if found == nil {
		return nil
	}
	return verifyBy(found.bundles, leaf, now)
}

func verifyBy(bundles [][]byte, leaf *x509.Certificate, now time.Time) error {
	if len(bundles) == 0 {
		return errors.New("there is no webhook configuration")
	}
	for i, bundle := range bundles {
		if i > 0 && string(bundle) == string(bundles[i-1]) {
			continue
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(bundle)
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "127.0.0.1", CurrentTime: now}); err != nil {
			return fmt.Errorf("webhook %d: %w", i, err)
		}
	}
	return nil
}

// cas says how many CAs every caBundle holds now, at least.
func (h *history) cas() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.bundles) == 0 {
		return 0
	}
	least := -1
	for _, bundle := range h.bundles[len(h.bundles)-1].bundles {
		if n := bytes.Count(bundle, []byte("BEGIN CERTIFICATE")); least < 0 || n < least {
			least = n
		}
	}
	return least
}
