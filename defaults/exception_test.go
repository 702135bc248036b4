// SPDX-License-Identifier: Apache-2.0

package defaults_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	. "github.com/caseharden/caseharden/defaults"
)

const withExceptions = `
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: test}
spec:
  container: {readOnlyRootFilesystem: true, runAsUser: 10001}
  pod: {runAsGroup: 2, runAsUser: 1, runAsNonRoot: true, fsGroup: 3}
  exceptions:
  - {match: {containers: ["istio-*"]}, leave: [runAsUser], reason: the mesh picks it}
  - {match: {containerTypes: [ephemeral]}, leave: [readOnlyRootFilesystem], reason: debuggers write}
  - {match: {privileged: true}, leave: [runAsUser, fsGroup], reason: needs root}
  - {match: {images: [jenkins/jenkins]}, container: {runAsUser: 1000, runAsGroup: 1000}, reason: its files are of 1000}
  - {match: {images: [jenkins/jenkins], containers: [late]}, leave: [runAsUser, readOnlyRootFilesystem], reason: too late for the user}
  - {match: {containers: [nonroot]}, leave: [runAsNonRoot], reason: starts as root}
  - {match: {containers: [large]}, container: {runAsUser: 70000}, reason: has a large user}
  - {match: {containers: [large]}, leave: [runAsUser], reason: too late for the user}
`

