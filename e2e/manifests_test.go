// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/cluster"
)

// The manifests are applied as they are shipped, and the API server finds
// nothing unknown, deprecated or insecure in them.
func TestManifestsAreAccepted(t *testing.T) {
	module, err := cluster.ModuleDir()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(module), "deploy", "caseharden.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c, r := clientWithWarnings(t)
	config := controlPlane.Config()
	config.WarningHandler = r
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	resources, err := restmapper.GetAPIGroupResources(c.Discovery())
	if err != nil {
		t.Fatal(err)
	}
	mapper := restmapper.NewDiscoveryRESTMapper(resources)
	documents := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(data)))
	kinds := 0
	for {
		document := make([]byte, len(data))
		n, err := documents.Read(document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var object unstructured.Unstructured
		if err := yaml.Unmarshal(document[:n], &object.Object); err != nil {
			t.Fatal(err)
		}
		mapping, err := mapper.RESTMapping(object.GroupVersionKind().GroupKind(), object.GroupVersionKind().Version)
		if err != nil {
			t.Fatal(err)
		}
		_, err = dynamicClient.Resource(mapping.Resource).Namespace(object.GetNamespace()).
			Create(t.Context(), &object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
		if err != nil {
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
		kinds++
	}
	if kinds != 6 {
		t.Errorf("%d objects were applied, want 6", kinds)
	}
	if warnings := r.Take(); len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}
}
