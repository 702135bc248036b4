// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	jsonpatchv4 "gopkg.in/evanphx/json-patch.v4"
	utiljson "k8s.io/apimachinery/pkg/util/json" // which keeps whole numbers whole

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/mutate"
)

// Gate is the readiness gate of every copy. Nobody sets it, so that no copy is ever ready.
const Gate = "caseharden.io/trial-never-ready"

// base makes the pod that all copies have in common.
func base(w *Workload, l Labelling, o Options, trial string, deadline int64) map[string]any {
	pod := deepCopy(map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": w.Pod["metadata"], "spec": w.Pod["spec"]})
	metadata, _ := pod["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
		pod["metadata"] = metadata
	}
	labels := map[string]any{TrialLabel: trial}
	for key, value := range l.Labels {
		labels[key] = value
	}
	metadata["labels"] = labels
	if annotations, _ := metadata["annotations"].(map[string]any); annotations != nil {
		delete(annotations, mutate.InjectedAnnotation)
	}
	metadata["namespace"] = w.Namespace
	spec := pod["spec"].(map[string]any)
	spec["activeDeadlineSeconds"] = deadline
	gates, _ := spec["readinessGates"].([]any)
	spec["readinessGates"] = append(gates, map[string]any{"conditionType": Gate})
	if !w.Finishes {
		spec["restartPolicy"] = "Always"
		if policy, _ := w.Pod["spec"].(map[string]any)["restartPolicy"].(string); policy != "" {
			spec["restartPolicy"] = policy
		}
	}
	// A copy must not push other pods off their node.
	for _, name := range []string{"priorityClassName", "priority", "preemptionPolicy"} {
		delete(spec, name)
	}
	if o.PodNetwork {
		delete(spec, "hostNetwork")
		eachContainer(spec, func(c map[string]any) {
			ports, _ := c["ports"].([]any)
			for _, p := range ports {
				if port, ok := p.(map[string]any); ok {
					delete(port, "hostPort")
				}
			}
		})
	}
	replaceVolumes(spec, w, o)
	return pod
}

// replaceVolumes gives copies the volumes that they may write to.
func replaceVolumes(spec map[string]any, w *Workload, o Options) {
	volumes, _ := spec["volumes"].([]any)
	for _, name := range sortedKeys(w.Claims) {
		volumes = append(volumes, map[string]any{"name": name, "persistentVolumeClaim": map[string]any{"claimName": w.Claims[name]}})
	}
	if len(volumes) > 0 {
		spec["volumes"] = volumes
	}
	if o.Volumes != EmptyVolumes {
		return
	}
	for _, replaced := range Emptied(w, o) {
		for _, v := range volumes {
			if member, _ := v.(map[string]any); member["name"] == replaced {
				clear(member)
				member["name"], member["emptyDir"] = replaced, map[string]any{}
			}
		}
	}
}

// Emptied returns the names of the volumes for which copies get empty directories.
func Emptied(w *Workload, o Options) []string {
	pod, err := w.Typed()
	if err != nil || o.Volumes != EmptyVolumes {
		return nil
	}
	var names []string
	for _, v := range volumesOf(pod, w) {
		if v.lasting && v.written && !v.block {
			names = append(names, v.name)
		}
	}
	return names
}

// Harden makes in a pod the changes that the webhook would make, written out, and returns
// the change. A nil profile changes nothing.
func Harden(pod map[string]any, profile *defaults.Profile) (map[string]any, *mutate.Change, error) {
	if profile == nil {
		return pod, nil, nil
	}
	text, err := json.Marshal(pod)
	if err != nil {
		return nil, nil, err
	}
	change, err := mutate.NewChange(profile, "", text)
	if err != nil || change == nil {
		return pod, nil, err
	}
	patch := change.Patch()
	if patch == nil {
		return pod, change, nil
	}
	decoded, err := jsonpatchv4.DecodePatch(patch)
	if err != nil {
		return nil, nil, err
	}
	if text, err = decoded.Apply(text); err != nil {
		return nil, nil, err
	}
	var hardened map[string]any
	if err := utiljson.Unmarshal(text, &hardened); err != nil {
		return nil, nil, err
	}
	return hardened, change, nil
}

// killProbe is a liveness probe that nobody can pass: the kubelet ends the container after
// this time, and starts it again. It needs no permission and no program in the image.
func killProbe(afterSeconds int64) map[string]any {
	return map[string]any{
		"tcpSocket":                     map[string]any{"port": int64(1), "host": "127.0.0.1"},
		"initialDelaySeconds":           afterSeconds,
		"periodSeconds":                 int64(1),
		"timeoutSeconds":                int64(1),
		"failureThreshold":              int64(1),
		"terminationGracePeriodSeconds": int64(1),
	}
}

func deepCopy(object map[string]any) map[string]any {
	text, err := json.Marshal(object)
	if err != nil {
		panic(fmt.Sprintf("internal error: marshalling a pod: %s", err)) // it came from JSON
	}
	var copied map[string]any
	if err := utiljson.Unmarshal(text, &copied); err != nil {
		panic(fmt.Sprintf("internal error: a copy of a pod: %s", err))
	}
	return copied
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
