// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/defaults"
)

// Surroundings are what is in the namespace that matters for copies.
type Surroundings struct {
	Selectors []Selector
	Claims    map[string]Claim
	Labels    map[string]string // of the namespace; nil if they cannot be read
	Unknown   []string          // sentences about what may select copies and could not be read
}

// A Plan makes the copies of one workload.
type Plan struct {
	Workload *Workload
	Profile  *defaults.Profile
	Trial    string // the ID by which all copies are found
	Labelling
	Emptied []string // volumes for which copies have empty directories

	pod  *corev1.PodTemplateSpec
	base map[string]any
}

// New returns the plan for a workload, or what is in the way. Copies end by themselves
// after the lifetime.
func New(w *Workload, profile *defaults.Profile, s Surroundings, o Options, trial string, lifetime time.Duration) (*Plan, []Refusal, error) {
	pod, err := w.Typed()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", w.Ref(), err)
	}
	l := labelsFor(pod.Labels, s.Selectors)
	l.Notes = append(l.Notes, s.Unknown...)
	if refused := refusals(pod, w, s, l, o); len(refused) > 0 {
		return nil, refused, nil
	}
	return &Plan{
		Workload: w, Profile: profile, Trial: trial, Labelling: l, Emptied: Emptied(w, o),
		pod: pod, base: base(w, l, o, trial, int64(lifetime.Seconds())),
	}, nil, nil
}

// A Copy says how a copy differs from the workload.
type Copy struct {
	Name    string            // of the pod; must be unique
	Label   string            // what the copy is for, as a label's value
	Profile *defaults.Profile // nil: as the workload is

	// KillAfter has the kubelet end each regular container after this time, once it runs.
	// Zero does not.
	KillAfter time.Duration

	// Observer is a container beside the others; nil is none.
	Observer map[string]any
}

// Make returns the pod of a copy, as it is sent to the API server.
func (p *Plan) Make(c Copy) (*unstructured.Unstructured, error) {
	pod, _, err := Harden(deepCopy(p.base), c.Profile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Workload.Ref(), err)
	}
	metadata := pod["metadata"].(map[string]any)
	metadata["name"] = c.Name
	metadata["labels"].(map[string]any)[CopyLabel] = c.Label
	spec := pod["spec"].(map[string]any)
	if c.KillAfter > 0 {
		containers, _ := spec["containers"].([]any)
		for _, item := range containers {
			if container, ok := item.(map[string]any); ok {
				container["livenessProbe"] = killProbe(int64(c.KillAfter.Seconds()))
			}
		}
	}
	if c.Observer != nil {
		spec["shareProcessNamespace"] = true
		inits, _ := spec["initContainers"].([]any)
		spec["initContainers"] = append(inits, c.Observer)
	}
	return &unstructured.Unstructured{Object: pod}, nil
}

// A Setting is a default that the profile fills in, in one container.
type Setting struct {
	Container string // empty: at pod level
	Field     string
	Value     string // as JSON
}

// Settings returns what the profile fills in, container by container.
func (p *Plan) Settings() ([]Setting, error) {
	_, change, err := Harden(deepCopy(p.base), p.Profile)
	if err != nil || change == nil {
		return nil, err
	}
	var settings []Setting
	for _, d := range change.Decisions {
		if d.Outcome != defaults.Inject {
			continue
		}
		s := Setting{Field: d.Field.Name, Value: string(d.Value.JSON)}
		if d.Container != nil {
			s.Container = d.Container.Name
		}
		settings = append(settings, s)
	}
	return settings, nil
}

// Image returns the image of a container.
func (p *Plan) Image(container string) string {
	for _, c := range p.containers() {
		if c.Name == container {
			return c.Image
		}
	}
	return ""
}

func (p *Plan) containers() []corev1.Container {
	return append(slices.Clone(p.pod.Spec.InitContainers), p.pod.Spec.Containers...)
}

// Main returns the first regular container, in which a command is run.
func (p *Plan) Main() *corev1.Container { return &p.pod.Spec.Containers[0] }

// Port returns the first port that the first regular container with ports names; 0 if none
// names one.
func (p *Plan) Port() int {
	for _, c := range p.pod.Spec.Containers {
		if len(c.Ports) > 0 {
			return int(c.Ports[0].ContainerPort)
		}
	}
	return 0
}

// CanRestart reports whether the kubelet starts a container again that it has killed.
func (p *Plan) CanRestart() bool {
	return !p.Workload.Finishes && (p.pod.Spec.RestartPolicy == "" || p.pod.Spec.RestartPolicy == corev1.RestartPolicyAlways)
}

// Uses returns what copies use of the namespace, a line each: the service account and the
// Secrets.
func (p *Plan) Uses() []string {
	account := p.pod.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	lines := []string{"service account " + account}
	secrets := map[string]bool{}
	for _, v := range p.pod.Spec.Volumes {
		if v.Secret != nil {
			secrets[v.Secret.SecretName] = true
		}
		if v.Projected != nil {
			for _, s := range v.Projected.Sources {
				if s.Secret != nil {
					secrets[s.Secret.Name] = true
				}
			}
		}
	}
	for _, c := range p.containers() {
		for _, e := range c.EnvFrom {
			if e.SecretRef != nil {
				secrets[e.SecretRef.Name] = true
			}
		}
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
				secrets[e.ValueFrom.SecretKeyRef.Name] = true
			}
		}
	}
	if len(secrets) > 0 {
		lines = append(lines, "Secrets "+strings.Join(sortedKeys(secrets), ", "))
	}
	if p.pod.Spec.HostPID || p.pod.Spec.HostIPC {
		lines = append(lines, "processes of the node (hostPID or hostIPC)")
	}
	return lines
}