func TestExceptions(t *testing.T) {
	const (
		readOnly = "readOnlyRootFilesystem: inject true"
		user     = "runAsUser: inject 10001"
	)
	for name, tt := range map[string]struct {
		pod              string
		container, atPod []string // decisions in the last container, and at pod level
	}{
		"none": {`{containers: [{name: app, image: nginx}]}`, []string{readOnly, user},
			[]string{"fsGroup: inject 3", "runAsGroup: inject 2", "runAsNonRoot: inject true", "runAsUser: inject 1"}},
		"by name": {`{containers: [{name: istio-proxy}]}`, []string{readOnly, "runAsUser: skip exception (the mesh picks it)"},
			[]string{"fsGroup: inject 3", "runAsGroup: skip group-without-user (" + because("runAsGroup", GroupWithoutUser) + ")", "runAsNonRoot: inject true", "runAsUser: skip exception (the mesh picks it)"}},
		"by type": {`{ephemeralContainers: [{name: debugger}]}`, []string{"readOnlyRootFilesystem: skip exception (debuggers write)", user},
			[]string{"fsGroup: inject 3", "runAsGroup: inject 2", "runAsNonRoot: inject true", "runAsUser: inject 1"}},
		"privileged": {`{containers: [{name: app, securityContext: {privileged: true}}]}`, []string{readOnly, "runAsUser: skip exception (needs root)"},
			[]string{"fsGroup: skip exception (needs root)", "runAsGroup: skip group-without-user (" + because("runAsGroup", GroupWithoutUser) + ")", "runAsNonRoot: inject true", "runAsUser: skip exception (needs root)"}},
		"not privileged": {`{containers: [{name: app, securityContext: {privileged: false}}]}`, []string{readOnly, user},
			[]string{"fsGroup: inject 3", "runAsGroup: inject 2", "runAsNonRoot: inject true", "runAsUser: inject 1"}},
		"other defaults, by image": {`{containers: [{name: app, image: "docker.io/jenkins/jenkins:lts"}]}`,
			[]string{readOnly, "runAsGroup: inject 1000 (its files are of 1000)", "runAsUser: inject 1000 (its files are of 1000)"},
			[]string{"fsGroup: inject 3", "runAsGroup: inject 2", "runAsNonRoot: inject true", "runAsUser: inject 1"}},
		"of several the first that names the field": {`{containers: [{name: late, image: jenkins/jenkins}]}`,
			[]string{"readOnlyRootFilesystem: skip exception (too late for the user)", "runAsGroup: inject 1000 (its files are of 1000)", "runAsUser: inject 1000 (its files are of 1000)"},
			[]string{"fsGroup: inject 3", "runAsGroup: inject 2", "runAsNonRoot: inject true", "runAsUser: inject 1"}},
		"the author's value comes first": {`{containers: [{name: istio-proxy, securityContext: {runAsUser: 5}}]}`, []string{readOnly, "runAsUser: leave set-on-container"},
			[]string{"fsGroup: inject 3", "runAsGroup: inject 2", "runAsNonRoot: inject true", "runAsUser: inject 1"}},
		"the pod's value too": {`{securityContext: {runAsUser: 5}, containers: [{name: istio-proxy}]}`, []string{readOnly, "runAsUser: leave set-on-pod"},
			[]string{"fsGroup: inject 3", "runAsGroup: inject 2", "runAsNonRoot: inject true", "runAsUser: leave set-on-pod"}},
		"left in one of two": {`{containers: [{name: istio-proxy}, {name: app}]}`, []string{readOnly, user},
			[]string{"fsGroup: inject 3", "runAsGroup: skip group-without-user (" + because("runAsGroup", GroupWithoutUser) + ")", "runAsNonRoot: inject true", "runAsUser: skip exception (the mesh picks it)"}},
		// What the container was to get it cannot have, and the pod's value is not what
		// the later exception is about.
		"an earlier exception gives a value that is skipped": {`{hostUsers: false, containers: [{name: large}]}`,
			[]string{readOnly, "runAsUser: skip beyond-user-namespace (" + because("runAsUser", BeyondUserNamespace) + ")"},
			[]string{"fsGroup: inject 3", "runAsGroup: inject 2", "runAsNonRoot: inject true", "runAsUser: inject 1"}},
		"a default for the pod alone": {`{containers: [{name: nonroot}]}`, []string{readOnly, user},
			[]string{"fsGroup: inject 3", "runAsGroup: inject 2", "runAsNonRoot: skip exception (starts as root)", "runAsUser: inject 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			profile, pod := mustParseProfile(t, withExceptions), mustParsePod(t, "spec: "+tt.pod)
			decisions := profile.Decide(pod)
			if diff := cmp.Diff(tt.container, described(decisionsOn(&pod.Containers[len(pod.Containers)-1], decisions))); diff != "" {
				t.Errorf("container (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.atPod, described(decisionsOn(nil, decisions))); diff != "" {
				t.Errorf("pod (-want +got):\n%s", diff)
			}
		})
	}
}

// because returns what a conflict of the field rests on.
func because(field string, reason Reason) string {
	conflicts := FieldByName(field).Conflicts
	return conflicts[slices.IndexFunc(conflicts, func(c Conflict) bool { return c.Reason == reason })].Because
}

// decisionsOn returns the decisions on a container, or at pod level for nil.
func decisionsOn(c *Container, decisions []Decision) []Decision {
	return slices.DeleteFunc(slices.Clone(decisions), func(d Decision) bool { return d.Container != c })
}

func described(decisions []Decision) []string {
	var all []string
	for _, d := range decisions {
		text := fmt.Sprintf("%s: %s ", d.Field.Name, d.Outcome)
		if d.Outcome == Inject {
			text += string(d.Value.JSON)
		} else {
			text += string(d.Reason)
		}
		if d.Because != "" {
			text += " (" + d.Because + ")"
		}
		all = append(all, text)
	}
	return all
}

// The name of an image is read only where a match depends on it, and at one level once
// for all the exceptions.
func TestImagesAreReadOnce(t *testing.T) {
	for pod, want := range map[string]int{
		`{containers: [{name: app, image: nginx}]}`:                       1,
		`{containers: [{name: app}, {name: late}]}`:                       2,
		`{containers: []}`:                                                0,
		`{initContainers: [{name: a}], ephemeralContainers: [{name: b}]}`: 2,
	} {
		profile, asked := mustParseProfile(t, withExceptions), 0
		repositoryOf := profile.RepositoryOf
		profile.RepositoryOf = func(image string) string { asked++; return repositoryOf(image) }
		profile.Pod = nil // the other level
		profile.Decide(mustParsePod(t, "spec: "+pod))
		if asked != want {
			t.Errorf("%s: %d names of images were read, want %d", pod, asked, want)
		}
	}
	named := mustParseProfile(t, head+"spec: {base: hardened, exceptions: [{match: {containers: [a], images: [nginx]}, leave: [runAsUser], reason: x}]}")
	named.RepositoryOf = nil
	named.Decide(mustParsePod(t, "spec: {containers: [{name: b, image: nginx}]}"))
}
