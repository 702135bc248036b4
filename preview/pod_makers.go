// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A PodMaker is an object of a kind that the preview does not know, and that may make
// pods: it has containers, or a number of replicas.
type PodMaker struct {
	File     string `json:"file"`     // as it was given; "-" is standard input
	Document int    `json:"document"` // in the file, from 1
	Line     int    `json:"line"`     // in the file, from 1, where the object begins

	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"` // where the manifest says one
	Name       string `json:"name"`                // or generateName
	Place      string `json:"place"`               // what tells that it may make pods, such as spec.template.spec.containers
}

// passOver counts an object of a kind that the preview does not know, and names it if it
// may make pods, at a place.
func (p *Preview) passOver(f *file, o *object, at string) {
	k := p.Report.Summary.passOver(o.apiVersion, o.kind)
	if at == "" {
		return
	}
	k.PodMakers++
	var h header
	_ = jsonv2.Unmarshal(o.raw, &h) // an object without a proper name still makes pods
	p.Report.PodMakers = append(p.Report.PodMakers, PodMaker{
		File: f.Name, Document: o.document.index, Line: o.line,
		APIVersion: o.apiVersion, Kind: o.kind, Namespace: h.Metadata.Namespace, Name: h.name(), Place: at,
	})
}

// podsIn returns the place in an object that tells that the object may make pods: a list
// of containers as Kubernetes, Argo and Tekton have them, or, in a custom resource, a
// number of replicas. It is empty if there is none.
func podsIn(o *object) string {
	// Definitions and policies describe pods, and make none.
	if o.kind == "CustomResourceDefinition" || strings.HasSuffix(o.kind, "Policy") {
		return ""
	}
	var members map[string]any
	if jsonv2.Unmarshal(o.raw, &members) != nil {
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
	group := schema.FromAPIVersionAndKind(o.apiVersion, o.kind).Group
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

// String returns a line for people, such as
// "Cluster shop/db (db.yaml:1): spec.instances".
func (m PodMaker) String() string {
	name, file := visible(m.Name), visible(m.File)
	if m.Namespace != "" {
		name = visible(m.Namespace) + "/" + name
	}
	if m.File == Stdin {
		file = "stdin"
	}
	return fmt.Sprintf("%s %s (%s:%d): %s", visible(m.Kind), name, file, m.Line, visible(m.Place))
}
