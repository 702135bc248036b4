// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const injectedAnnotation = "caseharden.io/injected"

// profileFields are the settings of the profile hardened.
var profileFields = []string{
	"allowPrivilegeEscalation", "capabilities.drop", "readOnlyRootFilesystem", "runAsNonRoot", "runAsUser", "seccompProfile",
}

// A decision is what became of one setting of a container.
type decision struct {
	field, value, outcome, reason string
}

// readResult reads what became of each setting of each container: the injected
// ones from the pod's annotation, the skipped ones from the audit log. The rest
// was left, and its value is on the pod.
func (d *demo) readResult(pod *corev1.Pod) (map[string][]decision, error) {
	var injected struct{ Containers map[string][]string }
	if err := json.Unmarshal([]byte(pod.Annotations[injectedAnnotation]), &injected); err != nil {
		return nil, fmt.Errorf("annotation %s: %w", injectedAnnotation, err)
	}
	skipped, err := d.readSkipped()
	if err != nil {
		return nil, err
	}
	result := map[string][]decision{}
	for _, c := range allContainers(pod) {
		set := settings(c.SecurityContext)
		for _, field := range profileFields {
			l := decision{field: field, value: set[field], outcome: "leave"}
			if reason, ok := skipped[c.Name][field]; ok {
				l.outcome, l.reason = "skip", reason
			}
			if slices.Contains(injected.Containers[c.Name], field) {
				l.outcome = "inject"
			}
			result[c.Name] = append(result[c.Name], l)
		}
	}
	return result, nil
}

// readSkipped finds, in the API server's audit log, the event of the create in
// namespace shop, and returns the reasons by container and field.
func (d *demo) readSkipped() (map[string]map[string]string, error) {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		log, err := os.Open(d.controlPlane.AuditLog())
		if err != nil {
			return nil, err
		}
		defer log.Close()
		lines := bufio.NewScanner(log)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			if !strings.Contains(lines.Text(), "/namespaces/shop/pods?fieldManager=kubectl-create") {
				continue
			}
			var event struct{ Annotations map[string]string }
			if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
				return nil, fmt.Errorf("audit log: %w", err)
			}
			var skipped struct{ Containers map[string]map[string]string }
			if err := json.Unmarshal([]byte(event.Annotations["enforce-hardened.caseharden.io/skipped"]), &skipped); err != nil {
				return nil, fmt.Errorf("audit annotation: %w", err)
			}
			return skipped.Containers, nil
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("audit log %s: no event of the pod in namespace shop", d.controlPlane.AuditLog())
		}
	}
}

func allContainers(pod *corev1.Pod) []corev1.Container {
	return slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers)
}

// settings returns the values of profileFields that are set, for people to read.
func settings(sc *corev1.SecurityContext) map[string]string {
	set := map[string]string{}
	if sc == nil {
		return set
	}
	if v := sc.AllowPrivilegeEscalation; v != nil {
		set["allowPrivilegeEscalation"] = fmt.Sprint(*v)
	}
	if v := sc.Capabilities; v != nil && v.Drop != nil {
		set["capabilities.drop"] = fmt.Sprint(v.Drop)
	}
	if v := sc.ReadOnlyRootFilesystem; v != nil {
		set["readOnlyRootFilesystem"] = fmt.Sprint(*v)
	}
	if v := sc.RunAsNonRoot; v != nil {
		set["runAsNonRoot"] = fmt.Sprint(*v)
	}
	if v := sc.RunAsUser; v != nil {
		set["runAsUser"] = fmt.Sprint(*v)
	}
	if v := sc.SeccompProfile; v != nil {
		set["seccompProfile"] = string(v.Type)
	}
	return set
}
