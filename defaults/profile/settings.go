// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/defaults"
)

// A setting is what a file says of a field: a value, or that it has none.
type setting struct {
	at      value
	value   defaults.Value
	removes bool
}

// readSettings reads a SecurityContext or a PodSecurityContext.
func readSettings(at value, level defaults.Level) map[*defaults.Field]setting {
	settings := map[*defaults.Field]setting{}
	names := namesAt(level)
	for _, m := range at.members() {
		switch {
		case strings.Contains(m.name, "."):
			m.errorf("unknown field: what is in an object is written so: capabilities: {drop: [ALL]}")
			continue
		case m.name != "capabilities" || level != defaults.ContainerLevel:
			readSetting(settings, m, m.name, level, names)
			continue
		case m.isNull():
			m.errorf("must be an object: it is capabilities.drop that null removes, as in capabilities: {drop: null}")
			continue
		}
		for _, c := range m.members() {
			readSetting(settings, c, m.name+"."+c.name, level, names)
		}
	}
	return settings
}

func readSetting(settings map[*defaults.Field]setting, m member, name string, level defaults.Level, known []string) {
	f := defaults.FieldByName(name)
	switch {
	case f == nil:
		m.unknown(name, known)
	case f.AuthorOnly:
		m.errorf("must not be set: only the author of a pod may")
	case f.Levels&level == 0 && level == defaults.ContainerLevel:
		m.errorf("is a field of the pod: set it under spec.pod")
	case f.Levels&level == 0:
		m.errorf("is a field of containers: set it under spec.container")
	case m.isNull():
		settings[f] = setting{at: m.value, removes: true}
	default:
		if value, ok := readValue(m.value, f); ok {
			settings[f] = setting{at: m.value, value: value}
		}
	}
}

func namesAt(level defaults.Level) []string {
	var names []string
	for _, f := range defaults.Fields() {
		if f.Levels&level != 0 && !f.AuthorOnly {
			names = append(names, f.Name)
		}
	}
	return names
}

// readValue reads a value that a profile may give the field.
func readValue(at value, f *defaults.Field) (defaults.Value, bool) {
	if raw, err := at.json(); err == nil {
		if typed, allowed := typedValue(f, raw); allowed {
			return valueOf(typed), true
		}
	}
	at.must(f.Values.Must)
	return defaults.Value{}, false
}

// Allows reports whether a profile may give the field a value, which is JSON.
func Allows(f *defaults.Field, value []byte) bool {
	_, allowed := typedValue(f, value)
	return allowed
}

// typedValue returns a value as the field of the API type holds it, and whether a profile
// may give it.
func typedValue(f *defaults.Field, raw []byte) (typed any, allowed bool) {
	into := reflect.New(typeOf(f))
	if string(raw) == "null" || json.Unmarshal(raw, into.Interface(), json.RejectUnknownMembers(true)) != nil {
		return nil, false
	}
	typed = into.Elem().Interface()
	return typed, f.Values.Allow(typed)
}

func valueOf(typed any) defaults.Value {
	raw, err := json.Marshal(typed)
	if err != nil {
		panic(fmt.Sprintf("internal error: marshalling a value of the API: %s", err))
	}
	return defaults.Value{JSON: raw, Typed: typed}
}

// typeOf returns the type that the API has for a field.
func typeOf(f *defaults.Field) reflect.Type {
	object := reflect.TypeFor[corev1.SecurityContext]()
	if f.Levels&defaults.ContainerLevel == 0 {
		object = reflect.TypeFor[corev1.PodSecurityContext]()
	}
	for name := range strings.SplitSeq(f.Name, ".") {
		if object.Kind() == reflect.Pointer {
			object = object.Elem()
		}
		for i := range object.NumField() {
			if tag, _, _ := strings.Cut(object.Field(i).Tag.Get("json"), ","); tag == name {
				object = object.Field(i).Type
				break
			}
		}
	}
	return object
}
