// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"
)

// wantTree is what the patch library of the API server makes of a document as
// kubectl reads it. It is not ok where either would not have the input.
func wantTree(text []byte, additions []Addition) (tree any, ok bool) {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	var operations []operation
	for _, a := range additions {
		operations = append(operations, operation{"add", a.Pointer, a.Value})
	}
	encoded, err := json.Marshal(operations)
	if err != nil {
		return nil, false
	}
	patch, err := jsonpatch.DecodePatch(encoded)
	if err != nil {
		return nil, false
	}
	input, err := toJSON(text)
	if err != nil {
		return nil, false
	}
	patched, err := patch.Apply(input)
	if err != nil {
		return nil, false
	}
	return tree, decode(patched, &tree) == nil
}

// toJSON reads a document as kubectl does.
func toJSON(text []byte) ([]byte, error) {
	if json.Valid(text) {
		return text, nil
	}
	return yaml.YAMLToJSONStrict(text)
}

func decode(data []byte, into *any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// checkTree checks what Add made of a document against wantTree, and that it did
// not touch what was there.
func checkTree(t *testing.T, input, out []byte, additions []Addition) {
	t.Helper()
	want, ok := wantTree(input, additions)
	if !ok {
		t.Fatal("the patch library does not carry these additions out")
	}
	converted, err := toJSON(out)
	if err != nil {
		t.Fatalf("kubectl would not read the result: %v\n%s", err, out)
	}
	var got any
	if err := decode(converted, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the tree of the result (-want +got):\n%s", diff)
	}
	if json.Valid(input) && !json.Valid(out) {
		t.Errorf("JSON became something else:\n%s", out)
	}
}

// onlyAdds says that every line of the input is a line of the output, in order.
func onlyAdds(input, out []byte) bool {
	rest := bytes.SplitAfter(out, []byte("\n"))
	for line := range bytes.Lines(input) {
		for {
			if len(rest) == 0 {
				return false
			}
			next := rest[0]
			rest = rest[1:]
			if bytes.Equal(next, line) {
				break
			}
		}
	}
	return true
}
