// SPDX-License-Identifier: Apache-2.0

package preview

import "github.com/caseharden/caseharden/preview/manifest"

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

// ignore counts an object of a kind that the preview does not know, and names it if it
// may make pods, at a place.
func (b *builder) ignore(f *manifest.File, o *manifest.Object, at string) {
	k := b.ignored.count(o.APIVersion, o.Kind)
	if at == "" {
		return
	}
	k.PodMakers++
	h, _ := o.Header() // an object without a proper name still makes pods
	b.report.PodMakers = append(b.report.PodMakers, PodMaker{
		File: f.Name, Document: o.Document.Index, Line: o.Line,
		APIVersion: o.APIVersion, Kind: o.Kind, Namespace: h.Metadata.Namespace, Name: h.Name(), Place: at,
	})
}
