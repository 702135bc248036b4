// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// Whatever somebody does to the two objects is repaired, within seconds and without a
// restart: the certificate stays the one that is served.
func TestDamageIsHealed(t *testing.T) {
	t.Parallel()
	in := install(t, 2, longLifetime, longPropagation)
	in.start(t)
	serial := in.waitSerial(t, "the first certificate", anySerial)
	secrets, configurations := client.CoreV1().Secrets(in.name), client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	updateSecret := func(change func(*corev1.Secret)) error {
		secret, err := in.secret(t.Context())
		if err != nil {
			return err
		}
		change(secret)
		_, err = secrets.Update(t.Context(), secret, metav1.UpdateOptions{})
		return err
	}
	for _, c := range []struct {
		what    string
		damage  func() error
		step    string
		because string
	}{
		{
			"the Secret is deleted",
			func() error { return secrets.Delete(t.Context(), secretName, metav1.DeleteOptions{}) },
			"restore", "there is no Secret",
		}, {
			"the Secret is emptied",
			func() error { return updateSecret(func(s *corev1.Secret) { s.Data = nil }) },
			"restore", "tls.crt is empty|ca.crt is empty",
		}, {
			"the Secret holds garbage",
			func() error {
				return updateSecret(func(s *corev1.Secret) {
					for key := range s.Data {
						s.Data[key] = []byte("garbage")
					}
				})
			},
			"restore", "the Secret holds no certificate",
		}, {
			"the key is another",
			func() error {
				return updateSecret(func(s *corev1.Secret) { s.Data[corev1.TLSPrivateKeyKey] = otherKey(t) })
			},
			"restore", "the Secret holds no certificate",
		}, {
			"the certificate is not valid yet",
			func() error {
				return updateSecret(func(s *corev1.Secret) { putIssued(t, s, time.Now().AddDate(1, 0, 0), longLifetime) })
			},
			"restore", "serving certificate not yet valid until",
		}, {
			"the certificate lives for a hundred years",
			func() error {
				return updateSecret(func(s *corev1.Secret) { putIssued(t, s, time.Now(), 100*365*24*time.Hour) })
			},
			"restore", "it lives longer than the configured lifetime",
		}, {
			"caBundle is wiped",
			func() error {
				configuration, err := in.configuration(t.Context())
				if err != nil {
					return err
				}
				for i := range configuration.Webhooks {
					configuration.Webhooks[i].ClientConfig.CABundle = nil
				}
				_, err = configurations.Update(t.Context(), configuration, metav1.UpdateOptions{})
				return err
			},
			"publish", "the CA of the serving certificate was missing",
		}, {
			"one caBundle is wiped",
			func() error {
				configuration, err := in.configuration(t.Context())
				if err != nil {
					return err
				}
				webhook.Entry(configuration, "enforce", "hardened").ClientConfig.CABundle = nil
				_, err = configurations.Update(t.Context(), configuration, metav1.UpdateOptions{})
				return err
			},
			"publish", "the CA of the serving certificate was missing",
		}, {
			"the manifest is applied again",
			func() error {
				_, err := configurations.Update(t.Context(), in.manifestNow(t), metav1.UpdateOptions{})
				return err
			},
			"publish", "the CA of the serving certificate was missing",
		}, {
			"the configuration is deleted and made again",
			func() error {
				if err := configurations.Delete(t.Context(), in.name, metav1.DeleteOptions{}); err != nil {
					return err
				}
				_, err := configurations.Create(t.Context(), in.manifest(t), metav1.CreateOptions{})
				return err
			},
			"publish", "the CA of the serving certificate was missing",
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			since := time.Now()
			if err := c.damage(); err != nil {
				t.Fatal(err)
			}
			stored := bedtest.Within(t, soon, "the two objects to be repaired", func() error { return in.whole(t.Context(), serial) })
			in.waitReady(t)
			in.waitHardened(t)
			t.Logf("%s: the objects are repaired after %s, and a pod is hardened after %s", c.what, stored.Round(time.Millisecond), time.Since(since).Round(time.Millisecond))
			bedtest.Within(t, soon, "the log to say so", func() error {
				return in.says(since, func(l line) bool {
					because := false
					for part := range strings.SplitSeq(c.because, "|") {
						because = because || strings.Contains(l.Because, part)
					}
					return l.Msg == "certificate step taken" && l.Step == c.step && because
				})
			})
		})
	}
	for _, r := range in.replicas {
		if r.Lives() != 1 {
			t.Errorf("%s was started %d times", r.Dir, r.Lives())
		}
	}
}

