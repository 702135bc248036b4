// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/defaults"
)

// mustParse returns the profile of a name.
func mustParse(t *testing.T, name, data string) *defaults.Profile {
	t.Helper()
	profiles, err := Parse([]File{{Name: "test.yaml", Data: []byte(data)}})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(profiles, func(p *defaults.Profile) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("there is no profile %s among those that were read", name)
	}
	return profiles[i]
}

// show returns a profile's spec as YAML does.
func show(t *testing.T, p *defaults.Profile) map[string]any {
	t.Helper()
	data, err := YAML(p)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := yaml.UnmarshalStrict(data, &object); err != nil {
		t.Fatal(err)
	}
	return object["spec"].(map[string]any)
}

func TestProfileOverItsBase(t *testing.T) {
	for name, tt := range map[string]struct{ spec, want string }{
		"as the base": {`{base: restricted}`,
			`{container: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}}`},
		"another value, null, and more": {`
base: hardened
container: {runAsUser: 1000, readOnlyRootFilesystem: null, capabilities: {drop: null}}
pod: {fsGroup: 1000, fsGroupChangePolicy: OnRootMismatch}
`, `{container: {allowPrivilegeEscalation: false, runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}, pod: {fsGroup: 1000, fsGroupChangePolicy: OnRootMismatch}}`},
		"no base": {`{container: {runAsNonRoot: true}}`, `{container: {runAsNonRoot: true}}`},
		"writable paths": {`{base: own, writablePaths: [{path: /run, sizeLimit: 1024Ki}, {path: /tmp, sizeLimit: 1Gi}]}`,
			`{container: {readOnlyRootFilesystem: true}, writablePaths: [{path: /run, sizeLimit: 1Mi}, {path: /tmp, sizeLimit: 1Gi}],
			exceptions: [{match: {containers: [a]}, leave: [readOnlyRootFilesystem], reason: of the base}]}`},
		"no writable paths": {`{base: own, writablePaths: null, exceptions: null}`, `{container: {readOnlyRootFilesystem: true}}`},
		"writable paths of a base whose root they are for no more": {`{base: own, container: {readOnlyRootFilesystem: null, runAsNonRoot: true}}`, `{container: {runAsNonRoot: true}}`},
		"exceptions of a base, as far as they still mean something": {`{base: excepted, container: {runAsUser: null}}`, `{container: {runAsNonRoot: true},
			exceptions: [{match: {containers: [b]}, leave: [runAsNonRoot], reason: two}, {match: {containers: [c]}, container: {runAsGroup: 7}, reason: three}]}`},
		"exceptions of a base that leave what a later one gives": {`{base: given-later}`, `{container: {runAsNonRoot: true},
			exceptions: [{match: {containers: [a]}, leave: [runAsGroup], reason: one}, {match: {containers: ["*"]}, container: {runAsGroup: 7}, reason: two}]}`},
		"a writable path without a limit": {`{container: {readOnlyRootFilesystem: true}, writablePaths: [{path: /tmp}, {path: /run, sizeLimit: null}]}`,
			`{container: {readOnlyRootFilesystem: true}, writablePaths: [{path: /tmp}, {path: /run}]}`},
		"self-service on top of the base's":                                     {`{base: asking, selfService: [runAsNonRoot]}`, `{container: {runAsNonRoot: true, runAsUser: 1}, selfService: [runAsNonRoot, runAsUser]}`},
		"no self-service":                                                       {`{base: asking, selfService: null}`, `{container: {runAsNonRoot: true, runAsUser: 1}}`},
		"self-service of a base, as far as it still means something":            {`{base: asking, container: {runAsUser: null}}`, `{container: {runAsNonRoot: true}}`},
		"writable paths of a base's exception":                                  {`{base: pathed}`, `{container: {readOnlyRootFilesystem: true, runAsUser: 1}, exceptions: [{match: {containers: [a]}, writablePaths: [{path: /run}], reason: one}, {match: {containers: [a]}, leave: [runAsUser], writablePaths: [{path: /tmp}], reason: two, owner: me, reviewBy: "2027-06-30"}]}`},
		"writable paths of a base's exception, whose root they are for no more": {`{base: pathed, container: {readOnlyRootFilesystem: null}}`, `{container: {runAsUser: 1}, exceptions: [{match: {containers: [a]}, leave: [runAsUser], reason: two, owner: me, reviewBy: "2027-06-30"}]}`},
		"own exceptions come first": {`
base: own
exceptions:
- {match: {images: [jenkins/jenkins], containerTypes: [init], privileged: true, containers: ["b*"]}, container: {runAsUser: 7}, leave: [readOnlyRootFilesystem], reason: own}
`, `{container: {readOnlyRootFilesystem: true}, writablePaths: [{path: /tmp, sizeLimit: 64Mi}],
			exceptions: [{match: {images: [jenkins/jenkins], containerTypes: [init], privileged: true, containers: ["b*"]}, container: {runAsUser: 7}, leave: [readOnlyRootFilesystem], reason: own},
			{match: {containers: [a]}, leave: [readOnlyRootFilesystem], reason: of the base}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustParse(t, "x", head+"spec: "+asFlow(t, tt.spec)+`
---
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: own}
spec:
  container: {readOnlyRootFilesystem: true}
  writablePaths: [{path: /tmp, sizeLimit: 64Mi}]
  exceptions: [{match: {containers: [a]}, leave: [readOnlyRootFilesystem], reason: of the base}]
---
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: excepted}
spec:
  container: {runAsNonRoot: true, runAsUser: 1}
  exceptions:
  - {match: {containers: [a]}, leave: [runAsUser], reason: one}
  - {match: {containers: [b]}, leave: [runAsNonRoot, runAsUser], reason: two}
  - {match: {containers: [c]}, leave: [runAsUser], container: {runAsGroup: 7}, reason: three}
---
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: asking}
spec:
  container: {runAsNonRoot: true, runAsUser: 1}
  selfService: [runAsUser]
