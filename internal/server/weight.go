// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/mutate"
)

// What the parts of a review take at most. They were measured with the smallest parts: an
// object that is only "{}", a member such as an annotation, an element such as a capability.
const (
	objectBytes  = 288
	memberBytes  = 112
	elementBytes = 40
	copiesOfBody = 3 // of the strings in it

	// In the answer: a container, a default for it, and a mount.
	containerBytes = 4 << 10
	defaultBytes   = 1700
	mountBytes     = 4 << 10

	// repeatedBytes is what one byte of a name takes. A control character is six bytes in
	// JSON and seven in a JSON string in JSON, and a name is in the record, in the patch,
	// in the patch as base64 and in the answer.
	repeatedBytes = 50
)

// weightOf returns what a review takes at most, from its body to its answer. Most reviews
// weigh far less than that.
func (l *limiter) weightOf(profile *defaults.Profile, body []byte) int64 {
	return int64(len(body))*repeatedBytes + objects(body)*(objectBytes+l.perContainer[profile])
}

// objects returns how many objects a body has: at least as many as containers.
func objects(body []byte) int64 { return int64(bytes.Count(body, []byte("{"))) }

// decodedBytes returns what a body takes once it is decoded. It also counts what stands in
// strings: to tell that apart would take longer than to decode.
func decodedBytes(body []byte) int64 {
	members, elements := int64(bytes.Count(body, []byte(":"))), int64(bytes.Count(body, []byte(",")))
	return objects(body)*objectBytes + members*memberBytes + elements*elementBytes + int64(len(body))*copiesOfBody
}

// answerBytes returns what the answer to a review takes at most.
func (l *limiter) answerBytes(profile *defaults.Profile, review *mutate.Review) int64 {
	parts := int64(len(review.Containers())) + 1 // the pod is like one more container
	return parts*l.perContainer[profile] + int64(review.RepeatedBytes())*repeatedBytes
}

// perContainer returns how many bytes a profile adds to an answer for each container, at
// most: each field once, with the longest value and the longest reason of an exception.
func perContainer(p *defaults.Profile) int64 {
	longest := map[*defaults.Field]int{}
	note := func(all []defaults.Default, reason string) {
		for _, d := range all {
			longest[d.Field] = max(longest[d.Field], len(d.Value.JSON)+len(reason))
		}
	}
	note(p.Container, "")
	note(p.Pod, "")
	for _, e := range p.Exceptions {
		note(e.Container, e.Reason)
		for _, f := range e.Leave {
			longest[f] = max(longest[f], len(e.Reason))
		}
	}
	total := int64(containerBytes)
	for _, n := range longest {
		total += defaultBytes + int64(n)*repeatedBytes
	}
	// A container has the paths of the profile, and those of one exception.
	mounts := func(paths []defaults.WritablePath) (bytes int64) {
		for _, w := range paths {
			bytes += mountBytes + int64(len(w.Path))*repeatedBytes
		}
		return bytes
	}
	most := int64(0)
	for _, e := range p.Exceptions {
		most = max(most, mounts(e.WritablePaths))
	}
	return total + mounts(p.WritablePaths) + most
}
