// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	k8syaml "sigs.k8s.io/yaml"
)

// What text files cannot hold as well: line breaks and byte order marks.
func TestBytes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ input, want string }{
		"CRLF":                           {"a:\r\n- b: c\r\n\r\nd: e\r\n", "a:\r\n- b: c\r\n  new: 1\r\n\r\nd: e\r\n"},
		"CRLF, empty":                    {"a:\r\n- \r\nd: e\r\n", "a:\r\n- {new: 1} \r\nd: e\r\n"},
		"CRLF, block scalar":             {"a:\r\n- b: |\r\n    c\r\n\r\nd: e\r\n", "a:\r\n- b: |\r\n    c\r\n  new: 1\r\n\r\nd: e\r\n"},
		"CRLF, JSON":                     {"{\r\n  \"a\": [\r\n    {\r\n      \"b\": 1\r\n    }\r\n  ]\r\n}\r\n", "{\r\n  \"a\": [\r\n    {\r\n      \"b\": 1,\r\n      \"new\": 1\r\n    }\r\n  ]\r\n}\r\n"},
		"CRLF, flow with a comment":      {"a: [\r\n  {\r\n    b: 1 # c\r\n  }]\r\n", "a: [\r\n  {\r\n    b: 1, # c\r\n    new: 1\r\n  }]\r\n"},
		"no line break at the end":       {"a:\n- b: c", "a:\n- b: c\n  new: 1"},
		"no line break, CRLF":            {"a:\r\n- b: c # d", "a:\r\n- b: c # d\r\n  new: 1"},
		"no line break, quoted":          {"a:\n- b: 'c'", "a:\n- b: 'c'\n  new: 1"},
		"no line break, comment":         {"a:\n- b: c\n# d", "a:\n- b: c\n  new: 1\n# d"},
		"no line break, own comment":     {"a:\n- b: c\n  # d", "a:\n- b: c\n  # d\n  new: 1"},
		"no line break, stripped scalar": {"a:\n- b: |-\n    c", "a:\n- b: |-\n    c\n  new: 1"},
		"no line break, JSON":            {`{"a":[{"b":1}]}`, `{"a":[{"b":1,"new":1}]}`},
		"byte order mark":                {"\ufeffa:\n- b: c\n", "\ufeffa:\n- b: c\n  new: 1\n"},
		"byte order mark, JSON":          {"\ufeff{\"a\":[{\"b\":1}]}\n", "\ufeff{\"a\":[{\"b\":1,\"new\":1}]}\n"},
		"tabs before comments":           {"a:\t# a\n- b:\tc\t# d\n", "a:\t# a\n- b:\tc\t# d\n  new: 1\n"},
		"white space at ends":            {"a:  \n- b: c  \n  \nd: e\n", "a:  \n- b: c  \n  new: 1\n  \nd: e\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := Add([]byte(test.input), []Addition{{"/a/0/new", 1}})
			if err != nil {
				t.Fatal(err)
			}
			if string(out) != test.want {
				t.Errorf("got  %q\nwant %q", out, test.want)
			}
		})
	}
}

// A block scalar whose last line has no line break would gain one.
func TestUnsafe(t *testing.T) {
	t.Parallel()
	out, err := Add([]byte("a:\n- b: |\n    c"), []Addition{{"/a/0/new", 1}})
	var e *Error
	if !errors.As(err, &e) || e.Line != 2 || !strings.Contains(e.Message, "cannot be added to safely") {
		t.Errorf("got %q and error %v", out, err)
	}
}

func TestAdditionsInError(t *testing.T) {
	t.Parallel()
	for name, additions := range map[string][]Addition{
		"no pointer":              {{"a", 1}},
		"the document":            {{"", 1}},
		"no JSON":                 {{"/b", func() {}}},
		"twice":                   {{"/b", 1}, {"/b", 2}},
		"above":                   {{"/b/c", 1}, {"/b", 2}},
		"twice within":            {{"/b", map[string]int{"c": 1}}, {"/b/c", 2}},
		"below a scalar":          {{"/b", 1}, {"/b/c", 2}},
		"item of a mapping":       {{"/b", struct{}{}}, {"/b/-", 2}},
		"no parent in the middle": {{"/b", struct{}{}}, {"/b/c/d", 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := Add([]byte("a: 1\n"), additions)
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("got %q and error %v", out, err)
			}
		})
	}
}

var hardening = []Addition{
	{"/spec/template/spec/containers/0/securityContext", struct{}{}},
	{"/spec/template/spec/containers/0/securityContext/capabilities", struct{}{}},
	{"/spec/template/spec/containers/0/securityContext/capabilities/drop", []string{"ALL"}},
	{"/spec/template/spec/containers/0/securityContext/runAsUser", 10001},
	{"/spec/template/spec/containers/1/securityContext/seccompProfile", map[string]string{"type": "RuntimeDefault"}},
	{"/spec/template/spec/containers/1/volumeMounts/-", map[string]string{"name": "tmp", "mountPath": "/tmp"}},
	{"/spec/template/spec/initContainers/0/securityContext", struct{}{}},
	{"/spec/template/spec/initContainers/0/securityContext/runAsNonRoot", true},
	{"/spec/template/spec/volumes/-", map[string]any{"name": "yes", "emptyDir": struct{}{}}},
}

