// SPDX-License-Identifier: Apache-2.0

package defaults_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	. "github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
)

// values are, by field, some that a profile may have and some that it may not.
// They are in a file, because the tests on a real API server take them too.
var values = readValues()

func readValues() map[string]valueTexts {
	var all map[string]valueTexts
	if err := yaml.UnmarshalStrict([]byte(readTestdata("values.yaml")), &all); err != nil {
		panic(err)
	}
	return all
}

type valueTexts struct{ Allowed, Refused []string }

func profileWith(field, value string) (data string, levels []Level) {
	f := FieldByName(field)
	parts := strings.Split(field, ".")
	nested := strings.Join(parts, ": {") + ": " + value + strings.Repeat("}", len(parts)-1)
	spec := ""
	if f.Levels&ContainerLevel != 0 {
		spec += "  container: {" + nested + "}\n"
		levels = append(levels, ContainerLevel)
	}
	if f.Levels&PodLevel != 0 {
		spec += "  pod: {" + nested + "}\n"
		levels = append(levels, PodLevel)
	}
	return head + "spec:\n" + spec, levels
}

func TestValues(t *testing.T) {
	for _, f := range Fields() {
		if f.AuthorOnly {
			continue
		}
		v := values[f.Name]
		if len(v.Allowed) == 0 || len(v.Refused) == 0 {
			t.Errorf("%s has no allowed and refused values in the test", f.Name)
		}
		for _, value := range v.Refused {
			data, levels := profileWith(f.Name, value)
			_, err := profile.Parse([]profile.File{{Name: "x.yaml", Data: []byte(data)}})
			if err == nil {
				t.Errorf("%s: %s must be refused", f.Name, value)
			} else if n := strings.Count(err.Error(), f.Name+": must be "+f.Values.Must+", is "); n != len(levels) {
				t.Errorf("%s: %s: the error does not say what it must be, at each level: %v", f.Name, value, err)
			}
		}
		for _, value := range v.Allowed {
			data, _ := profileWith(f.Name, value)
			if _, err := profile.Parse([]profile.File{{Name: "x.yaml", Data: []byte(data)}}); err != nil {
				t.Errorf("%s: %s must be allowed: %v", f.Name, value, err)
			}
		}
	}
}

// No value that a profile may have makes a pod fail the Pod Security Standard
// restricted, in the oldest version that is supported and in the latest.
func TestValuesAreRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for field, v := range values {
		for _, value := range v.Allowed {
			data, levels := profileWith(field, value)
			profile := mustParseProfile(t, data)
			for _, level := range levels {
				spec := restrictedSpec(t, level, find(t, profile, level, field))
				for _, version := range []psa.Version{psa.MajorMinorVersion(1, 30), psa.LatestVersion()} {
					for _, result := range evaluator.EvaluatePod(psa.LevelVersion{Level: psa.LevelRestricted, Version: version}, &metav1.ObjectMeta{}, spec) {
						if !result.Allowed {
							t.Errorf("%s: %s at level %d: restricted:%s refuses %s (%s)", field, value, level, version, result.ForbiddenReason, result.ForbiddenDetail)
						}
					}
				}
			}
		}
	}
}

// restrictedSpec is a pod that meets restricted, with a default on top.
func restrictedSpec(t *testing.T, level Level, d Default) *corev1.PodSpec {
	t.Helper()
	yes, no := true, false
	spec := &corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{},
		Containers: []corev1.Container{{Name: "app", SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: &no,
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			RunAsNonRoot:             &yes,
			SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		}}},
	}
	// A drop of less than ALL is only injected where there is none.
	if d.Field.Name == "capabilities.drop" {
		return spec
	}
	into := any(spec.Containers[0].SecurityContext)
	if level == PodLevel {
		into = spec.SecurityContext
	}
	if err := json.Unmarshal([]byte(nest(d.Field.Name, string(d.Value.JSON))), into); err != nil {
		t.Fatal(err)
	}
	if raw := fmt.Sprintf("%+v", into); raw == "" {
		t.Fatal("nothing was set")
	}
	return spec
}

// ValidateWindowsSecurityContextOptions in kubernetes/pkg/apis/core/validation takes
// as much of a credential spec.
func TestCredentialSpecsAreBounded(t *testing.T) {
	for length, want := range map[int]bool{1: true, 64 << 10: true, 64<<10 + 1: false} {
		spec := strings.Repeat("x", length)
		if got := FieldByName("windowsOptions").Values.Allow(&corev1.WindowsSecurityContextOptions{GMSACredentialSpec: &spec}); got != want {
			t.Errorf("a credential spec of %d bytes is allowed: %t, want %t", length, got, want)
		}
	}
}
