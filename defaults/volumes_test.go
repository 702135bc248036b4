// SPDX-License-Identifier: Apache-2.0

package defaults_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	. "github.com/caseharden/caseharden/defaults"
)

func TestWritablePathsFor(t *testing.T) {
	profile := mustParseProfile(t, head+`spec:
  base: hardened
  writablePaths: [{path: /tmp, sizeLimit: 64Mi}, {path: /var/cache/app, sizeLimit: 1Gi}]`)
	for name, tt := range map[string]struct {
		pod  string
		want []string
	}{
		"no mounts":                {`{containers: [{}]}`, []string{"/tmp", "/var/cache/app"}},
		"null":                     {`{containers: [{volumeMounts: null}]}`, []string{"/tmp", "/var/cache/app"}},
		"a mount there":            {`{containers: [{volumeMounts: [{mountPath: /tmp}]}]}`, []string{"/var/cache/app"}},
		"spelt in another way":     {`{containers: [{volumeMounts: [{mountPath: /tmp/./}]}]}`, []string{"/var/cache/app"}},
		"a relative mount":         {`{containers: [{volumeMounts: [{mountPath: tmp}]}]}`, []string{"/var/cache/app"}},
		"a relative device":        {`{containers: [{volumeDevices: [{devicePath: tmp}]}]}`, []string{"/var/cache/app"}},
		"a mount above":            {`{containers: [{volumeMounts: [{mountPath: /var}]}]}`, []string{"/tmp"}},
		"a mount of all":           {`{containers: [{volumeMounts: [{mountPath: /}]}]}`, nil},
		"a mount below":            {`{containers: [{volumeMounts: [{mountPath: /tmp/x}]}]}`, []string{"/tmp", "/var/cache/app"}},
		"a mount beside":           {`{containers: [{volumeMounts: [{mountPath: /tmpfs}, {mountPath: /var/cache/application}]}]}`, []string{"/tmp", "/var/cache/app"}},
		"a device there":           {`{containers: [{volumeDevices: [{devicePath: /tmp}]}]}`, []string{"/var/cache/app"}},
		"another container's":      {`{initContainers: [{volumeMounts: [{mountPath: /tmp}]}], containers: [{volumeMounts: [{mountPath: /tmp}]}, {}]}`, []string{"/tmp", "/var/cache/app"}},
		"an init container":        {`{initContainers: [{}]}`, []string{"/tmp", "/var/cache/app"}},
		"an ephemeral container":   {`{ephemeralContainers: [{}]}`, nil},
		"after one that is a null": {`{containers: [null, {volumeMounts: [{mountPath: /tmp}]}]}`, []string{"/var/cache/app"}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := mustParsePod(t, "spec: "+tt.pod)
			raw, err := yaml.YAMLToJSON([]byte("spec: " + tt.pod))
			if err != nil {
				t.Fatal(err)
			}
			volumes, err := ParseVolumes(raw)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			c := &pod.Containers[len(pod.Containers)-1]
			paths, _ := profile.WritablePathsFor(pod, c)
			for _, w := range volumes.Uncovered(c, paths) {
				got = append(got, w.Path)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
		})
	}
}

// The paths of the first exception that has some come on top of the profile's.
func TestWritablePathsOfExceptions(t *testing.T) {
	profile := mustParseProfile(t, head+`spec:
  base: hardened
  writablePaths: [{path: /tmp, sizeLimit: 64Mi}, {path: /run}]
  exceptions:
  - {match: {containers: [a, b]}, leave: [runAsUser], reason: no paths}
  - {match: {containers: [b, c]}, writablePaths: [{path: /var/lib/b}, {path: /tmp, sizeLimit: 1Gi}], reason: x}
  - {match: {containers: [c]}, writablePaths: [{path: /var/lib/c}], reason: too late}`)
	for name, want := range map[string][]WritablePath{
		"a": {{Path: "/tmp", SizeLimit: "64Mi"}, {Path: "/run"}},
		"b": {{Path: "/var/lib/b"}, {Path: "/tmp", SizeLimit: "1Gi"}, {Path: "/run"}},
		"c": {{Path: "/var/lib/b"}, {Path: "/tmp", SizeLimit: "1Gi"}, {Path: "/run"}},
	} {
		pod := mustParsePod(t, "{spec: {containers: [{name: "+name+"}]}}")
		got, by := profile.WritablePathsFor(pod, &pod.Containers[0])
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("container %s (-want +got):\n%s", name, diff)
		}
		if (by != nil) != (name != "a") {
			t.Errorf("container %s: by %+v", name, by)
		}
		pod = mustParsePod(t, "{spec: {ephemeralContainers: [{name: "+name+"}]}}")
		if got, _ := profile.WritablePathsFor(pod, &pod.Containers[0]); got != nil {
			t.Errorf("ephemeral container %s: %v", name, got)
		}
	}
}
