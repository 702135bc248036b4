// SPDX-License-Identifier: Apache-2.0

package defaults_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	. "github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
)

// everything gives every field that can have a default one, at every level.
var everything = readTestdata("everything.yaml")

func readTestdata(name string) string {
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// head is three lines: a spec begins on the fourth.
const head = "apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: x}\n"

// mustParseProfile returns the profile of the first document.
func mustParseProfile(t testing.TB, data string) *Profile {
	t.Helper()
	profiles, err := profile.Parse([]profile.File{{Name: "test.yaml", Data: []byte(data)}})
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`metadata: \{name: ([^}]*)\}`).FindStringSubmatch(data)[1]
	for _, p := range profiles {
		if p.Name == name {
			return p
		}
	}
	t.Fatal("the profile is not among those that were read")
	return nil
}

// mustParsePod takes YAML, so that a case fits on a line.
func mustParsePod(t *testing.T, data string) *Pod {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	pod, err := ParsePod(raw)
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

// nest returns {"a":{"b":value}} for the path a.b.
func nest(path string, value string) string {
	names := strings.Split(path, ".")
	for _, name := range slices.Backward(names) {
		value = fmt.Sprintf("{%q: %s}", name, value)
	}
	return value
}

// The matrix: every default of a profile that has them all, in every place, in
// every state that a pod can leave it in. A new field is covered by its line in
// that profile.
func TestDecideMatrix(t *testing.T) {
	profile := mustParseProfile(t, everything)
	for _, d := range profile.Container {
		for _, list := range []ContainerType{Init, Regular, Ephemeral} {
			pod := func(osName, containerSC, podSC string) string {
				return fmt.Sprintf(`{spec: {os: {name: %s}, securityContext: %s, %s: [{name: other}, {name: app, securityContext: %s}]}}`,
					osName, podSC, list.List(), containerSC)
			}
			native, foreign, foreignReason := "linux", "windows", WindowsPod
			if d.Field.OS == Windows {
				native, foreign, foreignReason = "windows", "linux", LinuxPod
			}
			hardened := nest(d.Field.Name, string(d.Value.JSON))
			type state struct {
				name, pod string
				want      Result
			}
			states := []state{
				{"unset", pod(native, "null", "null"), Result{Inject, Unset}},
				{"null", pod(native, nest(d.Field.Name, "null"), nest(d.Field.Name, "null")), Result{Inject, Unset}},
				{"set to the hardened value", pod(native, hardened, "{}"), Result{Leave, SetOnContainer}},
				{"set to an empty value", pod(native, nest(d.Field.Name, empty(d)), "{}"), Result{Leave, SetOnContainer}},
				{"set, for another OS", pod(foreign, hardened, "{}"), Result{Leave, SetOnContainer}},
			}
			if d.Field.OS != "" {
				states = append(states, state{"unset, for another OS", pod(foreign, "{}", "{}"), Result{Skip, foreignReason}})
			} else {
				states = append(states, state{"unset, for another OS", pod(foreign, "{}", "{}"), Result{Inject, Unset}})
			}
			onPod := Result{Inject, Unset}
			if d.Field.Inherited() {
				onPod = Result{Leave, SetOnPod}
			}
			states = append(states, state{"set on pod", pod(native, "{}", hardened), onPod})

			for _, s := range states {
				t.Run(fmt.Sprintf("%s/%s/%s", d.Field.Name, list, s.name), func(t *testing.T) {
					pod := mustParsePod(t, s.pod)
					decision := decisionOn(t, profile, pod, &pod.Containers[1], d.Field.Name)
					if got := (Result{decision.Outcome, decision.Reason}); got != s.want {
						t.Errorf("decision = %v, want %v, for\n%s", got, s.want, s.pod)
					}
				})
			}
		}
	}
	for _, d := range profile.Pod {
		native := "linux"
		if d.Field.OS == Windows {
			native = "windows"
		}
		for name, s := range map[string]struct {
			sc   string
			want Result
		}{
			"unset": {"null", Result{Inject, Unset}},
			"null":  {nest(d.Field.Name, "null"), Result{Inject, Unset}},
			"set":   {nest(d.Field.Name, string(d.Value.JSON)), Result{Leave, SetOnPod}},
			"empty": {nest(d.Field.Name, empty(d)), Result{Leave, SetOnPod}},
		} {
			t.Run(fmt.Sprintf("%s/pod/%s", d.Field.Name, name), func(t *testing.T) {
				pod := mustParsePod(t, fmt.Sprintf(`{spec: {os: {name: %s}, securityContext: %s, containers: [{name: app}]}}`, native, s.sc))
				decision := decisionOn(t, profile, pod, nil, d.Field.Name)
				if got := (Result{decision.Outcome, decision.Reason}); got != s.want {
					t.Errorf("decision = %v, want %v", got, s.want)
				}
			})
		}
	}
}

// decisionOn returns the decision on a field in a container, or at pod level for nil.
func decisionOn(t *testing.T, profile *Profile, pod *Pod, c *Container, field string) Decision {
	t.Helper()
	for _, d := range decisionsOn(c, profile.Decide(pod)) {
		if d.Field.Name == field {
			return d
		}
	}
	t.Fatalf("no decision on %s", field)
	return Decision{}
}

// empty returns a value of the field's JSON type that looks like nothing: an
// author who wrote it has decided all the same.
func empty(d Default) string {
	switch d.Value.JSON[0] {
	case '{':
		return "{}"
	case '[':
		return "[]"
	case '"':
		return `""`
	case 't', 'f':
		return "false"
	default:
		return "0"
	}
}

func TestEverythingNamesEveryDefault(t *testing.T) {
	profile := mustParseProfile(t, everything)
	for _, f := range Fields() {
		for level, defaults := range map[Level][]Default{ContainerLevel: profile.Container, PodLevel: profile.Pod} {
			want := f.Levels&level != 0 && !f.AuthorOnly
			got := slices.ContainsFunc(defaults, func(d Default) bool { return d.Field == f })
			if got != want {
				t.Errorf("%s at level %d: the test profile has a default: %t, want %t", f.Name, level, got, want)
			}
		}
	}
}

// Values go into the pod as the API type would write them.
func TestValuesAreTheAPIs(t *testing.T) {
	profile := mustParseProfile(t, everything)
	for _, d := range slices.Concat(profile.Container, profile.Pod) {
		typed, err := json.Marshal(d.Value.Typed)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(typed), string(d.Value.JSON)); diff != "" {
			t.Errorf("%s: JSON and typed value differ (-typed +JSON):\n%s", d.Field.Name, diff)
		}
	}
}