---
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: pathed}
spec:
  container: {readOnlyRootFilesystem: true, runAsUser: 1}
  exceptions:
  - {match: {containers: [a]}, writablePaths: [{path: /run}], reason: one}
  - {match: {containers: [a]}, leave: [runAsUser], writablePaths: [{path: /tmp}], reason: two, owner: me, reviewBy: 2027-06-30}
---
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: given-later}
spec:
  container: {runAsNonRoot: true}
  exceptions:
  - {match: {containers: [a]}, leave: [runAsGroup], reason: one}
  - {match: {containers: ["*"]}, container: {runAsGroup: 7}, reason: two}
`)
			var want map[string]any
			if err := yaml.UnmarshalStrict([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, show(t, p)); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
		})
	}
}

// asFlow returns YAML on one line.
func asFlow(t *testing.T, data string) string {
	t.Helper()
	flow, err := yaml.YAMLToJSON([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return string(flow)
}

// What show prints is a profile that says the same.
func TestYAMLIsAProfile(t *testing.T) {
	everything, err := os.ReadFile("../testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := mustParse(t, "everything", string(everything))
	p.Exceptions = mustParse(t, "x", head+`spec:
  container: {runAsUser: 3, readOnlyRootFilesystem: true}
  exceptions:
  - {match: {images: ["**/x"]}, leave: [runAsUser], container: {capabilities: {drop: [ALL]}}, reason: x}
  - match: {privileged: true, addsCapabilities: true, runAsNonRoot: true, podLabels: {app.kubernetes.io/name: x, empty: ""}}
    writablePaths: [{path: /tmp, sizeLimit: 1Mi}, {path: /run}]
    reason: x
    owner: team a
    reviewBy: 2027-06-30
`).Exceptions
	p.SelfService = []*defaults.Field{defaults.FieldByName("fsGroup"), defaults.FieldByName("runAsUser")}
	data, err := YAML(p)
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := Parse([]File{{Name: "shown.yaml", Data: data}})
	if err != nil {
		t.Fatalf("%v:\n%s", err, data)
	}
	if diff := cmp.Diff(show(t, p), show(t, profiles[slices.IndexFunc(profiles, func(p *defaults.Profile) bool { return p.Name == "everything" })])); diff != "" {
		t.Errorf("spec (-before +after):\n%s", diff)
	}
}

func TestWritablePathsThatCanBeMounted(t *testing.T) {
	for p, want := range map[string]bool{
		"/tmp": true, "/var/cache/nginx": true, "/processes": true, "/devices": true, "/etc": true, "/etc/hosts.d": true, "/systems": true,
		"": false, "/": false, "tmp": false, "./tmp": false, "/tmp/": false, "/tmp//x": false, "/tmp/../x": false, "/a:b": false,
		"/dev": false, "/dev/shm": false, "/dev/termination-log": false, "/etc/hosts": false, "/etc/hostname": false, "/etc/resolv.conf": false, "/proc": false, "/proc/x": false, "/sys": false, "/sys/fs/cgroup": false,
	} {
		if got := IsMountable(p); got != want {
			t.Errorf("%q can be mounted: %t, want %t", p, got, want)
		}
	}
}

func TestBuiltinProfiles(t *testing.T) {
	psa := map[string]string{
		"allowPrivilegeEscalation": `false`,
		"capabilities.drop":        `["ALL"]`,
		"runAsNonRoot":             `true`,
		"seccompProfile":           `{"type":"RuntimeDefault"}`,
	}
	all := maps.Clone(psa)
	all["readOnlyRootFilesystem"] = `true`
	all["runAsUser"] = `10001`
	want := map[string]map[string]string{"compatible": all, "hardened": all, "restricted": psa}

	profiles, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]string{}
	for _, p := range profiles {
		got[p.Name] = map[string]string{}
		for _, d := range p.Container {
			got[p.Name][d.Field.Name] = string(d.Value.JSON)
		}
		if len(p.Pod) > 0 {
			t.Errorf("profile %s has %d defaults at pod level, want none", p.Name, len(p.Pod))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("built-in profiles (-want +got):\n%s", diff)
	}
}