// One manifest in the hands of many writers.
func TestWriters(t *testing.T) {
	t.Parallel()
	const manifest = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"x","annotations":{"a":"b\nc\n","d":"e: # f\n\n"}},
		"spec":{"template":{"spec":{
		"containers":[{"name":"a","command":["sh","-c","set -e\n\n# é😀\n  exec a\n"]},{"name":"b","securityContext":{"privileged":false},"volumeMounts":[{"name":"data","mountPath":"/data"}],"args":["x\ny","yes"]}],
		"initContainers":[{"name":"c","image":"d","script":"#!/bin/sh\n\n\n"}],
		"volumes":[{"name":"data","emptyDir":{"sizeLimit":"1Gi"}}]}}}}`
	texts := map[string][]byte{}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(manifest)); err != nil {
		t.Fatal(err)
	}
	texts["compact"] = compact.Bytes()
	for name, indent := range map[string]string{"two": "  ", "four": "    ", "tab": "\t", "none": ""} {
		var b bytes.Buffer
		if err := json.Indent(&b, compact.Bytes(), "", indent); err != nil {
			t.Fatal(err)
		}
		texts["JSON, "+name] = b.Bytes()
	}
	block, err := k8syaml.JSONToYAML(compact.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	texts["kubectl"] = block
	var flow, node yaml.Node
	if err := errors.Join(yaml.Unmarshal(compact.Bytes(), &flow), yaml.Unmarshal(block, &node)); err != nil {
		t.Fatal(err)
	}
	for indent := 2; indent <= 8; indent++ {
		var b bytes.Buffer
		encoder := yaml.NewEncoder(&b)
		encoder.SetIndent(indent)
		if indent%2 == 1 {
			encoder.CompactSeqIndent()
		}
		if err := errors.Join(encoder.Encode(&node), encoder.Close()); err != nil {
			t.Fatal(err)
		}
		texts[fmt.Sprint("indent ", indent)] = b.Bytes()
	}
	if texts["flow"], err = yaml.Marshal(&flow); err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		for ending, text := range map[string][]byte{
			"": text, "CRLF": bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), "cut": bytes.TrimRight(text, "\n"),
		} {
			t.Run(strings.TrimSpace(name+" "+ending), func(t *testing.T) {
				t.Parallel()
				out, err := Add(text, hardening)
				if err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				checkTree(t, text, out, hardening)
				if block := text[0] != '{'; block && ending != "cut" && !onlyAdds(text, out) {
					t.Errorf("a line is gone:\n%s", out)
				}
				if lines := bytes.Count(out, []byte("\n")); ending == "CRLF" && bytes.Count(out, []byte("\r\n")) != lines {
					t.Errorf("not every line ends in CRLF: %q", out)
				}
			})
		}
	}
}

// Once over the text, whatever its lines: 5,000 pods take a second or two, and
// where the time grew with the square of the size they would take minutes.
func TestLarge(t *testing.T) {
	t.Parallel()
	for name, text := range largeLists(2000) {
		start := time.Now()
		if _, err := Add(text, largeAdditions(2000)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s, %d bytes: took %v", name, len(text), took)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	additions := largeAdditions(5000)
	for name, text := range largeLists(5000) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Add(text, additions); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func largeLists(pods int) map[string][]byte {
	item := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","annotations":{"a":"` + strings.Repeat("b ", 300) + `"}},"spec":{"containers":[{` +
		`"name":"app","image":"shop/web","env":[{"name":"A","value":"é😀"},{"name":"B","value":"c"}],"ports":[{"containerPort":8080}]}]}}`
	compact := []byte(`{"kind":"List","items":[` + strings.Repeat(item+",", pods-1) + item + "]}")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, compact, "", "    "); err != nil {
		panic(err)
	}
	block, err := k8syaml.JSONToYAML(compact)
	if err != nil {
		panic(err)
	}
	return map[string][]byte{"compact": compact, "pretty": pretty.Bytes(), "block": block, "flow": append([]byte("# YAML\n"), compact...)}
}

func largeAdditions(pods int) []Addition {
	var additions []Addition
	for i := range pods {
		at := fmt.Sprintf("/items/%d/spec/containers/0/securityContext", i)
		additions = append(additions,
			Addition{at, struct{}{}},
			Addition{at + "/allowPrivilegeEscalation", false},
			Addition{at + "/capabilities", struct{}{}},
			Addition{at + "/capabilities/drop", []string{"ALL"}},
			Addition{at + "/runAsUser", 10001},
			Addition{at + "/seccompProfile", map[string]string{"type": "RuntimeDefault"}})
	}
	return additions
}