// everythingLeft leaves, in some containers, all that everything has.
var everythingLeft = everything + `
---
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: everything-left}
spec:
  base: everything
  exceptions:
  - {match: {containers: [userless]}, leave: [runAsUser], reason: a test}
  - match: {containers: [left]}
    leave: [allowPrivilegeEscalation, appArmorProfile, capabilities.drop, fsGroup, fsGroupChangePolicy, privileged, procMount,
      readOnlyRootFilesystem, runAsGroup, runAsNonRoot, runAsUser, seLinuxChangePolicy, seLinuxOptions, seccompProfile,
      supplementalGroups, supplementalGroupsPolicy, sysctls, windowsOptions]
    reason: a test
---
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: everything-given}
spec:
  exceptions:
  - match: {containerTypes: [init, regular, ephemeral]}
    container: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, runAsGroup: 100001, seccompProfile: {type: RuntimeDefault}}
    reason: a test
---
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: everything-requested}
spec:
  base: everything
  selfService: [allowPrivilegeEscalation, appArmorProfile, capabilities.drop, fsGroup, fsGroupChangePolicy, privileged, procMount,
    readOnlyRootFilesystem, runAsGroup, runAsNonRoot, runAsUser, seLinuxChangePolicy, seLinuxOptions, seccompProfile,
    supplementalGroups, supplementalGroupsPolicy, sysctls, windowsOptions]
`

// allFields returns what asks to leave every field.
func allFields() string {
	var names []string
	for _, f := range Fields() {
		names = append(names, f.Name)
	}
	return strings.Join(names, ",")
}

// Results must list what decide gives, and nothing that it cannot give: metric
// series are made from it.
func TestResultsAreThoseOfTheCases(t *testing.T) {
	profiles, err := profile.Parse([]profile.File{{Name: "test.yaml", Data: []byte(everythingLeft)}})
	if err != nil {
		t.Fatal(err)
	}
	var pods []string
	for _, c := range conflictCases {
		pods = append(pods, c.pod)
	}
	everythingProfile := mustParseProfile(t, everything)
	for _, osName := range []string{"linux", "windows"} {
		pods = append(pods, fmt.Sprintf(`{spec: {os: {name: %s}, containers: [{}]}}`, osName),
			fmt.Sprintf(`{spec: {os: {name: %s}, containers: [{name: left}]}}`, osName),
			fmt.Sprintf(`{metadata: {annotations: {caseharden.io/leave: %q}}, spec: {os: {name: %s}, containers: [{}]}}`, allFields(), osName),
			fmt.Sprintf(`{metadata: {annotations: {caseharden.io/leave: runAsUser}}, spec: {os: {name: %s}, containers: [{}]}}`, osName),
			fmt.Sprintf(`{spec: {os: {name: %s}, containers: [{name: userless}]}}`, osName))
		for _, d := range everythingProfile.Pod {
			pods = append(pods, fmt.Sprintf(`{spec: {os: {name: %s}, securityContext: %s, containers: [{}]}}`, osName, nest(d.Field.Name, string(d.Value.JSON))))
		}
		for _, d := range everythingProfile.Container {
			pods = append(pods, fmt.Sprintf(`{spec: {os: {name: %s}, containers: [{securityContext: %s}]}}`, osName, nest(d.Field.Name, string(d.Value.JSON))))
		}
	}
	for _, profile := range profiles {
		seen := map[string]map[Result]bool{}
		listed := profile.Results()
		for _, data := range pods {
			pod := mustParsePod(t, data)
			for _, d := range profile.Decide(pod) {
				v := Result{d.Outcome, d.Reason}
				if seen[d.Field.Name] == nil {
					seen[d.Field.Name] = map[Result]bool{}
				}
				seen[d.Field.Name][v] = true
				if !slices.Contains(listed[d.Field.Name], v) {
					t.Errorf("profile %s: %s: %v was given, and Results does not list it", profile.Name, d.Field.Name, v)
				}
			}
		}
		for field, results := range listed {
			for _, v := range results {
				// In everything, whose user is always injected beside its group, no pod
				// brings this about.
				if !seen[field][v] && !(profile.Name == "everything" && v.Reason == GroupWithoutUser) {
					t.Errorf("profile %s: %s: Results lists %v, which no case brought about", profile.Name, field, v)
				}
			}
		}
	}
}
