// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/product/manifests"
)

// umbrella returns a chart that has this one as a dependency, by the name or the alias,
// with values, and with what Helm packs for it.
func umbrella(t *testing.T, alias, values string) string {
	t.Helper()
	dir := t.TempDir()
	condition := "caseharden"
	if alias != "" {
		condition = alias
		alias = "\n  alias: " + alias
	}
	for name, text := range map[string]string{
		"Chart.yaml": fmt.Sprintf("apiVersion: v2\nname: platform\nversion: 0.1.0\ndependencies:\n- name: caseharden\n  version: 0.1.0\n"+
			"  repository: file://%s\n  condition: %s.enabled%s\n", chartDir(), condition, alias),
		"values.yaml": values,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, stderr, err := helm(t, "dependency", "build", dir); err != nil {
		t.Fatalf("helm dependency build: %v\n%s", err, stderr)
	}
	return dir
}

// renderUmbrella returns what Helm makes of the release platform of a chart.
func renderUmbrella(t *testing.T, dir string, args ...string) string {
	t.Helper()
	rendered, stderr, err := helm(t, append([]string{"template", "platform", dir, "--namespace=platform"}, args...)...)
	if err != nil {
		t.Fatalf("helm template: %v\n%s", err, stderr)
	}
	return rendered
}

// The chart can be a dependency of another: with a condition, values that all charts
// share, keys of the user's, and under another name.
func TestDependency(t *testing.T) {
	t.Parallel()
	on := umbrella(t, "", "x-shared: {a: b}\nglobal: {imageRegistry: mirror.example.com, other: {a: 1}}\ncaseharden: {enabled: true, x-mine: [1, 2]}\n")
	rendered := renderUmbrella(t, on)
	for _, want := range []string{"\n  name: platform-caseharden\n", `image: "mirror.example.com/caseharden:0.1.0"`} {
		if !strings.Contains(rendered, want) {
			t.Errorf("nowhere is %s", want)
		}
	}
	if rendered := renderUmbrella(t, on, "--set=caseharden.enabled=false"); strings.Contains(rendered, "kind:") {
		t.Errorf("not enabled, it renders\n%s", rendered)
	}
	off := umbrella(t, "", "caseharden: {enabled: false}\n")
	if rendered := renderUmbrella(t, off); strings.Contains(rendered, "kind:") {
		t.Errorf("not enabled, it renders\n%s", rendered)
	}
	// Where the other chart says nothing of it, it is enabled, as with any other.
	if renderUmbrella(t, umbrella(t, "", "{}\n")) != renderUmbrella(t, off, "--set=caseharden.enabled=true") {
		t.Error("without the value it is not enabled")
	}
	if rendered := renderUmbrella(t, umbrella(t, "hardening", "hardening: {enabled: true}\n")); !strings.Contains(rendered, "\n  name: platform-hardening\n") {
		t.Errorf("by another name it renders\n%s", rendered)
	}
}

// A mistake is refused where the chart is a dependency too.
func TestDependencyRefusesMisspelt(t *testing.T) {
	t.Parallel()
	for values, message := range map[string]string{
		"caseharden: {enabld: true}\n":      "enabld",
		"caseharden: {enabled: \"yes\"}\n":  "/enabled",
		"global: {imageRegistry: [a]}\n":    "/global/imageRegistry",
		"global: {imagePullSecrets: [7]}\n": "/global/imagePullSecrets",
	} {
		_, stderr, err := helm(t, "template", "platform", umbrella(t, "", values))
		if err == nil || !strings.Contains(stderr, message) {
			t.Errorf("%s: %v\n%s\nwant %s", values, err, stderr, message)
		}
	}
}

// The registry and the pull secrets of all charts count, as in other charts: the registry
// in place of the chart's, the secrets beside its own.
func TestGlobalImageValues(t *testing.T) {
	t.Parallel()
	dir := umbrella(t, "", "{}\n")
	for name, c := range map[string]struct {
		set, image string
		secrets    []any
	}{
		"defaults":                  {"", "caseharden:0.1.0", nil},
		"a registry":                {"caseharden.image.registry=registry.example.com:5000", "registry.example.com:5000/caseharden:0.1.0", nil},
		"a registry in its name":    {"caseharden.image.repository=registry.example.com/team/caseharden", "registry.example.com/team/caseharden:0.1.0", nil},
		"a registry for all":        {"global.imageRegistry=mirror.example.com", "mirror.example.com/caseharden:0.1.0", nil},
		"both":                      {"global.imageRegistry=mirror.example.com,caseharden.image.registry=registry.example.com", "mirror.example.com/caseharden:0.1.0", nil},
		"all, and one in its name":  {"global.imageRegistry=mirror.example.com/proxy,caseharden.image.repository=registry.example.com:5000/team/caseharden", "mirror.example.com/proxy/team/caseharden:0.1.0", nil},
		"all, and a local one":      {"global.imageRegistry=mirror.example.com,caseharden.image.repository=localhost/team/caseharden", "mirror.example.com/team/caseharden:0.1.0", nil},
		"all, and a team's name":    {"global.imageRegistry=mirror.example.com,caseharden.image.repository=team/caseharden", "mirror.example.com/team/caseharden:0.1.0", nil},
		"all, and a tag":            {"global.imageRegistry=mirror.example.com,caseharden.image.tag=v1", "mirror.example.com/caseharden:v1", nil},
		"all, and a digest":         {"global.imageRegistry=mirror.example.com,caseharden.image.digest=sha256:" + strings.Repeat("a", 64), "mirror.example.com/caseharden@sha256:" + strings.Repeat("a", 64), nil},
		"secrets":                   {"caseharden.imagePullSecrets[0].name=a,caseharden.imagePullSecrets[1]=b", "caseharden:0.1.0", []any{"a", "b"}},
		"secrets for all":           {"global.imagePullSecrets={a,b}", "caseharden:0.1.0", []any{"a", "b"}},
		"secrets for all, as in v1": {"global.imagePullSecrets[0].name=a", "caseharden:0.1.0", []any{"a"}},
		"secrets of both":           {"global.imagePullSecrets={a,b},caseharden.imagePullSecrets[0].name=b,caseharden.imagePullSecrets[1].name=c", "caseharden:0.1.0", []any{"a", "b", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, err := manifests.Decode([]byte(renderUmbrella(t, dir, "--set="+c.set)))
			if err != nil {
				t.Fatal(err)
			}
			pods := 0
			for _, o := range objects {
				spec, _ := lookUp(o.Object, "spec.template.spec") // of the Deployment
				if o.GetKind() == "Pod" {
					spec, _ = lookUp(o.Object, "spec") // of the test
				}
				pod, ok := spec.(map[string]any)
				if !ok {
					continue
				}
				pods++
				if image := pod["containers"].([]any)[0].(map[string]any)["image"]; image != c.image {
					t.Errorf("%s: the image is %s, want %s", o.GetKind(), image, c.image)
				}
				var secrets []any
				if list, ok := pod["imagePullSecrets"].([]any); ok {
					for _, s := range list {
						secrets = append(secrets, s.(map[string]any)["name"])
					}
				}
				if diff := cmp.Diff(c.secrets, secrets); diff != "" {
					t.Errorf("%s: pull secrets (-want +got):\n%s", o.GetKind(), diff)
				}
			}
			if pods != 2 {
				t.Errorf("%d Pods and Deployments, want 2", pods)
			}
		})
	}
}
