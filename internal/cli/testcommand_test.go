// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/mutate"
)

// The test succeeds only with a Pod that the right profile has hardened, and tries again
// until its timeout: an API server takes a moment to heed a namespace.
func TestTestCommand(t *testing.T) {
	t.Parallel()
	type answer struct {
		annotation string
		err        error
	}
	const hardened = `{"profile":"hardened","containers":{"app":["runAsUser"]}}`
	refused := answer{err: errors.New(`pods is forbidden: serviceaccount "default" not found`)}
	for name, c := range map[string]struct {
		answers []answer // the last one again and again
		tries   int
		want    string // of the error; empty for none
	}{
		"at once":            {[]answer{{annotation: hardened}}, 1, ""},
		"later":              {[]answer{refused, {}, {annotation: hardened}}, 3, ""},
		"refused":            {[]answer{refused}, 5, `a Pod in namespace shop: pods is forbidden: serviceaccount "default" not found`},
		"not hardened":       {[]answer{{}}, 5, "a Pod in namespace shop: is not hardened: check the label caseharden.io/enforce of the namespace"},
		"by another profile": {[]answer{{annotation: `{"profile":"restricted"}`}}, 5, "is hardened by profile restricted, want hardened"},
		"by no profile":      {[]answer{{annotation: `{}`}}, 5, "is hardened by profile (none), want hardened"},
		"by somebody else":   {[]answer{{annotation: "yes"}}, 5, "annotation caseharden.io/injected: invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				create := func(context.Context) (*corev1.Pod, error) {
					a := c.answers[min(tries, len(c.answers)-1)]
					tries++
					user := int64(10001)
					pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", SecurityContext: &corev1.SecurityContext{RunAsUser: &user}}}}}
					if a.annotation != "" {
						pod.Annotations = map[string]string{mutate.InjectedAnnotation: a.annotation}
					}
					return pod, a.err
				}
				var out strings.Builder
				err := runTest(t.Context(), testOptions{namespace: "shop", profile: "hardened", timeout: 5 * time.Second}, create, &out)
				if tries != c.tries {
					t.Errorf("tried %d times, want %d", tries, c.tries)
				}
				const shown = `A Pod in namespace shop, created with dry run, is hardened by profile hardened:

annotations:
  caseharden.io/injected: '{"profile":"hardened","containers":{"app":["runAsUser"]}}'
containers:
- name: app
  securityContext:
    runAsUser: 10001
`
				switch {
				case c.want == "" && (err != nil || out.String() != shown):
					t.Errorf("%v\n%s", err, out.String())
				case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0):
					t.Errorf("error %v, want %s; prints %s", err, c.want, out.String())
				}
			})
		})
	}
}

// SIGTERM ends the test between two tries.
func TestTestCommandEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	create := func(context.Context) (*corev1.Pod, error) { cancel(); return &corev1.Pod{}, nil }
	if err := runTest(ctx, testOptions{timeout: time.Hour}, create, &strings.Builder{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
