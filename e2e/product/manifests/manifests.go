// SPDX-License-Identifier: Apache-2.0

// Package manifests reads what is shipped in deploy/.
package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// Decode returns the objects of a file with YAML documents, without those that are
// empty.
func Decode(data []byte) ([]*unstructured.Unstructured, error) {
	documents := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(data)))
	var objects []*unstructured.Unstructured
	for {
		document := make([]byte, len(data))
		n, err := documents.Read(document)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		object := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict(document[:n], &object.Object); err != nil {
			return nil, err
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// Install returns the objects of deploy/install.yaml.
func Install() ([]*unstructured.Unstructured, error) {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(root, "deploy", "install.yaml"))
	if err != nil {
		return nil, err
	}
	objects, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("deploy/install.yaml: %w", err)
	}
	return objects, nil
}

// One converts the only object of a kind to into, strictly.
func One(objects []*unstructured.Unstructured, kind string, into any) error {
	found := 0
	for _, object := range objects {
		if object.GetKind() != kind {
			continue
		}
		found++
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, into, true); err != nil {
			return fmt.Errorf("%s %s: %w", kind, object.GetName(), err)
		}
	}
	if found != 1 {
		return fmt.Errorf("there are %d objects of kind %s, want one", found, kind)
	}
	return nil
}
