// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// everything gives every field that can have a default one, at every level.
const everything = `
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: everything}
spec:
  container:
    allowPrivilegeEscalation: false
    appArmorProfile: {type: RuntimeDefault}
    capabilities: {drop: [ALL]}
    privileged: false
    procMount: Default
    readOnlyRootFilesystem: true
    runAsGroup: 10001
    runAsNonRoot: true
    runAsUser: 10001
    seLinuxOptions: {level: "s0:c1,c2"}
    seccompProfile: {type: RuntimeDefault}
    windowsOptions: {runAsUserName: ContainerUser}
  pod:
    appArmorProfile: {type: RuntimeDefault}
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    runAsGroup: 10001
    runAsNonRoot: true
    runAsUser: 10001
    seLinuxChangePolicy: MountOption
    seLinuxOptions: {level: "s0:c1,c2"}
    seccompProfile: {type: RuntimeDefault}
    supplementalGroups: [10001]
    supplementalGroupsPolicy: Strict
    sysctls: [{name: net.ipv4.tcp_syncookies, value: "1"}, {name: kernel.shm_rmid_forced, value: "1"}, {name: user.max_user_namespaces, value: "1"}]
    windowsOptions: {runAsUserName: ContainerUser}
`

func mustParseProfile(t *testing.T, data string) *Profile {
	t.Helper()
	p, err := parseProfile([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return p
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
// the profile above.
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
				want      Verdict
			}
			states := []state{
				{"unset", pod(native, "null", "null"), Verdict{Inject, Unset}},
				{"null", pod(native, nest(d.Field.Name, "null"), nest(d.Field.Name, "null")), Verdict{Inject, Unset}},
				{"set to the hardened value", pod(native, hardened, "{}"), Verdict{Leave, SetOnContainer}},
				{"set to an empty value", pod(native, nest(d.Field.Name, empty(d)), "{}"), Verdict{Leave, SetOnContainer}},
				{"set, for another OS", pod(foreign, hardened, "{}"), Verdict{Leave, SetOnContainer}},
			}
			if d.Field.OS != "" {
				states = append(states, state{"unset, for another OS", pod(foreign, "{}", "{}"), Verdict{Skip, foreignReason}})
			} else {
				states = append(states, state{"unset, for another OS", pod(foreign, "{}", "{}"), Verdict{Inject, Unset}})
			}
			onPod := Verdict{Inject, Unset}
			if d.Field.Inherited() {
				onPod = Verdict{Leave, SetOnPod}
			}
			states = append(states, state{"set on pod", pod(native, "{}", hardened), onPod})

			for _, s := range states {
				t.Run(fmt.Sprintf("%s/%s/%s", d.Field.Name, list, s.name), func(t *testing.T) {
					pod := mustParsePod(t, s.pod)
					outcome, reason := decide(pod, &pod.Containers[1], d)
					if got := (Verdict{outcome, reason}); got != s.want {
						t.Errorf("decide = %v, want %v, for\n%s", got, s.want, s.pod)
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
			want Verdict
		}{
			"unset": {"null", Verdict{Inject, Unset}},
			"null":  {nest(d.Field.Name, "null"), Verdict{Inject, Unset}},
			"set":   {nest(d.Field.Name, string(d.Value.JSON)), Verdict{Leave, SetOnPod}},
			"empty": {nest(d.Field.Name, empty(d)), Verdict{Leave, SetOnPod}},
		} {
			t.Run(fmt.Sprintf("%s/pod/%s", d.Field.Name, name), func(t *testing.T) {
				pod := mustParsePod(t, fmt.Sprintf(`{spec: {os: {name: %s}, hostUsers: false, securityContext: %s, containers: [{name: app}]}}`, native, s.sc))
				outcome, reason := decide(pod, nil, d)
				if got := (Verdict{outcome, reason}); got != s.want {
					t.Errorf("decide = %v, want %v", got, s.want)
				}
			})
		}
	}
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

// Verdicts must list what decide gives, and nothing that it cannot give: metric
// series are made from it.
func TestVerdictsAreThoseOfTheCases(t *testing.T) {
	seen := map[string]map[Verdict]bool{}
	note := func(level Level, d Default, v Verdict) {
		key := fmt.Sprintf("%s at level %d", d.Field.Name, level)
		if seen[key] == nil {
			seen[key] = map[Verdict]bool{}
		}
		seen[key][v] = true
		if !slices.Contains(d.Verdicts(level), v) {
			t.Errorf("%s: decide gave %v, which Verdicts does not list", key, v)
		}
	}
	profile := mustParseProfile(t, everything)
	var pods []string
	for _, c := range conflictCases {
		pods = append(pods, c.pod)
	}
	for _, osName := range []string{"linux", "windows"} {
		pods = append(pods, fmt.Sprintf(`{spec: {os: {name: %s}, hostUsers: false, containers: [{}]}}`, osName))
		for _, d := range profile.Pod {
			pods = append(pods, fmt.Sprintf(`{spec: {os: {name: %s}, securityContext: %s, containers: [{}]}}`, osName, nest(d.Field.Name, string(d.Value.JSON))))
		}
		for _, d := range profile.Container {
			pods = append(pods, fmt.Sprintf(`{spec: {os: {name: %s}, containers: [{securityContext: %s}]}}`, osName, nest(d.Field.Name, string(d.Value.JSON))))
		}
	}
	for _, data := range pods {
		pod := mustParsePod(t, data)
		for _, d := range profile.Pod {
			outcome, reason := decide(pod, nil, d)
			note(PodLevel, d, Verdict{outcome, reason})
		}
		for i := range pod.Containers {
			for _, d := range profile.Container {
				outcome, reason := decide(pod, &pod.Containers[i], d)
				note(ContainerLevel, d, Verdict{outcome, reason})
			}
		}
	}
	for level, defaults := range map[Level][]Default{ContainerLevel: profile.Container, PodLevel: profile.Pod} {
		for _, d := range defaults {
			for _, v := range d.Verdicts(level) {
				if key := fmt.Sprintf("%s at level %d", d.Field.Name, level); !seen[key][v] {
					t.Errorf("%s: Verdicts lists %v, which no case brought about", key, v)
				}
			}
		}
	}
}
