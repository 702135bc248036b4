// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	_ "embed"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

//go:embed pod.yaml
var podYAML []byte

// containers is how many that pod has, its init container included.
const containers = 3

// allSix is the security context of a container that had none, once it has what the
// profile hardened fills in.
const allSix = `{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true,
	runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}`

// readPod returns the pod that is created all the time.
func readPod() (*corev1.Pod, error) {
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(podYAML, &pod); err != nil {
		return nil, fmt.Errorf("pod.yaml: %w", err)
	}
	return &pod, nil
}

// securityContexts returns those of the init and regular containers of a pod, by name.
func securityContexts(pod *corev1.Pod) map[string]*corev1.SecurityContext {
	contexts := map[string]*corev1.SecurityContext{}
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range list {
			contexts[c.Name] = c.SecurityContext
		}
	}
	return contexts
}
