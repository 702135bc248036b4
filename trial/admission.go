// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/mutate"
	"github.com/caseharden/caseharden/trial/watch"
)

// changedByOthers reports whether the cluster's admission has changed a setting of the copy: what ran
// would not be what was asked for.
func (t *Trial) changedByOthers(sent, stored *unstructured.Unstructured) (watch.Judgement, bool) {
	for _, s := range t.settings {
		asked, got := setting(sent, s.Container, s.Field), setting(stored, s.Container, s.Field)
		if reflect.DeepEqual(asked, got) {
			continue
		}
		where := s.Field
		if s.Container != "" {
			where += " of container " + s.Container
		}
		if _, injected := stored.GetAnnotations()[mutate.InjectedAnnotation]; injected {
			return watch.Judgement{Outcome: watch.CannotTell, Why: "the namespace enforces a profile already, so that no copy runs as it is: " +
				"give the workload's manifest with -f, and a namespace without the label caseharden.io/enforce with -n", Line: where + " was filled in"}, true
		}
		return watch.Judgement{Outcome: watch.CannotTell, Why: "the admission of the cluster changes what copies ask for", Line: fmt.Sprintf("%s became %v", where, got)}, true
	}
	return watch.Judgement{}, false
}

// setting returns the value of a field in a security context of a pod; nil where it is unset.
func setting(pod *unstructured.Unstructured, container, field string) any {
	path := append([]string{"securityContext"}, strings.Split(field, ".")...)
	spec, _, _ := unstructured.NestedMap(pod.Object, "spec")
	if container == "" {
		value, _, _ := unstructured.NestedFieldNoCopy(spec, path...)
		return value
	}
	for _, list := range []string{"initContainers", "containers"} {
		items, _ := spec[list].([]any)
		for _, item := range items {
			if c, ok := item.(map[string]any); ok && c["name"] == container {
				value, _, _ := unstructured.NestedFieldNoCopy(c, path...)
				return value
			}
		}
	}
	return nil
}
