// SPDX-License-Identifier: Apache-2.0

// Package profiletest gives tests profiles, and pods in YAML.
package profiletest

import (
	"encoding/json"
	"slices"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/mutate"
)

// Builtin returns a built-in profile.
func Builtin(t testing.TB, name string) *defaults.Profile {
	t.Helper()
	profiles, err := profile.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("there is no profile %q", name)
	return nil
}

// Own returns a profile with the spec.
func Own(t testing.TB, spec string) *defaults.Profile {
	t.Helper()
	data := "apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: own}\nspec: " + string(FromYAML(t, spec))
	profiles, err := profile.Parse([]profile.File{{Name: "own.yaml", Data: []byte(data)}})
	if err != nil {
		t.Fatal(err)
	}
	return profiles[slices.IndexFunc(profiles, func(p *defaults.Profile) bool { return p.Name == "own" })]
}

// FromYAML returns a text in YAML as JSON.
func FromYAML(t testing.TB, text string) []byte {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return data
}

// Inject returns a pod in JSON as it is, and as it is with what the profile injects. It
// reports whether the pod is for Windows nodes.
func Inject(t testing.TB, p *defaults.Profile, pod []byte) (before, after *corev1.PodTemplateSpec, windows bool) {
	t.Helper()
	before, after = &corev1.PodTemplateSpec{}, &corev1.PodTemplateSpec{}
	if err := json.Unmarshal(pod, before); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	change, err := mutate.NewChange(p, "pod", raw)
	if err != nil {
		t.Fatal(err)
	}
	patched := raw
	if change.Patch() != nil {
		patch, err := jsonpatch.DecodePatch(change.Patch())
		if err != nil {
			t.Fatal(err)
		}
		if patched, err = patch.Apply(raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(patched, after); err != nil {
		t.Fatal(err)
	}
	return before, after, change.Windows()
}
