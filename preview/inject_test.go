// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/json"
	"slices"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/mutate"
)

// builtin returns a built-in profile.
func builtin(t testing.TB, name string) *defaults.Profile {
	t.Helper()
	profiles, err := profile.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("there is no profile %q", name)
	return nil
}

// ownProfile returns a profile with the spec.
func ownProfile(t testing.TB, spec string) *defaults.Profile {
	t.Helper()
	data := "apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: own}\nspec: " + string(fromYAML(t, spec))
	profiles, err := profile.Parse([]profile.File{{Name: "own.yaml", Data: []byte(data)}})
	if err != nil {
		t.Fatal(err)
	}
	return profiles[slices.IndexFunc(profiles, func(p *defaults.Profile) bool { return p.Name == "own" })]
}

// injected returns the change that a profile makes to a pod.
func injected(t testing.TB, p *defaults.Profile, pod []byte) change {
	t.Helper()
	before, normalised, err := asReceived(pod)
	if err != nil {
		t.Fatal(err)
	}
	would, err := mutate.NewChange(p, "pod", normalised)
	if err != nil {
		t.Fatal(err)
	}
	after, err := apply(normalised, would.Patch())
	if err != nil {
		t.Fatal(err)
	}
	return change{Before: before, After: after, Windows: would.Windows()}
}

func fromYAML(t testing.TB, text string) []byte {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return data
}

// applyRaw applies a patch to an object as it stands, with the library of the API
// server.
func applyRaw(t *testing.T, object []byte, operations []map[string]any) []byte {
	t.Helper()
	raw, err := json.Marshal(operations)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(raw)
	if err != nil {
		t.Fatal(err)
	}
	patched, err := patch.Apply(object)
	if err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return patched
}
