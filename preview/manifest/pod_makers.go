// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// MayMakePods returns the place in an object that tells that the object may make pods: a list
// of containers as Kubernetes, Argo and Tekton have them, or, in a custom resource, a
// number of replicas. It is empty if there is none.
func (o *Object) MayMakePods() string {
	// Definitions and policies describe pods, and make none.
	if o.Kind == "CustomResourceDefinition" || strings.HasSuffix(o.Kind, "Policy") {
		return ""
	}
	var members map[string]any
	if jsonv2.Unmarshal(o.Raw, &members) != nil {
		return ""
	}
	delete(members, "metadata")
	delete(members, "status")
	for _, name := range slices.Sorted(maps.Keys(members)) {
		// Only a pod has containers at the top, or what counts them, such as PodMetrics.
		if at := containersIn(members[name], name); at != "" {
			return at
		}
	}
	spec, _ := members["spec"].(map[string]any)
	group := schema.FromAPIVersionAndKind(o.APIVersion, o.Kind).Group
	if strings.Contains(group, ".") && !strings.HasSuffix(group, "k8s.io") {
		for _, name := range []string{"instances", "replicas"} {
			if _, is := spec[name].(float64); is {
				return "spec." + name
			}
		}
	}
	return ""
}

var (
	containerLists = []string{"containers", "ephemeralContainers", "initContainers", "sidecars", "steps"}
	containerNames = []string{"container", "script"}
)

// containersIn returns the first place at or below a value where containers are.
func containersIn(value any, at string) string {
	switch value := value.(type) {
	case []any:
		for i, item := range value {
			if found := containersIn(item, fmt.Sprintf("%s[%d]", at, i)); found != "" {
				return found
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			here := at + "." + name
			items, _ := value[name].([]any)
			switch {
			case slices.Contains(containerNames, name) && isContainer(value[name]),
				slices.Contains(containerLists, name) && slices.ContainsFunc(items, isContainer):
				return here
			}
			if found := containersIn(value[name], here); found != "" {
				return found
			}
		}
	}
	return ""
}

// isContainer reports whether a value looks like a container: it has an image, or, where
// a controller adds the image, a name beside a field that only containers have.
func isContainer(value any) bool {
	c, _ := value.(map[string]any)
	if image, _ := c["image"].(string); image != "" {
		return true
	}
	if name, _ := c["name"].(string); name == "" {
		return false
	}
	for _, field := range []string{"args", "command", "env", "envFrom", "ports", "resources", "securityContext", "volumeMounts"} {
		if c[field] != nil {
			return true
		}
	}
	return false
}
