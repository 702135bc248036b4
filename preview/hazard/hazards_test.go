// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/profiletest"
)

// A hazardCase is a pod, a profile, and the containers for which the hazard
// holds then.
type hazardCase struct {
	id, name string
	profile  string   // hardened where empty
	pod      string   // YAML
	mount    string   // where the profile's writable path is mounted, in every container
	claims   []string // volumes of volumeClaimTemplates
	want     []string // names of containers; onPod
	says     []string // parts of what it says, on the last of them
	own      string   // the spec of a profile, in YAML, in place of a built-in one
	runtime  string   // of the nodes
	silent   string   // what it must not say
}

const containerd1, containerd2 = "containerd://1.7.29", "containerd://2.2.0"

const onPod = "(pod)"

// pair makes the pair of a case.
func (c hazardCase) pair(t *testing.T) Pair {
	t.Helper()
	p := profiletest.Builtin(t, cmp.Or(c.profile, "hardened"))
	if c.own != "" {
		p = profiletest.Own(t, c.own)
	}
	made := Pair{ClaimTemplates: map[string]bool{}}
	made.Before, made.After, made.Windows = profiletest.Inject(t, p, profiletest.FromYAML(t, c.pod))
	for _, name := range c.claims {
		made.ClaimTemplates[name] = true
	}
	if c.mount != "" {
		spec := &made.After.Spec
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "writable", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		for i, container := range allContainers(spec) {
			if own := allContainers(&made.Before.Spec)[i].SecurityContext; own != nil && own.ReadOnlyRootFilesystem != nil {
				continue // the profile mounts where it makes the root file system read-only
			}
			container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: "writable", MountPath: c.mount})
		}
	}
	return made
}

// find returns the findings of a case.
func (c hazardCase) find(t *testing.T) []evidence.Finding {
	t.Helper()
	return find(c.pair(t), c.facts)
}

func (c hazardCase) facts(*Subject) evidence.Facts { return evidence.Facts{Runtime: c.runtime} }

func TestHazards(t *testing.T) {
	for _, c := range hazardCases {
		t.Run(c.id+"/"+c.name, func(t *testing.T) {
			var got []string
			var last evidence.Finding
			for _, h := range c.find(t) {
				if h.What == "" || h.Fix == "" {
					t.Errorf("%s says too little: %+v", h.ID, h)
				}
				if h.ID != c.id {
					continue
				}
				name := h.Container
				if name == "" {
					name = onPod
				}
				got, last = append(got, name), h
			}
			if diff := gocmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s holds for (-want +got):\n%s", c.id, diff)
			}
			if text := last.What + "\n" + last.Fix; c.silent != "" && strings.Contains(text, c.silent) {
				t.Errorf("it says %q in:\n%s", c.silent, text)
			}
			for _, part := range c.says {
				if text := last.What + "\n" + last.Fix; !strings.Contains(text, part) {
					t.Errorf("nothing says %q in:\n%s", part, text)
				}
			}
		})
	}
}

// find lists what breaks or may break between the two sides of a pair: first what concerns
// the pod as a whole, then container by container (init, regular, ephemeral), and within
// each in the order of the IDs. Facts returns what is known of a container apart from its
// manifest; nil is nothing.
func find(p Pair, facts func(container *Subject) evidence.Facts) []evidence.Finding {
	found, containers := Examine(p)
	for _, c := range containers {
		var f evidence.Facts
		if facts != nil {
			f = facts(c)
		}
		found = append(found, c.Judge(f)...)
	}
	return found
}

// Each hazard has a case in which it holds, and a near miss.
func TestHazardsHaveCases(t *testing.T) {
	causes := []evidence.Cause{{ID: "low-port"}} // it needs no image
	for _, r := range rules {
		causes = append(causes, r.Cause)
	}
	for _, cause := range causes {
		holds, misses := false, false
		for _, c := range hazardCases {
			holds = holds || c.id == cause.ID && len(c.want) > 0
			misses = misses || c.id == cause.ID && len(c.want) == 0
		}
		if !holds || !misses {
			t.Errorf("%s: a case in which it holds: %t; a near miss: %t", cause.ID, holds, misses)
		}
	}
	for _, c := range hazardCases {
		if !slices.ContainsFunc(Causes(), func(cause evidence.Cause) bool { return cause.ID == c.id }) {
			t.Errorf("there is no hazard %q", c.id)
		}
	}
}

// What was so before is never laid at our door.
func TestEqualSidesHaveNoHazard(t *testing.T) {
	for _, c := range hazardCases {
		made := c.pair(t)
		for _, side := range []*corev1.PodTemplateSpec{made.Before, made.After} {
			same := made
			same.Before, same.After = side, side
			if got := find(same, c.facts); len(got) > 0 {
				t.Errorf("%s/%s: nothing changes, and yet: %+v", c.id, c.name, got)
			}
		}
	}
}

// Whatever a Linux pod would get, a pod for Windows has no Linux hazard.
func TestWindowsPodsHaveNoLinuxHazards(t *testing.T) {
	for _, c := range hazardCases {
		made := c.pair(t)
		made.Windows = true
		for _, h := range find(made, c.facts) {
			if h.ID != imageUserUnknown.ID {
				t.Errorf("%s/%s: on Windows %s", c.id, c.name, h.ID)
			}
		}
	}
}

func TestHazardsAreInOrder(t *testing.T) {
	c := hazardCase{
		runtime: containerd1,
		own:     `{container: {appArmorProfile: {type: RuntimeDefault}, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 10001}, pod: {supplementalGroupsPolicy: Strict}}`,
		pod: `{spec: {
			initContainers: [{name: z, ports: [{containerPort: 80}]}],
			containers: [{name: b}, {name: a, ports: [{containerPort: 80}]}],
			ephemeralContainers: [{name: e}]}}`,
	}
	want := [][2]string{
		{"", "apparmor-node"}, {"", "supplemental-groups-policy"},
		{"z", "low-port"}, {"z", "read-only-root"},
		{"b", "read-only-root"},
		{"a", "low-port"}, {"a", "read-only-root"},
		{"e", "read-only-root"},
	}
	var got [][2]string
	for _, h := range c.find(t) {
		got = append(got, [2]string{h.Container, h.ID})
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("hazards (-want +got):\n%s", diff)
	}
}

func TestHazardInfos(t *testing.T) {
	causes := Causes()
	if !slices.IsSortedFunc(causes, func(a, b evidence.Cause) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("the hazards are not in the order of their IDs")
	}
	seen := map[string]bool{}
	for _, r := range rules {
		if (r.OfPod == nil) == (r.OfContainer == nil) {
			t.Errorf("%s must be either of the pod or of containers", r.ID)
		}
		if len(r.Settings) == 0 || r.Severity == "" {
			t.Errorf("%s says neither settings nor severity", r.ID)
		}
	}
	for _, cause := range causes {
		if seen[cause.ID] || seen[cause.Title] {
			t.Errorf("%s (%s): there are two", cause.ID, cause.Title)
		}
		seen[cause.ID], seen[cause.Title] = true, true
		if len(strings.Fields(cause.Title)) > 6 {
			t.Errorf("%s: the title %q is long", cause.ID, cause.Title)
		}
		if cause.Title == "" || cause.When == "" || cause.Because == "" || cause.Fix == "" {
			t.Errorf("%s is not explained: %+v", cause.ID, cause)
		}
	}
}

func ptr[T any](v T) *T { return &v }
