// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/go-json-experiment/json/jsontext"
)

// patch builds a JSON patch that only adds.
//
// The API server turns a patch that does not apply into an internal error, which
// refuses the pod even where failurePolicy is Ignore. So nothing is assumed to
// be there: each object around a leaf is added first, unless it was in the JSON
// as received.
type patch struct {
	operations []operation
	added      map[target]bool // the objects and lists that the patch has added; never nil

	// The security context that was last injected into, since decisions on the same
	// one stand together.
	container *defaults.Container // nil for the pod's
	at        string              // its pointer; empty before the first
}

// An operation adds a value at a target.
type operation struct {
	target
	value jsontext.Value
}

// A target is a pointer in two parts, which are put together only where they are written:
// that saves a string for each field of each container.
type target struct {
	parent string // pointer of an object or a list
	member string // pointer below that, of one step: "/runAsUser", or "/-" for the end of a list
}

func (t target) pointer() string { return t.parent + t.member }

// isIn reports whether the target is a member of what stands at the other one.
func (t target) isIn(other target) bool {
	return len(t.parent) == len(other.parent)+len(other.member) &&
		strings.HasPrefix(t.parent, other.parent) && strings.HasSuffix(t.parent, other.member)
}

var (
	emptyObject = jsontext.Value("{}")
	emptyList   = jsontext.Value("[]")
)

// A fieldPointer is where a field stands below its security context.
type fieldPointer struct {
	parent string // "" where the field is a direct member
	member string // below that
}

var fieldPointers = func() map[*defaults.Field]fieldPointer {
	pointers := map[*defaults.Field]fieldPointer{}
	for _, f := range defaults.Fields() {
		path := strings.Split(f.Name, ".")
		pointers[f] = fieldPointer{parent: pointer(path[:len(path)-1]...), member: pointer(path[len(path)-1])}
	}
	return pointers
}()

// inject adds the value of a decision to the pod that it was made for.
func (p *patch) inject(pod *defaults.Pod, d defaults.Decision) {
	sc := &pod.SecurityContext
	if d.Container != nil {
		sc = &d.Container.SecurityContext
	}
	// The second lock behind leave: an add at a place that is taken would replace.
	if sc.Sets(d.Field) {
		panic(fmt.Sprintf("internal error: inject called for %s, which is set", d.Field.Name))
	}
	if p.at == "" || p.container != d.Container {
		p.container, p.at = d.Container, securityContextPointer(d.Container)
		p.object(target{"", "/spec"}, pod.HasSpec)
		p.object(target{strings.TrimSuffix(p.at, securityContext), securityContext}, sc.Present)
	}
	field := fieldPointers[d.Field]
	parent := p.at
	if field.parent != "" { // capabilities.drop is the only field that is not a direct member
		p.object(target{p.at, field.parent}, sc.HasCapabilities)
		parent += field.parent
	}
	p.add(target{parent, field.member}, d.Value.JSON)
}

const securityContext = "/securityContext"

// securityContextPointer is the place of a container's security context, or the pod's
// for nil.
func securityContextPointer(c *defaults.Container) string {
	if c == nil {
		return "/spec" + securityContext
	}
	return "/spec/" + c.Type.List() + "/" + strconv.Itoa(c.Index) + securityContext
}

// annotate sets an annotation of the pod.
func (p *patch) annotate(pod *defaults.Pod, key, value string) {
	p.object(target{"", "/metadata"}, pod.HasMetadata)
	p.object(target{"/metadata", "/annotations"}, pod.HasAnnotations)
	p.add(target{"/metadata/annotations", pointer(key)}, quote(value))
}

// object makes sure that there is an object at the place.
func (p *patch) object(at target, present bool) { p.ensure(at, present, emptyObject) }

// ensure makes sure that there is an object or a list at the place, by adding an empty one.
func (p *patch) ensure(at target, present bool, empty jsontext.Value) {
	if present || p.added[at] {
		return
	}
	p.added[at] = true
	p.add(at, empty)
}

func (p *patch) add(at target, value jsontext.Value) {
	p.operations = append(p.operations, operation{at, value})
}

// folded returns the operations with what is added to an object that the patch itself adds
// in the value of that object. Nothing is there that could be lost, and an API server
// applies one operation in a fraction of the time that nine take.
func (p *patch) folded() []operation {
	folded := make([]operation, 0, len(p.operations))
	for rest := p.operations; len(rest) > 0; {
		o := rest[0]
		o.value, rest = foldedValue(rest)
		folded = append(folded, o)
	}
	return folded
}

// foldedValue returns the value of the first operation, with the members that those right
// after it add to it, and the operations that follow.
func foldedValue(operations []operation) (value jsontext.Value, rest []operation) {
	object, rest := &operations[0], operations[1:]
	if string(object.value) != string(emptyObject) {
		return object.value, rest
	}
	value = append(make(jsontext.Value, 0, 256), '{')
	for n := 0; len(rest) > 0 && rest[0].isIn(object.target); n++ {
		if n > 0 {
			value = append(value, ',')
		}
		value = append(appendQuoted(value, unescaped(rest[0].member[1:])), ':')
		var member jsontext.Value
		member, rest = foldedValue(rest)
		value = append(value, member...)
	}
	return append(value, '}'), rest
}

// marshalPatch returns the operations as an API server takes them (RFC 6902). Package json
// would take several times longer, by reflection.
func marshalPatch(operations []operation) []byte {
	const around = len(`{"op":"add","path":"","value":},`)
	size := len("[]")
	for _, o := range operations {
		size += around + len(o.parent) + len(o.member) + len(o.value)
	}
	b := append(make([]byte, 0, size), '[')
	for i, o := range operations {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(append(b, `{"op":"add","path":`...), o.pointer())
		b = append(append(b, `,"value":`...), o.value...)
		b = append(b, '}')
	}
	return append(b, ']')
}

var (
	pointerEscaper   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

// unescaped returns the name that a part of a pointer stands for.
func unescaped(part string) string {
	if strings.IndexByte(part, '~') < 0 { // the replacer would copy it
		return part
	}
	return pointerUnescaper.Replace(part)
}

// pointer returns the JSON pointer (RFC 6901) for the names of a path.
func pointer(path ...string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteByte('/')
		b.WriteString(pointerEscaper.Replace(name))
	}
	return b.String()
}
