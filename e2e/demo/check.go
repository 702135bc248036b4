// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
)

// expected are the fields that are not injected, by container. All others of the six
// are.
var expected = map[string]map[string]string{
	"migrate":     {},
	"log-shipper": {},
	"web":         {},
	"node-agent":  {"allowPrivilegeEscalation": "privileged", "capabilities.drop": "privileged", "seccompProfile": "privileged"},
	"database":    {"runAsNonRoot": "runs-as-root", "runAsUser": ""},
	"modern": {"allowPrivilegeEscalation": "", "capabilities.drop": "", "readOnlyRootFilesystem": "",
		"runAsNonRoot": "", "runAsUser": "", "seccompProfile": ""},
}

// errUnexpected is the error of a demo whose results are not as they should be.
var errUnexpected = errors.New("results are not as expected")

// sameSecurityContexts reports whether the containers of two pods have the same
// security contexts.
func sameSecurityContexts(a, b *corev1.Pod) bool {
	return slices.EqualFunc(allContainers(a), allContainers(b), func(a, b corev1.Container) bool {
		return apiequality.Semantic.DeepEqual(a.SecurityContext, b.SecurityContext)
	})
}

// check returns an error if a result is not as expected.
func check(pods map[string]*corev1.Pod, result map[string][]decision, warnings map[string]int, moved map[string]float64) error {
	var wrong []error
	complain := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf(format, args...))
	}
	injections := 0.0
	for container, exceptions := range expected {
		if len(result[container]) != len(profileFields) {
			complain("container %s: %d settings shown, want %d", container, len(result[container]), len(profileFields))
		}
		for _, l := range result[container] {
			reason, excepted := exceptions[l.field]
			want := "inject"
			switch {
			case excepted && reason == "":
				want = "leave"
			case excepted:
				want = "skip"
			default:
				injections++
			}
			if l.outcome != want || l.reason != reason {
				complain("container %s: %s: %s %s, want %s %s", container, l.field, l.outcome, l.reason, want, reason)
			}
		}
	}
	for _, name := range []string{"plain", "preview"} {
		if len(pods[name].Annotations) > 0 {
			complain("the pod in namespace %s was annotated: %v", name, pods[name].Annotations)
		}
		if sent := legacyPod(); !sameSecurityContexts(sent, pods[name]) {
			complain("the pod in namespace %s was changed", name)
		}
	}
	// There is a warning for every container but the one that sets everything.
	if want := len(expected) - 1; warnings["preview"] != want || warnings["plain"]+warnings["shop"] > 0 {
		complain("warnings: %v, want %d in namespace preview", warnings, want)
	}
	counted := 0.0
	for series, n := range moved {
		if strings.HasPrefix(series, "caseharden_decisions_total{") && strings.Contains(series, `mode="enforce",outcome="inject"`) {
			counted += n
		}
	}
	if counted != injections {
		complain("the metrics count %v injections, want %v", counted, injections)
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("%w:\n%w", errUnexpected, err)
	}
	return nil
}
