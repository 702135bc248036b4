// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"fmt"
	"strconv"
	"strings"

	"gomodules.xyz/jsonpatch/v2"

	"github.com/caseharden/caseharden/defaults"
)

// patch builds a JSON patch that only adds.
//
// The API server turns a patch that does not apply into an internal error, which
// refuses the pod even where failurePolicy is Ignore. So nothing is assumed to
// be there: each object around a leaf is added first, unless it was in the JSON
// as received.
type patch struct {
	operations []jsonpatch.Operation
	added      map[string]bool // pointers of the objects and lists that the patch has added
}

var (
	emptyObject = struct{}{}
	emptyList   = []struct{}{}
)

// inject adds the value of a decision to the pod that it was made for.
func (p *patch) inject(pod *defaults.Pod, d defaults.Decision) {
	owner, sc := pointer("spec"), pod.SecurityContext
	if c := d.Container; c != nil {
		owner, sc = pointer("spec", c.Type.List(), strconv.Itoa(c.Index)), c.SecurityContext
	}
	// The second lock behind leave: an add at a place that is taken would replace.
	if sc.Sets(d.Field) {
		panic(fmt.Sprintf("internal error: inject called for %s, which is set", d.Field.Name))
	}
	p.object(pointer("spec"), pod.HasSpec)
	at := owner + pointer("securityContext")
	p.object(at, sc.Present)
	path := strings.Split(d.Field.Name, ".")
	if len(path) > 1 { // capabilities.drop is the only field that is not a direct member
		p.object(at+pointer(path[0]), sc.HasCapabilities)
	}
	p.add(at+pointer(path...), d.Value.JSON)
}

// annotate sets an annotation of the pod.
func (p *patch) annotate(pod *defaults.Pod, key, value string) {
	p.object(pointer("metadata"), pod.HasMetadata)
	p.object(pointer("metadata", "annotations"), pod.HasAnnotations)
	p.add(pointer("metadata", "annotations", key), value)
}

// object makes sure that there is an object at the pointer.
func (p *patch) object(at string, present bool) { p.parent(at, present, emptyObject) }

// parent makes sure that there is an object or a list at the pointer, by adding an
// empty one.
func (p *patch) parent(at string, present bool, empty any) {
	if present || p.added[at] {
		return
	}
	if p.added == nil {
		p.added = map[string]bool{}
	}
	p.added[at] = true
	p.add(at, empty)
}

func (p *patch) add(at string, value any) {
	p.operations = append(p.operations, jsonpatch.NewOperation("add", at, value))
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// pointer returns the JSON pointer (RFC 6901) for the names of a path.
func pointer(path ...string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteByte('/')
		b.WriteString(pointerEscaper.Replace(name))
	}
	return b.String()
}
