// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/profiletest"
)

// A fix is a phrase of what a hazard suggests, and what it means for a manifest.
type fix struct {
	phrase *regexp.Regexp
	apply  func(spec *corev1.PodSpec, c *corev1.Container, match []string)
}

var fixes = []fix{
	{regexp.MustCompile(`runAsUser: (\d+)`), func(_ *corev1.PodSpec, c *corev1.Container, match []string) {
		own(c).RunAsUser = number(match[1])
	}},
	{regexp.MustCompile(`set runAsUser to `), func(_ *corev1.PodSpec, c *corev1.Container, _ []string) { own(c).RunAsUser = ptr(int64(7)) }},
	{regexp.MustCompile(`set runAsGroup to `), func(_ *corev1.PodSpec, c *corev1.Container, _ []string) { own(c).RunAsGroup = ptr(int64(7)) }},
	{regexp.MustCompile(`runAsNonRoot: false`), func(_ *corev1.PodSpec, c *corev1.Container, _ []string) { own(c).RunAsNonRoot = ptr(false) }},
	{regexp.MustCompile(`allowPrivilegeEscalation: true`), func(_ *corev1.PodSpec, c *corev1.Container, _ []string) {
		own(c).AllowPrivilegeEscalation = ptr(true)
	}},
	{regexp.MustCompile(`readOnlyRootFilesystem: false`), func(_ *corev1.PodSpec, c *corev1.Container, _ []string) {
		own(c).ReadOnlyRootFilesystem = ptr(false)
	}},
	{regexp.MustCompile(`capabilities\.drop: \[ALL\]`), func(_ *corev1.PodSpec, c *corev1.Container, _ []string) {
		capabilities(c).Drop = []corev1.Capability{"ALL"}
	}},
	{regexp.MustCompile(`add ([A-Z_]+(?:(?:, | and )[A-Z_]+)*) to capabilities\.add|capabilities\.add what it needs, such as ([A-Z_, and]+)|capabilities: \{add: \[([A-Z_]+)\]\}`),
		func(_ *corev1.PodSpec, c *corev1.Container, match []string) {
			for _, name := range regexp.MustCompile(`[A-Z_]+`).FindAllString(strings.Join(match[1:], " "), -1) {
				capabilities(c).Add = append(capabilities(c).Add, corev1.Capability(name))
			}
		}},
	{regexp.MustCompile(`add what it needs of these to capabilities\.add`), func(_ *corev1.PodSpec, c *corev1.Container, _ []string) {
		capabilities(c).Add = append(capabilities(c).Add, "NET_RAW")
	}},
	{regexp.MustCompile(`windowsOptions\.runAsUserName: ContainerUser`), func(_ *corev1.PodSpec, c *corev1.Container, _ []string) {
		own(c).WindowsOptions = &corev1.WindowsSecurityContextOptions{RunAsUserName: ptr("ContainerUser")}
	}},
	{regexp.MustCompile(`fsGroup: (\d+)`), func(spec *corev1.PodSpec, _ *corev1.Container, match []string) {
		ofPod(spec).FSGroup = number(match[1])
	}},
	{regexp.MustCompile(`supplementalGroups to `), func(spec *corev1.PodSpec, _ *corev1.Container, _ []string) {
		ofPod(spec).SupplementalGroups = []int64{7}
	}},
	{regexp.MustCompile(`supplementalGroupsPolicy: (Merge|Strict)`), func(spec *corev1.PodSpec, _ *corev1.Container, match []string) {
		ofPod(spec).SupplementalGroupsPolicy = ptr(corev1.SupplementalGroupsPolicy(match[1]))
	}},
	{regexp.MustCompile(`set seLinuxOptions in the manifest`), func(spec *corev1.PodSpec, _ *corev1.Container, _ []string) {
		ofPod(spec).SELinuxOptions = &corev1.SELinuxOptions{Level: "s0"}
	}},
	{regexp.MustCompile(`sysctl \{name: (\S+), value: "(\d+)"\}`), func(spec *corev1.PodSpec, _ *corev1.Container, match []string) {
		ofPod(spec).Sysctls = []corev1.Sysctl{{Name: match[1], Value: match[2]}}
	}},
	{regexp.MustCompile(`spec\.os\.name: windows`), func(spec *corev1.PodSpec, _ *corev1.Container, _ []string) {
		spec.OS = &corev1.PodOS{Name: corev1.Windows}
	}},
	{regexp.MustCompile(`mount it readOnly: true`), func(_ *corev1.PodSpec, c *corev1.Container, _ []string) {
		for i := range c.VolumeMounts {
			c.VolumeMounts[i].ReadOnly = true
		}
	}},
	{regexp.MustCompile(`mount an emptyDir where it writes`), func(spec *corev1.PodSpec, c *corev1.Container, _ []string) {
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "fix", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		for _, at := range []string{"/tmp", "/run"} {
			if !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == at }) {
				c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "fix", MountPath: at})
			}
		}
	}},
	{regexp.MustCompile(`set a mode that .*\((0\d+)\)`), func(spec *corev1.PodSpec, _ *corev1.Container, match []string) { setModes(spec, match[1]) }},
	{regexp.MustCompile(`listen on a port above 1023`), func(_ *corev1.PodSpec, c *corev1.Container, _ []string) {
		for i := range c.Ports {
			c.Ports[i].ContainerPort, c.Ports[i].HostPort = int32(8080+i), 0
		}
	}},
}

