// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	psaapi "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// evaluator is Pod Security Admission's own, with all its checks.
var evaluator = sync.OnceValue(func() policy.Evaluator {
	e, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		panic(fmt.Sprintf("internal error: the checks of Pod Security Admission: %v", err)) // they are built in
	}
	return e
})

// podSecurity says which level of the Pod Security Standards, in their latest
// version, a pod meets before and after, and what is in the way of restricted
// even then.
func podSecurity(before, after *corev1.PodTemplateSpec) *PodSecurity {
	result := &PodSecurity{}
	result.Before, _ = levelOf(before)
	result.After, result.Missing = levelOf(after)
	return result
}

// levelOf returns the strictest level that a pod meets, and what it lacks for
// restricted, a sentence for each check that it fails.
func levelOf(pod *corev1.PodTemplateSpec) (level string, missing []string) {
	missing = evaluate(pod, psaapi.LevelRestricted)
	switch {
	case len(missing) == 0:
		return string(psaapi.LevelRestricted), nil
	case len(evaluate(pod, psaapi.LevelBaseline)) == 0:
		return string(psaapi.LevelBaseline), missing
	default:
		return string(psaapi.LevelPrivileged), missing
	}
}

func evaluate(pod *corev1.PodTemplateSpec, level psaapi.Level) (failed []string) {
	version := psaapi.LevelVersion{Level: level, Version: psaapi.LatestVersion()}
	for _, check := range evaluator().EvaluatePod(version, &pod.ObjectMeta, &pod.Spec) {
		if check.Allowed {
			continue
		}
		sentence := check.ForbiddenReason
		if check.ForbiddenDetail != "" {
			sentence += " (" + check.ForbiddenDetail + ")"
		}
		failed = append(failed, sentence)
	}
	return failed
}
