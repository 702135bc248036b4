// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/e2e/product/manifests"
)

// What is rendered for each of these values the API server accepts, and finds nothing
// unknown, deprecated or insecure in it; each object has the labels of the release.
func TestRenderedIsAccepted(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.createCRDs(t)
	in.namespace(t, "caseharden", map[string]string{"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"})
	in.namespace(t, "hardening", nil)
	// The pod of the test, unlike a Deployment, is refused without the RuntimeClass that it names.
	if _, stderr, err := in.kubectl(t, "{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: gvisor}, handler: runsc}", "create", "-f", "-"); err != nil {
		t.Fatal(stderr)
	}
	ca := write(t, []byte("# Of all API servers\n"+oneCA+"\n"))
	certificate, _ := issue(t, "caseharden.caseharden.svc")
	for name, args := range map[string][]string{
		"defaults":     nil,
		"self-managed": {"--set=certificates.mode=self-managed,networkPolicy.enabled=true,podMonitor.enabled=true", "--set=networkPolicy.apiServerCIDRs={192.0.2.1/32,2001:db8::/32}"},
		"cert-manager": {"--set=certificates.mode=cert-manager,networkPolicy.enabled=true"},
		"provided":     {"--set=certificates.mode=provided,certificates.secretName=tls", "--set-file=certificates.caBundle=" + write(t, certificate)},
		"everything":   {"--values=" + everything, "--namespace=hardening"},
		"own profiles": {"--set-file=profiles.mesh.file=" + exampleProfile("mesh"), "--set-file=profiles.debug.file=" + exampleProfile("debug"), "--set-file=profiles.self-service.file=" + exampleProfile("self-service")},
		"OpenShift":    {"--set=securityContext.runAsUser=null"},
		"private":      {"--set=port=10250"},
		"host network": {"--set=hostNetwork=true,port=10260,podAntiAffinity=hard,priorityClassName="},
		"nothing else": {"--set=labelGuard.enabled=false,podDisruptionBudget.enabled=false,resourceQuota.enabled=false,podAntiAffinity=off,topologySpreadConstraints=null,serviceAccount.create=false"},
		"client CA":    {"--set-file=clientCA=" + ca},
		"policies":     {"--set=engine=policy"},
		"both engines": {"--set=engine=both", "--set-file=profiles.mesh.file=" + exampleProfile("mesh"),
			"--set-file=profiles.mesh.policies=" + write(t, []byte(exported(t, "mesh", "--profiles="+filepath.Dir(exampleProfile("mesh")))))},
		"digits": {"--set-string=goMemoryLimit=450000000,commonLabels.team=7,certificates.secretName=123,podAnnotations.a=true,serviceAccount.name=456"},
		"twice":  {"--set=commonLabels.a=b,podLabels.a=c,service.labels.a=c,serviceMonitor.enabled=true,serviceMonitor.labels.a=c,podLabels.app\\.kubernetes\\.io/name=c", "--set-file=clientCA=" + ca, "--set=podAnnotations.checksum/config=c"},
	} {
		t.Run(name, func(t *testing.T) {
			if !in.hasMutatingPolicies(t) { // before Kubernetes 1.36: all else must be accepted
				args = append(args, "--set=engine=webhook")
			}
			rendered := template(t, args...)
			if name == "host network" {
				// A namespace that enforces restricted is not for those.
				rendered = strings.ReplaceAll(rendered, `namespace: "caseharden"`, "namespace: hardening")
			}
			in.accepts(t, rendered)
			objects, err := manifests.Decode([]byte(rendered))
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range objects {
				if o.GetLabels()["app.kubernetes.io/instance"] != "caseharden" || o.GetLabels()["app.kubernetes.io/name"] == "" {
					t.Errorf("%s %s has the labels %v", o.GetKind(), o.GetName(), o.GetLabels())
				}
			}
		})
	}
	for _, release := range []string{"a.b", "r" + strings.Repeat("-long", 10), "caseharden-2"} {
		t.Run("release "+release, func(t *testing.T) {
			rendered, stderr, err := helm(t, "template", release, chartDir(), "--namespace=caseharden")
			if err != nil {
				t.Fatal(stderr)
			}
			in.accepts(t, rendered)
		})
	}
	t.Run("install.yaml", func(t *testing.T) {
		rendered, err := os.ReadFile(filepath.Join(deploy, "install.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		in.accepts(t, string(rendered))
	})
}

// accepts checks that the API server has nothing to say about manifests.
func (in *installation) accepts(t *testing.T, rendered string) {
	t.Helper()
	objects, err := manifests.Decode([]byte(rendered))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		// What is in the namespace of the test cannot be tried without it.
		if o.GetKind() == "Namespace" && o.GetAnnotations()["helm.sh/hook"] != "" {
			in.apply(t, o)
		}
	}
	stdout, stderr, err := in.kubectl(t, rendered, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
	if err != nil || stderr != "" {
		t.Errorf("%v: %s", err, stderr)
	}
	if got, want := strings.Count(stdout, "serverside-applied"), strings.Count(rendered, "\nkind: "); got != want {
		t.Errorf("%d of %d objects were applied:\n%s", got, want, stdout)
	}
}

// hasMutatingPolicies reports whether the API server has MutatingAdmissionPolicy of v1. The one
// that is compiled for the tests must.
func (in *installation) hasMutatingPolicies(t *testing.T) bool {
	t.Helper()
	has := strings.Contains(in.kubectlOK(t, "api-resources", "--api-group=admissionregistration.k8s.io", "--output=name"), "mutatingadmissionpolicies.")
	if !has && os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("the API server has no MutatingAdmissionPolicy")
	}
	return has
}
