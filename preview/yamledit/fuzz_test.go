// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/internal/doctest"
)

// FuzzAdd adds a mapping and a list at some place in some text. What comes out,
// if anything, is the tree that the API server's patch library makes of it, as
// kubectl reads both. It holds every line of the input unless that is in flow
// style, empty at that place, or without a line break at its end.
func FuzzAdd(f *testing.F) {
	for _, text := range doctest.Seeds(f, "input") {
		for place := range uint8(8) {
			f.Add(text, place)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, place uint8) {
		additions, plain := somewhere(text, int(place))
		if additions == nil {
			return
		}
		out, err := Add(text, additions)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("an error of another type: %v", err)
			}
			return
		}
		if plain && !onlyAdds(text, out) {
			t.Errorf("a line is gone:\n%q\n%q", text, out)
		}
		want, ok := wantTree(text, additions)
		if !ok {
			return // kubectl would not read the input either
		}
		converted, err := toJSON(out)
		if err != nil {
			t.Fatalf("kubectl reads the input, but not the output: %v\n%q\n%q", err, text, out)
		}
		var got any
		if err := decode(converted, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q\n%q\n(-want +got):\n%s", text, out, diff)
		}
	})
}

// somewhere picks a collection of a document and returns additions to it; plain
// says that they need nothing but new lines.
func somewhere(text []byte, index int) (additions []Addition, plain bool) {
	var root yaml.Node
	if yaml.Unmarshal(text, &root) != nil || root.Kind != yaml.DocumentNode || root.Content[0].Tag == "!!null" {
		return nil, false // the patch library cannot add to null
	}
	var walk func(n *yaml.Node, pointer string)
	walk = func(n *yaml.Node, pointer string) {
		if n.Kind == yaml.AliasNode {
			n = &yaml.Node{Kind: n.Alias.Kind}
		}
		if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
			return
		}
		if index--; index < -1 || additions != nil {
			return
		}
		if index == -1 {
			plain = n.Style&yaml.FlowStyle == 0 && len(n.Content) > 0 && strings.HasSuffix(string(text), "\n")
			if n.Kind == yaml.SequenceNode {
				additions = []Addition{{pointer + "/-", []any{"on", map[string]any{"a": 1}}}, {pointer + "/-", "x"}}
			} else {
				additions = []Addition{
					{pointer + "/new", map[string]any{}},
					{pointer + "/new/a", map[string]any{"b": nil, "c": []any{true, "0x1"}}},
					{pointer + "/new/d", "yes"},
					{pointer + "/newer", 1},
				}
				if n.Kind == yaml.ScalarNode {
					additions = append([]Addition{{pointer, map[string]any{}}}, additions...)
				}
			}
			return
		}
		for i, child := range n.Content {
			if n.Kind == yaml.SequenceNode {
				walk(child, pointer+"/"+strconv.Itoa(i))
			} else if i%2 == 1 {
				key := n.Content[i-1]
				if encoded, _ := yaml.Marshal(key.Value); key.Style == 0 && string(encoded) != key.Value+"\n" {
					continue // kubectl may read the key as something else: no is false
				}
				walk(child, pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(key.Value))
			}
		}
	}
	walk(root.Content[0], "")
	return additions, plain
}
