// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"strings"
	"testing"

	"github.com/caseharden/caseharden/e2e/product/manifests"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// The label guard refuses a label that would harden nothing, says what there is, and
// refuses nothing else.
func TestLabelGuard(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.namespace(t, "caseharden", nil)
	in.namespace(t, "before", map[string]string{"caseharden.io/enforce": "taken-away", "team": "a"})
	// Without pods, and without the webhook configuration: the guard needs neither.
	rendered := template(t, "--show-only=templates/labelguard.yaml", "--set=webhook.excludedNamespaces={monitoring}",
		"--set-file=profiles.legacy-java.file="+exampleProfile("legacy-java"))
	if _, stderr, err := in.kubectl(t, rendered, "apply", "--server-side", "--validate=strict", "-f", "-"); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	bedtest.Within(t, soon, "the guard to be heeded", func() error {
		_, _, err := in.kubectl(t, "", "create", "namespace", "probe", "--dry-run=server")
		if err != nil {
			return err
		}
		_, stderr, err := in.kubectl(t, labelled("probe", "caseharden.io/enforce: nothing"), "create", "--dry-run=server", "-f", "-")
		if err == nil || !strings.Contains(stderr, "caseharden-labels") {
			return errNotRefused
		}
		return nil
	})

	const there = " names no profile that is installed: there are compatible, hardened, legacy-java, restricted"
	for _, c := range []struct {
		name, labels string
		refused      string // what kubectl is told; empty if it is accepted
	}{
		{"shop", "caseharden.io/enforce: hardend", "caseharden.io/enforce=hardend" + there},
		{"shop", "caseharden.io/warn: Hardened", "caseharden.io/warn=Hardened" + there},
		{"shop", "caseharden.io/audit: ''", "caseharden.io/audit=" + there},
		{"shop", "caseharden.io/enforce: hardened, caseharden.io/warn: hardend", "caseharden.io/warn=hardend" + there},
		{"shop", "caseharden.io/enforce: none", ""},
		{"shop", "caseharden.io/warn: none", "caseharden.io/warn=none" + there},
		{"shop", "caseharden.io/enforced: hardened", "unknown label caseharden.io/enforced: there are caseharden.io/enforce, caseharden.io/warn, caseharden.io/audit"},
		{"monitoring", "caseharden.io/enforce: hardened", "namespace monitoring is excluded from hardening, so that caseharden.io/enforce would have no effect: excluded are caseharden, kube-system, monitoring"},
		{"shop", "caseharden.io/enforce: hardened", ""},
		{"shop", "caseharden.io/enforce: restricted, caseharden.io/warn: hardened, caseharden.io/audit: legacy-java", ""},
		{"monitoring", "team: a", ""},
		{"shop", "enforce: hardend, example.com/caseharden.io: x, caseharden: hardend, test.caseharden.io/enforce: hardend", ""},
		{"shop", "", ""},
	} {
		_, stderr, err := in.kubectl(t, labelled(c.name, c.labels), "create", "--dry-run=server", "-f", "-")
		check(t, "creating "+c.name+" with "+c.labels, stderr, err, c.refused)
	}

	in.namespace(t, "shop", map[string]string{"team": "a"})
	for _, c := range []struct {
		namespace, label string
		refused          string
	}{
		{"shop", "caseharden.io/enforce=hardend", "caseharden.io/enforce=hardend" + there},
		{"kube-system", "caseharden.io/enforce=hardened", "namespace kube-system is excluded"},
		{"caseharden", "caseharden.io/audit=hardened", "namespace caseharden is excluded"},
		{"shop", "caseharden.io/enforce=hardened", ""},
		{"shop", "caseharden.io/enforce=restricted", ""},
		{"shop", "caseharden.io/enforce-", ""},
		// What was there before the guard, or before its profile was taken away, stays
		// until it is changed.
		{"before", "team=b", ""},
		{"before", "caseharden.io/enforce=hardend", "caseharden.io/enforce=hardend" + there},
		{"before", "caseharden.io/enforce-", ""},
	} {
		_, stderr, err := in.kubectl(t, "", "label", "namespace", c.namespace, c.label, "--overwrite")
		check(t, "labelling "+c.namespace+" "+c.label, stderr, err, c.refused)
	}
	// Nor is there a way around it.
	const patch = `{"metadata": {"labels": {"caseharden.io/enforce": "hardend"}}}`
	_, stderr, err := in.kubectl(t, "", "patch", "namespace", "shop", "--subresource=status", "--type=merge", "--patch="+patch)
	check(t, "labelling the status of shop", stderr, err, "caseharden.io/enforce=hardend"+there)
	const finalize = `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"caseharden.io/enforce": "hardend"}}, "spec": {"finalizers": ["kubernetes"]}}`
	_, stderr, err = in.kubectl(t, finalize, "replace", "--raw=/api/v1/namespaces/shop/finalize", "-f", "-")
	check(t, "finalizing shop with a label", stderr, err, "caseharden.io/enforce=hardend"+there)
	if _, stderr, err := in.kubectl(t, "", "delete", "namespace", "before", "--wait=false"); err != nil {
		t.Errorf("deleting a namespace: %v: %s", err, stderr)
	}
}

// exampleProfile returns the file of a profile in docs/.
func exampleProfile(name string) string {
	return deploy + "/../docs/examples/profiles/" + name + ".yaml"
}

func labelled(name, labels string) string {
	return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {" + labels + "}}\n"
}

func check(t *testing.T, what, stderr string, err error, refused string) {
	t.Helper()
	switch {
	case refused == "" && err != nil:
		t.Errorf("%s: %v: %s", what, err, stderr)
	case refused != "" && err == nil:
		t.Errorf("%s is accepted", what)
	case !strings.Contains(stderr, refused):
		t.Errorf("%s: is refused with\n%s, want\n%s", what, stderr, refused)
	}
}

// Namespaces that the guard takes for excluded are those that the entries exclude, and
// its profiles those that there are entries for.
func TestGuardAndWebhooksAgree(t *testing.T) {
	rendered := template(t, "--set=webhook.excludedNamespaces={monitoring}", "--set-file=profiles.mesh.file="+exampleProfile("mesh"), "--set=profiles.restricted=null")
	objects, err := manifests.Decode([]byte(rendered))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`['compatible', 'hardened', 'mesh']`, `['caseharden', 'kube-system', 'monitoring']`, `values: ["caseharden","kube-system","monitoring"]`} {
		if !strings.Contains(rendered, want) {
			t.Errorf("nowhere is %s", want)
		}
	}
	for _, o := range objects {
		if o.GetKind() != "MutatingWebhookConfiguration" {
			continue
		}
		var names []string
		for _, w := range o.Object["webhooks"].([]any) {
			names = append(names, strings.TrimSuffix(w.(map[string]any)["name"].(string), ".caseharden.io"))
		}
		if got := strings.Join(names, " "); got != "enforce-compatible enforce-hardened enforce-mesh warn-compatible warn-hardened warn-mesh audit-compatible audit-hardened audit-mesh" {
			t.Errorf("the entries are %s", got)
		}
	}
}
