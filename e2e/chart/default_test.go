// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// With namespaces.default, namespaces without a label get that profile, under both engines. A
// label opts out of it, and excluded namespaces stay excluded.
func TestNamespacesDefault(t *testing.T) {
	for _, engine := range []string{"webhook", "policy"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t)
			const label = "caseharden.io/enforce"
			in.namespace(t, "plain", nil)
			in.namespace(t, "warned", map[string]string{"caseharden.io/warn": "hardened"})
			in.namespace(t, "own", map[string]string{label: "hardened"})
			in.namespace(t, "opted-out", map[string]string{label: "none"})
			in.namespace(t, "mistyped", map[string]string{label: "hardend"})
			in.namespace(t, "network", nil)
			in.install(t, "--set=engine="+engine+",namespaces.default=restricted,webhook.excludedNamespaces={network}")
			in.waitInjected(t, "plain", "restricted")
			in.waitInjected(t, "own", "hardened")
			for namespace, want := range map[string]string{
				"plain": "restricted", "warned": "restricted", "mistyped": "restricted", "own": "hardened",
				"opted-out": "", "network": "", "caseharden": "", "kube-system": "", "kube-public": "", "kube-node-lease": "",
			} {
				injected, err := in.createPod(t.Context(), namespace)
				if err != nil {
					t.Errorf("namespace %s: %v", namespace, err)
				}
				if want != "" {
					want = `"profile":"` + want + `"`
				}
				if (injected == "") != (want == "") || !strings.Contains(injected, want) {
					t.Errorf("namespace %s: injected is %q, want %q", namespace, injected, want)
				}
			}

			for _, c := range []struct{ label, refused string }{
				{label + "=none", ""},
				{"caseharden.io/warn=none", "caseharden.io/warn=none names no profile that is installed: there are compatible, hardened, restricted; to opt out of the default, set caseharden.io/enforce=none"},
				{label + "=hardend", "to opt out of the default"},
			} {
				_, stderr, err := in.kubectl(t, "", "label", "namespace", "plain", c.label, "--overwrite", "--dry-run=server")
				check(t, "labeling plain "+c.label, stderr, err, c.refused)
			}

			in.helm(t, "upgrade", "caseharden", chartDir(), "--namespace=caseharden", "--reset-then-reuse-values", "--set=namespaces.default=")
			bedtest.Within(t, soon, "the default to end", func() error {
				injected, err := in.createPod(t.Context(), "plain")
				if err == nil && injected != "" {
					err = fmt.Errorf("injected is %s", injected)
				}
				return err
			})
		})
	}
}

// A default must be an installed profile, and no profile can have the name that opts out.
func TestNamespacesDefaultNamesAProfile(t *testing.T) {
	for args, want := range map[string]string{
		"namespaces.default=baseline":                                        `namespaces.default: "baseline" is not in profiles: there are compatible, hardened, restricted`,
		"namespaces.default=hardened,profiles.none.policies=x,engine=policy": "profiles.none: the label caseharden.io/enforce: none opts a namespace out",
		"namespaces.default=restricted,namespaces.except=a":                  "additional properties 'except' not allowed",
	} {
		if _, stderr, err := helm(t, "template", "caseharden", chartDir(), "--set="+args); err == nil || !strings.Contains(stderr, want) {
			t.Errorf("%s: %v: %s, want %s", args, err, stderr, want)
		}
	}
}