// elsewhere are the parts of fixes that are about nodes, images and the profile.
var elsewhere = regexp.MustCompile(`in the profile|out of the profile|the profile writablePaths|give the profile|the nodes|every node|all nodes|` +
	`^if the image has files there that it needs|fsGroup can take the place|the image can hold|the capabilities that it adds stay`)

// alternatives are what one can do in place of the other. A fix for one kind of volume
// and a fix for another belong together.
var alternatives = regexp.MustCompile(`(?:;|,)? or (?:set |mount |let |add |give |except |configure |take |use |runAsUser: |runAsNonRoot: |supplementalGroups |a mode )|; where `)

// What a hazard suggests for the manifest makes the hazard go away.
func TestFixesHelp(t *testing.T) {
	for _, c := range hazardCases {
		for _, h := range c.find(t) {
			for _, part := range parts(h.Fix) {
				fixed, ok := c.fixed(t, h, part)
				if !ok {
					if !elsewhere.MatchString(part) {
						t.Errorf("%s/%s: %s: what does %q mean, in %q?", c.id, c.name, h.ID, part, h.Fix)
					}
					continue
				}
				if slices.ContainsFunc(fixed.find(t), func(other evidence.Finding) bool { return other.ID == h.ID && other.Container == h.Container }) {
					t.Errorf("%s/%s: %s still holds after %q:\n%s", c.id, c.name, h.ID, part, fixed.pod)
				}
			}
		}
	}
}

// A fix may bring another hazard, such as that of root without capabilities in place of
// that of a new user. With the first fix of each, nothing is left in the end.
func TestFixesEnd(t *testing.T) {
	const rounds = 4
	for _, c := range hazardCases {
		for round := 0; ; round++ {
			fixed := c
			var done []string
			for _, h := range c.find(t) {
				for _, part := range parts(h.Fix) {
					if next, ok := fixed.fixed(t, h, part); ok {
						fixed, done = next, append(done, h.ID+": "+part)
						break
					}
				}
			}
			if len(done) == 0 {
				break
			}
			if round == rounds {
				t.Errorf("%s/%s: after %d rounds of fixes there is still %q", c.id, c.name, rounds, done)
				break
			}
			c = fixed
		}
	}
}

// parts splits a fix into its alternatives, with the verb of each.
func parts(text string) []string {
	var all []string
	for {
		at := alternatives.FindStringIndex(text)
		if at == nil {
			return append(all, text)
		}
		all = append(all, text[:at[0]])
		text = regexp.MustCompile(`^(?:(?:;|,)? or |; )`).ReplaceAllString(text[at[0]:], "")
		if strings.HasPrefix(text, "a mode ") {
			text = "set " + text
		}
	}
}

// fixed returns the case with what the text says done to the manifest; false if the text
// says nothing about the manifest.
func (c hazardCase) fixed(t *testing.T, h evidence.Finding, text string) (hazardCase, bool) {
	var pod corev1.PodTemplateSpec
	if err := json.Unmarshal(profiletest.FromYAML(t, c.pod), &pod); err != nil {
		t.Fatal(err)
	}
	any := false
	for _, f := range fixes {
		match := f.phrase.FindStringSubmatch(text)
		if match == nil {
			continue
		}
		any = true
		for _, container := range allContainers(&pod.Spec) {
			if h.Container == "" || container.Name == h.Container {
				f.apply(&pod.Spec, container, match)
			}
		}
	}
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	c.pod = string(raw)
	return c, any
}

func own(c *corev1.Container) *corev1.SecurityContext {
	if c.SecurityContext == nil {
		c.SecurityContext = &corev1.SecurityContext{}
	}
	return c.SecurityContext
}

func capabilities(c *corev1.Container) *corev1.Capabilities {
	if own(c).Capabilities == nil {
		own(c).Capabilities = &corev1.Capabilities{}
	}
	return own(c).Capabilities
}

func ofPod(spec *corev1.PodSpec) *corev1.PodSecurityContext {
	if spec.SecurityContext == nil {
		spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	return spec.SecurityContext
}

func number(text string) *int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return &n
}

// setModes gives every file of every volume a mode.
func setModes(spec *corev1.PodSpec, octal string) {
	parsed, err := strconv.ParseInt(octal, 8, 32)
	if err != nil {
		panic(err)
	}
	mode := int32(parsed)
	raw, err := json.Marshal(spec.Volumes)
	if err != nil {
		panic(err)
	}
	text := regexp.MustCompile(`"(mode|defaultMode)":\d+`).ReplaceAllString(string(raw), `"$1":`+strconv.Itoa(int(mode)))
	spec.Volumes = nil
	if err := json.Unmarshal([]byte(text), &spec.Volumes); err != nil {
		panic(err)
	}
}
