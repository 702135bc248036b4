// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/defaults"
)

// builtin returns a built-in profile.
func builtin(t testing.TB, name string) *defaults.Profile {
	t.Helper()
	profiles, err := defaults.Builtin()
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

// A setting is a field of the catalogue with the value that a profile has for it.
type setting struct {
	field string
	value any // of the API's type
}

func settingsOf(t testing.TB, settings []setting) []defaults.Default {
	t.Helper()
	var found []defaults.Default
	for _, s := range settings {
		raw, err := json.Marshal(s.value)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range defaults.Fields() {
			if f.Name == s.field {
				found = append(found, defaults.Default{Field: f, Value: defaults.Value{JSON: raw, Typed: s.value}})
			}
		}
	}
	if len(found) != len(settings) {
		t.Fatalf("not all of %v are fields", settings)
	}
	return found
}

// injected returns the change that a profile makes to a pod: package defaults
// decides, and each value goes where it says.
func injected(t testing.TB, p *defaults.Profile, pod []byte) change {
	t.Helper()
	parsed, err := defaults.ParsePod(pod)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(pod, &object); err != nil {
		t.Fatal(err)
	}
	decisions := p.DecidePod(parsed)
	for i := range parsed.Containers {
		decisions = append(decisions, p.DecideContainer(parsed, &parsed.Containers[i])...)
	}
	spec := child(object, "spec")
	for _, d := range decisions {
		if d.Outcome != defaults.Inject {
			continue
		}
		owner := spec
		if c := d.Container; c != nil {
			owner = spec[c.Type.List()].([]any)[c.Index].(map[string]any)
		}
		at, names := child(owner, "securityContext"), strings.Split(d.Field.Name, ".")
		for _, name := range names[:len(names)-1] {
			at = child(at, name)
		}
		at[names[len(names)-1]] = json.RawMessage(d.Value.JSON)
	}
	after, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return change{Before: template(t, pod), After: template(t, after), Windows: parsed.Windows}
}

func child(object map[string]any, name string) map[string]any {
	if existing, ok := object[name].(map[string]any); ok {
		return existing
	}
	made := map[string]any{}
	object[name] = made
	return made
}

func template(t testing.TB, pod []byte) *corev1.PodTemplateSpec {
	t.Helper()
	var made corev1.PodTemplateSpec
	if err := json.Unmarshal(pod, &made); err != nil {
		t.Fatal(err)
	}
	return &made
}

func fromYAML(t testing.TB, text string) []byte {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return data
}
