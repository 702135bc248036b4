// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/defaults"
)

// A schema is one of JSON Schema.
type schema = map[string]any

// orNull allows null, which removes what the base has.
func orNull(s schema) schema { return schema{"anyOf": []any{s, schema{"type": "null"}}} }

func object(properties schema, more ...any) schema {
	return with(schema{"type": "object", "additionalProperties": false, "properties": properties}, more...)
}

func list(items any, more ...any) schema {
	return with(schema{"type": "array", "minItems": 1, "items": items}, more...)
}

// with adds keywords and their values to a schema.
func with(s schema, more ...any) schema {
	for i := 0; i < len(more); i += 2 {
		s[more[i].(string)] = more[i+1]
	}
	return s
}

func text(pattern string, not ...string) schema {
	s := schema{"type": "string", "pattern": pattern}
	var others []any
	for _, n := range not {
		others = append(others, schema{"pattern": n})
	}
	if len(others) > 0 {
		s["not"] = schema{"anyOf": others}
	}
	return s
}

// profileSchema returns the schema of a document in a profile file.
func profileSchema(t *testing.T) schema {
	t.Helper()
	profiles, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	var builtin []string
	for _, p := range profiles {
		builtin = append(builtin, p.Name)
	}
	var names []string
	for _, f := range defaults.Fields() {
		if !f.AuthorOnly {
			names = append(names, f.Name)
		}
	}
	line := with(text(`^[^\n\r]*$`), "minLength", 1, "maxLength", MaxLine)
	about := func(s schema, description string) schema { return with(s, "description", description) }
	ref := func(name string) schema { return schema{"$ref": "#/$defs/" + name} }
	excepted := settingsSchema(t, defaults.ContainerLevel, func(s schema) schema { return s })
	delete(excepted["properties"].(schema), "seLinuxOptions")
	return schema{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:caseharden.io:profile:v1alpha1",
		"title": "Profile of Caseharden",
		"type":  "object", "additionalProperties": false, "required": []string{"apiVersion", "kind", "metadata", "spec"},
		"properties": schema{
			"apiVersion": schema{"const": profileAPIVersion}, "kind": schema{"const": profileKind},
			"metadata": object(schema{"name": about(with(text(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`), "maxLength", MaxName, "not", schema{"enum": builtin}), "The name, for labels and --profile.")}, "required", []string{"name"}),
			"spec": object(schema{
				"base":          about(schema{"type": "string", "minLength": 1}, "The profile that this one begins with: "+strings.Join(builtin, ", ")+", or another of yours."),
				"container":     about(settingsSchema(t, defaults.ContainerLevel, orNull), "Defaults for the securityContext of containers. null removes one of the base."),
				"pod":           about(settingsSchema(t, defaults.PodLevel, orNull), "Defaults for the securityContext of the Pod. null removes one of the base."),
				"writablePaths": about(orNull(ref("writablePaths")), "Directories that get an emptyDir where the root file system becomes read-only. null removes those of the base."),
				"exceptions":    about(orNull(list(ref("exception"))), "Containers that get other defaults, or none. null removes those of the base."),
				"selfService":   about(orNull(ref("fields")), "Fields that authors may ask to leave, by an annotation. null removes those of the base."),
			}, "minProperties", 1,
				// null removes from a base.
				"if", schema{"not": schema{"required": []string{"base"}}},
				"then", schema{"anyOf": []any{schema{"required": []string{"container"}}, schema{"required": []string{"pod"}}, schema{"required": []string{"exceptions"}}},
					"properties": schema{
						"writablePaths": schema{"type": "array"}, "exceptions": schema{"type": "array"}, "selfService": schema{"type": "array"},
						"container": schema{"additionalProperties": schema{"not": schema{"type": "null"}}}, "pod": schema{"additionalProperties": schema{"not": schema{"type": "null"}}},
					}}),
		},
		"$defs": schema{
			"fields": list(schema{"enum": names}, "uniqueItems", true),
			"writablePaths": list(object(schema{
				"path": with(text(`^(/[^/:]+)+$`, `/\.{1,2}(/|$)`, `^/(dev|proc|sys)(/|$)`, `^/etc/(hosts|hostname|resolv\.conf)$`), "maxLength", 255),
				"sizeLimit": about(schema{"anyOf": []any{
					text(`^[0-9]+(\.[0-9]*)?([numkKMGTPE]|[KMGTPE]i|[eE][0-9]+)?$`, `^[0.]+[a-zA-Z]*$`), schema{"type": "number", "exclusiveMinimum": 0}, schema{"type": "null"},
				}}, "A quantity of bytes, such as 64Mi."),
			}, "required", []string{"path"}), "maxItems", MaxWritablePaths),
			"exception": object(schema{
				"match":         ref("match"),
				"leave":         about(ref("fields"), "Fields that get no default."),
				"container":     about(with(excepted, "minProperties", 1), "Other defaults."),
				"writablePaths": ref("writablePaths"),
				"reason":        about(line, "Why, in one line. It is shown where the exception applies."),
				"owner":         about(line, "Who answers for the exception."),
				"reviewBy":      about(schema{"type": "string", "format": "date"}, "The day of the next review, such as 2027-06-30."),
			}, "required", []string{"match", "reason"},
				"anyOf", []any{schema{"required": []string{"leave"}}, schema{"required": []string{"container"}}, schema{"required": []string{"writablePaths"}}}),
			"match": about(object(schema{
				"containers":       list(with(text(`^.+$`, `\[[^\]]*$`), "description", "A container name, in which * stands for any part.")),
				"containerTypes":   list(schema{"enum": []any{defaults.Init, defaults.Regular, defaults.Ephemeral}}),
				"privileged":       schema{"const": true},
				"addsCapabilities": schema{"const": true},
				"runAsNonRoot":     schema{"const": true},
				"podLabels": schema{"type": "object", "minProperties": 1,
					"propertyNames":        text(`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`),
					"additionalProperties": with(text(`^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$`), "maxLength", 63)},
				"images": list(with(text(globSyntax.String(), `:[^/]*$`, `[^/]\*\*|\*\*[^/]`, `^\*/`, `^[^/]*[.A-Z][^/]*$`), "description", "An image repository, in which * stands for a part of a component and ** for any number of components.")),
			}, "minProperties", 1), "Which containers are meant: all criteria hold."),
		},
	}
}

// settingsSchema returns the schema of a SecurityContext or a PodSecurityContext.
func settingsSchema(t *testing.T, level defaults.Level, value func(schema) schema) schema {
	t.Helper()
	properties := schema{}
	for _, f := range defaults.Fields() {
		if f.Levels&level == 0 || f.AuthorOnly {
			continue
		}
		s := with(value(valueSchema(t, f)), "description", "Must be "+f.Values.Must+".")
		if f.Name == "capabilities.drop" {
			properties["capabilities"] = object(schema{"drop": s})
			continue
		}
		properties[f.Name] = s
	}
	return object(properties)
}

// valueSchema returns the schema of the values that a profile may give a field.
func valueSchema(t *testing.T, f *defaults.Field) schema {
	t.Helper()
	id := schema{"type": "integer", "minimum": 1, "maximum": 1<<31 - 1}
	localhost := func(file schema) schema {
		return schema{"oneOf": []any{
			object(schema{"type": schema{"const": "RuntimeDefault"}}, "required", []string{"type"}),
			object(schema{"type": schema{"const": "Localhost"}, "localhostProfile": file}, "required", []string{"type", "localhostProfile"}),
		}}
	}
	switch f.Name {
	case "appArmorProfile":
		return localhost(text(`^\S(.*\S)?$`))
	case "seccompProfile":
		return localhost(text(`^[^/\s]([^\n]*\S)?$`, `(^|/)\.\.(/|$)`))
	case "capabilities.drop":
		return list(text(`^[A-Z][A-Z0-9_]*$`, `^CAP_`))
	case "fsGroup", "runAsGroup", "runAsUser":
		return id
	case "supplementalGroups":
		return list(id, "maxItems", 32)
	case "allowPrivilegeEscalation", "privileged":
		return schema{"const": false}
	case "readOnlyRootFilesystem", "runAsNonRoot":
		return schema{"const": true}
	case "seLinuxOptions":
		return object(schema{
			"level": text(`^s\d+(-s\d+)?(:c\d+([.,]c\d+)*)?$`),
			"type":  schema{"enum": []string{"container_t", "container_init_t", "container_kvm_t"}},
		}, "minProperties", 1)
	case "sysctls":
		_, names, _ := strings.Cut(f.Values.Must, "of the safe sysctls ")
		return list(object(schema{"name": schema{"enum": strings.Split(names, ", ")}, "value": schema{"type": "string"}}, "required", []string{"name", "value"}))
	case "windowsOptions":
		return object(schema{
			"runAsUserName":          text(`^[^\\]+(\\[^\\]+)?$`, `(^|\\)(`+anyCase("containeradministrator|administrators?|system|localsystem|s-1-.*")+`)$`),
			"gmsaCredentialSpecName": text(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`),
			"gmsaCredentialSpec":     schema{"type": "string", "minLength": 1, "maxLength": 64 << 10},
			"hostProcess":            schema{"const": false},
		}, "minProperties", 1)
	}
	// The others are words.
	words := strings.Split(f.Values.Must, " or ")
	if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, " ") }) {
		t.Fatalf("%s: must be %s: the schema does not know how to say that", f.Name, f.Values.Must)
	}
	return schema{"enum": words}
}

// anyCase returns a pattern that takes letters of both cases, which JSON Schema has no flag for.
func anyCase(pattern string) string {
	var b strings.Builder
	for _, r := range pattern {
		if r >= 'a' && r <= 'z' {
			b.WriteString("[" + string(r) + strings.ToUpper(string(r)) + "]")
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
