// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// show returns a profile's spec as YAML does.
func show(t *testing.T, p *Profile) map[string]any {
	t.Helper()
	data, err := p.YAML()
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
		"own exceptions come first": {`
base: own
exceptions:
- {match: {images: [jenkins/jenkins], containerTypes: [init], privileged: true, containers: ["b*"]}, container: {runAsUser: 7}, leave: [readOnlyRootFilesystem], reason: own}
`, `{container: {readOnlyRootFilesystem: true}, writablePaths: [{path: /tmp, sizeLimit: 64Mi}],
			exceptions: [{match: {images: [jenkins/jenkins], containerTypes: [init], privileged: true, containers: ["b*"]}, container: {runAsUser: 7}, leave: [readOnlyRootFilesystem], reason: own},
			{match: {containers: [a]}, leave: [readOnlyRootFilesystem], reason: of the base}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustParseProfile(t, head+"spec: "+asFlow(t, tt.spec)+`
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
	p := mustParseProfile(t, everything)
	p.Exceptions = mustParseProfile(t, head+`spec:
  container: {runAsUser: 3}
  exceptions: [{match: {images: ["**/x"]}, leave: [runAsUser], container: {capabilities: {drop: [ALL]}}, reason: x}]`).Exceptions
	data, err := p.YAML()
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := ParseProfiles([]ProfileFile{{Name: "shown.yaml", Data: data}})
	if err != nil {
		t.Fatalf("%v:\n%s", err, data)
	}
	if diff := cmp.Diff(show(t, p), show(t, profiles[0])); diff != "" {
		t.Errorf("spec (-before +after):\n%s", diff)
	}
}

func TestWritablePathsThatCanBeMounted(t *testing.T) {
	for p, want := range map[string]bool{
		"/tmp": true, "/var/cache/nginx": true, "/processes": true, "/devices": true, "/etc": true, "/etc/hosts.d": true, "/systems": true,
		"": false, "/": false, "tmp": false, "./tmp": false, "/tmp/": false, "/tmp//x": false, "/tmp/../x": false, "/a:b": false,
		"/dev": false, "/dev/shm": false, "/dev/termination-log": false, "/etc/hosts": false, "/etc/hostname": false, "/etc/resolv.conf": false, "/proc": false, "/proc/x": false, "/sys": false, "/sys/fs/cgroup": false,
	} {
		if got := isMountable(p); got != want {
			t.Errorf("%q can be mounted: %t, want %t", p, got, want)
		}
	}
}