// manifestNow is the manifest, to be written over what there is.
func (in *installation) manifestNow(t *testing.T) *admissionregistrationv1.MutatingWebhookConfiguration {
	t.Helper()
	stored, err := in.configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	manifest := in.manifest(t)
	manifest.ResourceVersion = stored.ResourceVersion
	return manifest
}

// whole says what is wrong with the two objects while the certificate of this serial is
// served.
func (in *installation) whole(ctx context.Context, serial string) error {
	secret, err := in.secret(ctx)
	if err != nil {
		return err
	}
	if stored, err := serialOf(secret.Data[corev1.TLSCertKey]); err != nil || stored != serial {
		return fmt.Errorf("in the Secret is %q, %v", stored, err)
	}
	configuration, err := in.configuration(ctx)
	if err != nil {
		return err
	}
	for _, w := range configuration.Webhooks {
		if !bytes.Contains(w.ClientConfig.CABundle, secret.Data["ca.crt"]) {
			return fmt.Errorf("%s: the caBundle lacks the CA", w.Name)
		}
	}
	return nil
}

// The cluster is empty, and a replica starts: how long until it is ready.
func TestEmptyClusterToReady(t *testing.T) {
	t.Parallel()
	in := install(t, 1, longLifetime, longPropagation)
	start := time.Now()
	if err := in.replicas[0].start(); err != nil {
		t.Fatal(err)
	}
	in.waitReady(t)
	ready := time.Since(start)
	in.waitHardened(t)
	t.Logf("from the start of the process to ready: %s; to a pod that is hardened: %s", ready.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
	if ready > 10*time.Second {
		t.Errorf("it took %s", ready)
	}
}

// Two replicas start at once on an empty cluster, and again with a shorter lifetime:
// they agree on one key pair each time.
func TestReplicasStartAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		in := install(t, 2, longLifetime, longPropagation)
		started := make(chan error, len(in.replicas))
		for _, r := range in.replicas {
			go func() { started <- r.start() }()
		}
		for range in.replicas {
			if err := <-started; err != nil {
				t.Fatal(err)
			}
		}
		in.waitReady(t)
		in.waitSerial(t, "both to serve what is in the Secret", anySerial)
		in.waitHardened(t)
		secrets, err := client.CoreV1().Secrets(in.name).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(secrets.Items) != 1 {
			t.Errorf("there are %d Secrets", len(secrets.Items))
		}
		bedtest.Within(t, soon, "the history", func() error {
			in.history.mu.Lock()
			defer in.history.mu.Unlock()
			if len(in.history.serials) == 0 {
				return errors.New("empty")
			}
			return nil
		})
		first := in.waitSerial(t, "the first certificate", anySerial)
		for _, r := range in.replicas {
			r.Kill()
			r.lifetime /= 2
		}
		for _, r := range in.replicas {
			go func() { started <- r.start() }()
		}
		for range in.replicas {
			if err := <-started; err != nil {
				t.Fatal(err)
			}
		}
		in.waitSerial(t, "the second certificate", func(serial string) bool { return serial != first })
		if n, wasted := in.history.rotations(), in.history.wasted(); n != 1 || wasted != 0 {
			t.Errorf("the first certificate was replaced %d times, and %d were made for nothing", n, wasted)
		}
	}
}
