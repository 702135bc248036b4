// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/internal/suggest"
)

// A Misspelling is a field that Kubernetes does not have where it stands. kubectl refuses
// an object with such a field, and other clients lose the field. Names are case-sensitive.
// It can also be an annotation for Caseharden that has no effect where it stands.
type Misspelling struct {
	Message string

	object  *Object
	pointer string // in the document
}

// The fields of security contexts, and of what holds them.
var (
	podFields          = fieldsOf(reflect.TypeFor[corev1.PodSpec]())
	containerFields    = fieldsOf(reflect.TypeFor[corev1.EphemeralContainer]())
	podContextType     = reflect.TypeFor[corev1.PodSecurityContext]()
	contextType        = reflect.TypeFor[corev1.SecurityContext]()
	podContextFields   = fieldsOf(podContextType)
	contextFields      = fieldsOf(contextType)
	allContextFields   = slices.Concat(contextFields, podContextFields)
	besideTemplateSpec = []string{"apiVersion", "kind", "metadata", "spec", "status"}
)

const securityContext = "securityContext"

// fieldsOf returns the names of a type's fields in JSON.
func fieldsOf(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Misspellings finds the fields of security contexts in a pod template that are misspelled,
// or stand where Kubernetes does not have them, and the annotations for Caseharden that do.
func (o *Object) Misspellings(at Place) []Misspelling {
	c := checker{object: o}
	home := "into " + strings.TrimPrefix(at.Name+".spec", ".")
	above := around(o)
	if o.IsCustom() {
		above = []Place{{Text: o.Raw}}
	}
	for _, around := range above {
		for _, member := range around.members() {
			if !o.IsCustom() {
				c.outside(member, nil, home)
			}
			if member.key == "metadata" {
				c.metadata(member, at, false)
			}
		}
	}
	for _, member := range at.members() {
		c.outside(member, besideTemplateSpec, home)
		switch member.key {
		case "metadata":
			c.metadata(member, at, true)
		case "spec":
			c.spec(member)
		}
	}
	return c.found
}

type checker struct {
	object *Object
	found  []Misspelling
}

// spec checks the spec of a pod.
func (c *checker) spec(s Place) {
	for _, member := range s.members() {
		switch member.key {
		case securityContext:
			c.inside(member, podContextType)
		case "containers", "ephemeralContainers", "initContainers":
			for _, container := range member.items() {
				for _, field := range container.members() {
					if field.key == securityContext {
						c.inside(field, contextType)
					} else {
						c.outside(field, containerFields, "")
					}
				}
			}
		default:
			c.outside(member, podFields, "")
		}
	}
}

func (c *checker) add(s Place, format string, args ...any) {
	c.found = append(c.found, Misspelling{s.Name + ": " + fmt.Sprintf(format, args...), c.object, c.object.Pointer + string(s.Pointer)})
}

// outside checks a field that is not in a security context: it may be one of a security
// context, or be a security context.
func (c *checker) outside(s Place, known []string, where string) {
	if slices.Contains(known, s.key) {
		return
	}
	switch closest := suggest.Closest(s.key, append([]string{securityContext}, allContextFields...)); {
	case closest == "":
	case closest != securityContext:
		c.add(s, "unknown field: move %s %s", closest, homeOf(closest))
	case where != "":
		c.add(s, "unknown field: move securityContext %s", where)
	default:
		c.add(s, "unknown field: write securityContext")
	}
}

// inside checks a security context, or a structure in one.
func (c *checker) inside(s Place, t reflect.Type) {
	known := fieldsOf(t)
	for _, member := range s.members() {
		if i := slices.Index(known, member.key); i >= 0 {
			c.value(member, typeOf(t, member.key))
			continue
		}
		closest := suggest.Closest(member.key, known)
		elsewhere := suggest.Closest(member.key, allContextFields)
		switch {
		case closest != "":
			c.add(member, "unknown field: write %s", closest)
		case elsewhere != "":
			c.add(member, "unknown field: move %s %s", elsewhere, homeOf(elsewhere))
		default:
			c.add(member, "unknown field")
		}
	}
}

// value checks the structures in the value of a field.
func (c *checker) value(s Place, t reflect.Type) {
	switch {
	case t.Kind() == reflect.Pointer:
		c.value(s, t.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		for _, item := range s.items() {
			c.inside(item, t.Elem())
		}
	case t.Kind() == reflect.Struct:
		c.inside(s, t)
	}
}

func typeOf(t reflect.Type, name string) reflect.Type {
	for _, f := range reflect.VisibleFields(t) {
		if own, _, _ := strings.Cut(f.Tag.Get("json"), ","); own == name {
			return f.Type
		}
	}
	panic("internal error: typeOf called with a field that " + t.Name() + " does not have")
}

// homeOf says where a field of a security context belongs.
func homeOf(field string) string {
	switch {
	case !slices.Contains(podContextFields, field):
		return "into the securityContext of a container"
	case !slices.Contains(contextFields, field):
		return "into the securityContext of the pod"
	}
	return "into a securityContext"
}

// Locate returns the misspellings in a document of the file, each with its line.
func (f *File) Locate(d *Document, misspellings []Misspelling) []Error {
	if len(misspellings) == 0 {
		return nil
	}
	var pointers []string
	for _, m := range misspellings {
		pointers = append(pointers, m.pointer)
	}
	lines := d.linesOf(f.Data, pointers)
	var located []Error
	for _, m := range misspellings {
		located = append(located, Error{
			File: f.Name, Document: d.Index, Line: cmp.Or(lines[m.pointer], m.object.Line), Message: m.Message,
		})
	}
	return located
}
