// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"fmt"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// The caBundles hold CAs of others, fewer or more than the product has of its own when its
// replicas contend. Rotation goes on, not one create fails, and the CAs stay.
func TestCAsOfOthers(t *testing.T) {
	t.Parallel()
	const rotations = 5
	for _, others := range []int{7, 8, 40} {
		t.Run(fmt.Sprint(others), func(t *testing.T) {
			t.Parallel()
			in := install(t, 3, shortLifetime, shortPropagation)
			cas := make([]string, others)
			for i := range cas {
				ca, _, _ := issue(t, fmt.Sprintf("Example Root %d", i), time.Now().Add(-time.Hour), 10*365*24*time.Hour)
				cas[i] = string(ca)
			}
			configuration := in.manifestNow(t)
			for i := range configuration.Webhooks {
				configuration.Webhooks[i].ClientConfig.CABundle = []byte(strings.Join(cas, ""))
				if *configuration.Webhooks[i].FailurePolicy != admissionregistrationv1.Fail && i == 0 {
					t.Fatal("the failurePolicy is not Fail: no create would fail")
				}
			}
			if _, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Update(t.Context(), configuration, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			in.start(t)
			load, prober := in.startLoad(nothingForgiven), in.startProber()
			before := in.history.rotations()
			took := bedtest.Within(t, 2*rotations*shortLifetime, fmt.Sprintf("%d rotations", rotations), func() error {
				if n := in.history.rotations() - before; n < rotations {
					return fmt.Errorf("%d rotations", n)
				}
				return nil
			})
			load.finish(t)
			prober.finish(t)
			after, err := in.configuration(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range after.Webhooks {
				for i, ca := range cas {
					if !strings.Contains(string(w.ClientConfig.CABundle), ca) {
						t.Errorf("%s: CA %d of somebody else is gone", w.Name, i)
					}
				}
			}
			t.Logf("%d rotations in %s", rotations, took.Round(time.Second))
		})
	}
}
