// SPDX-License-Identifier: Apache-2.0

// Package trialtest has what tests of trials begin with. Each function ends the test where it
// fails.
package trialtest

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/mutate"
)

// Object reads an object from YAML, and returns it with its kind, which makes pods.
func Object(t *testing.T, text string) (mutate.TemplateKind, *unstructured.Unstructured) {
	t.Helper()
	converted, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var o unstructured.Unstructured
	if err := o.UnmarshalJSON(converted); err != nil {
		t.Fatal(err)
	}
	for _, kind := range mutate.TemplateKinds() {
		if kind.GroupVersionKind() == o.GroupVersionKind() {
			return kind, &o
		}
	}
	t.Fatalf("no kind %s", o.GroupVersionKind())
	return mutate.TemplateKind{}, nil
}

// Hardened returns the built-in profile hardened.
func Hardened(t *testing.T) *defaults.Profile {
	t.Helper()
	all, err := profile.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Name == "hardened" {
			return p
		}
	}
	t.Fatal("no profile hardened")
	return nil
}
