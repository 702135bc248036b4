// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// A thing has a place of each sort.
type thing struct {
	Name   string
	Size   *int64
	Labels map[string]string
	Inner  *thing
	Parts  []thing
	Noted  bool
}

func (t *thing) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return Object(dec, func(name []byte) any {
		switch string(name) {
		case "name":
			return &t.Name
		case "size":
			return &t.Size
		case "labels":
			return &t.Labels
		case "inner":
			t.Inner = &thing{}
			return t.Inner
		case "parts":
			return (*parts)(t)
		case "noted":
			t.Noted = true
			return Passed("noted")
		}
		return nil
	})
}

type parts thing

func (p *parts) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return List(dec, func(index int) any {
		p.Parts = append(p.Parts, thing{Size: new(int64(index))})
		return &p.Parts[len(p.Parts)-1]
	})
}

func TestUnmarshal(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want thing
	}{
		"nothing":                     {`{}`, thing{}},
		"null":                        {`null`, thing{}},
		"each sort":                   {`{"name":"a\u0062","size":7,"labels":{"k":"v"},"noted":[],"inner":{"name":"i"}}`, thing{Name: "ab", Size: new(int64(7)), Labels: map[string]string{"k": "v"}, Noted: true, Inner: &thing{Name: "i"}}},
		"members that are null":       {`{"name":null,"size":null,"labels":null,"inner":null,"parts":null,"noted":null}`, thing{}},
		"strings":                     {`{"labels":{"a":"1","n\u0061":null,"":"\n"}}`, thing{Labels: map[string]string{"a": "1", "na": "", "": "\n"}}},
		"no strings":                  {`{"labels":{}}`, thing{Labels: map[string]string{}}},
		"an escaped name":             {`{"n\u0061me":"x"}`, thing{Name: "x"}},
		"names of another case":       {`{"Name":"x","NAME":"y"}`, thing{}},
		"elements that are null":      {`{"parts":[null,{"name":"x"},null,{}]}`, thing{Parts: []thing{{Name: "x", Size: new(int64(1))}, {Size: new(int64(3))}}}},
		"what is not asked for":       {`{"other":{"name":["deep",{"down":1e999}]},"name":"x","more":"\"}"}`, thing{Name: "x"}},
		"what is not asked for twice": {`{"other":1,"other":2,"deep":{"name":1,"name":2}}`, thing{}},
		"null before a value":         {`{"name":null,"name":"x"}`, thing{Name: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got thing
			if err := Unmarshal([]byte(tt.text), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"no object":                     {`[]`, `json: cannot unmarshal JSON array into Go struct {} after offset 2`},
		"no object, below":              {`{"inner":{"inner":"x"}}`, `json: cannot unmarshal JSON string into Go struct {} within "/inner/inner"`},
		"no list":                       {`{"parts":{}}`, `json: cannot unmarshal JSON object into Go []interface {} within "/parts"`},
		"an element":                    {`{"parts":[{},7]}`, `json: cannot unmarshal JSON number into Go struct {} within "/parts/1"`},
		"no string":                     {`{"parts":[{},{"name":7}]}`, `json: cannot unmarshal JSON number into Go string within "/parts/1/name"`},
		"no number":                     {`{"size":"7"}`, `json: cannot unmarshal JSON string into Go int64 within "/size"`},
		"a name twice":                  {`{"inner":{"name":"a","name":"b"}}`, `jsontext: duplicate object member name "name" within "/inner/name" after offset 27`},
		"a noted name twice":            {`{"noted":1,"noted":1}`, `jsontext: duplicate object member name "noted" within "/noted" after offset 18`},
		"twice, once escaped":           {`{"name":"a","n\u0061me":"b"}`, `jsontext: duplicate object member name "name" within "/name" after offset 23`},
		"no strings":                    {`{"labels":[]}`, `json: cannot unmarshal JSON array into Go map[string]string within "/labels"`},
		"no string among them":          {`{"labels":{"a":"x","b":{}}}`, `json: cannot unmarshal JSON object into Go string within "/labels/b"`},
		"half of the strings":           {`{"labels":{"a":"x","b"`, `jsontext: unexpected EOF within "/labels/b" after offset 22`},
		"half an object":                {`{"inner":{"name":"a"`, `jsontext: unexpected EOF within "/inner" after offset 20`},
		"half of what is not asked for": {`{"other":[{`, `jsontext: unexpected EOF within "/other/0" after offset 11`},
		"more than one":                 {`{} {}`, `jsontext: invalid character '{' after top-level value after offset 3`},
		"no JSON, where nobody asks":    {`{"other":[tru]}`, `jsontext: invalid character ']' in literal true (expecting 'e') within "/other/0" after offset 13`},
		"no UTF-8, where nobody asks":   {"{\"other\":\"\xff\"}", `jsontext: invalid UTF-8 within "/other" after offset 10`},
	} {
		t.Run(name, func(t *testing.T) {
			var got thing
			err := Unmarshal([]byte(tt.text), &got)
			if err == nil {
				t.Fatalf("no error, want %s", tt.want)
			}
			// Package json says one or the other, by chance, so that nobody relies on it.
			if got := strings.Replace(err.Error(), "unable to", "cannot", 1); got != tt.want {
				t.Errorf("error = %s, want %s", got, tt.want)
			}
		})
	}
}
