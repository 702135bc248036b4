// SPDX-License-Identifier: Apache-2.0

package api

import (
	"os"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// These tests also run on older API servers (make test-versions), which lack some of what they
// need. What is compiled for the tests lacks nothing: there, a test must not be skipped.

// compiled is whether the API server is the one that is compiled for the tests.
var compiled = os.Getenv("KUBEBUILDER_ASSETS") == ""

// needsMutatingPolicies skips the test where the API server has no MutatingAdmissionPolicy of v1.
func needsMutatingPolicies(t *testing.T) {
	t.Helper()
	list, err := client.Discovery().ServerResourcesForGroupVersion("admissionregistration.k8s.io/v1")
	if err != nil {
		t.Fatal(err)
	}
	found := slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == "MutatingAdmissionPolicy" })
	if !found && compiled {
		t.Fatal("the API server has no MutatingAdmissionPolicy")
	}
	if !found {
		t.Skip("this version of Kubernetes has no MutatingAdmissionPolicy of v1")
	}
}

// keeps reports whether the API server stores a field of the securityContext of a Pod. It drops
// fields that it does not know, and those of features that are off. An older one may refuse a
// value that came later.
func keeps(t *testing.T, pod map[string]any, field string) bool {
	t.Helper()
	stored, err := submit(t.Context(), "default", pod, dryRun(""))
	if err != nil && !compiled && strings.Contains(err.Error(), field+": Unsupported value") {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	_, kept, _ := unstructured.NestedFieldNoCopy(stored, "spec", "securityContext", field)
	if !kept && compiled {
		t.Fatalf("the API server drops %s", field)
	}
	return kept
}
