// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/defaults"
)

// YAML returns the profile as a file would have it that names no base.
func YAML(p *defaults.Profile) ([]byte, error) {
	spec := map[string]any{}
	put(spec, "container", settingsOf(p.Container))
	put(spec, "pod", settingsOf(p.Pod))
	if len(p.WritablePaths) > 0 {
		spec["writablePaths"] = p.WritablePaths
	}
	var exceptions []any
	for _, e := range p.Exceptions {
		exceptions = append(exceptions, exceptionOf(e))
	}
	if len(exceptions) > 0 {
		spec["exceptions"] = exceptions
	}
	if len(p.SelfService) > 0 {
		spec["selfService"] = namesOf(p.SelfService)
	}
	return yaml.Marshal(map[string]any{
		"apiVersion": profileAPIVersion,
		"kind":       profileKind,
		"metadata":   map[string]any{"name": p.Name},
		"spec":       spec,
	})
}

// put sets a member unless it would be empty.
func put(object map[string]any, name string, value map[string]any) {
	if len(value) > 0 {
		object[name] = value
	}
}

// settingsOf returns a SecurityContext or a PodSecurityContext.
func settingsOf(list []defaults.Default) map[string]any {
	settings := map[string]any{}
	for _, d := range list {
		outer, inner, nested := strings.Cut(d.Field.Name, ".")
		if !nested {
			settings[outer] = rawJSON(d.Value.JSON)
			continue
		}
		settings[outer] = map[string]any{inner: rawJSON(d.Value.JSON)}
	}
	return settings
}

// rawJSON is a value for encoding/json, which the YAML library uses.
type rawJSON jsontext.Value

func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

func exceptionOf(e defaults.Exception) map[string]any {
	match := map[string]any{}
	if len(e.Match.Containers) > 0 {
		match["containers"] = e.Match.Containers
	}
	if len(e.Match.ContainerTypes) > 0 {
		match["containerTypes"] = e.Match.ContainerTypes
	}
	for name, set := range map[string]bool{
		"privileged": e.Match.Privileged, "addsCapabilities": e.Match.AddsCapabilities, "runAsNonRoot": e.Match.RunAsNonRoot,
	} {
		if set {
			match[name] = true
		}
	}
	if len(e.Match.PodLabels) > 0 {
		match["podLabels"] = e.Match.PodLabels
	}
	var images []string
	for _, pattern := range e.Match.Images {
		images = append(images, pattern.Glob)
	}
	if len(images) > 0 {
		match["images"] = images
	}
	settings := map[string]any{"match": match, "reason": e.Reason}
	put(settings, "container", settingsOf(e.Container))
	if len(e.Leave) > 0 {
		settings["leave"] = namesOf(e.Leave)
	}
	if len(e.WritablePaths) > 0 {
		settings["writablePaths"] = e.WritablePaths
	}
	if e.Owner != "" {
		settings["owner"] = e.Owner
	}
	if e.ReviewBy != "" {
		settings["reviewBy"] = e.ReviewBy
	}
	return settings
}

func namesOf(fields []*defaults.Field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}
