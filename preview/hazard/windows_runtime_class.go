// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/caseharden/caseharden/evidence"
)

// The API server adds the node selector of a RuntimeClass to a new pod before webhooks see
// the pod (AllOrderedPlugins in kubernetes/pkg/kubeapiserver/options). A manifest and a
// template do not have the selector.
var windowsRuntimeClass = rule{
	Cause: evidence.Cause{
		ID:       "windows-runtime-class",
		Title:    "RuntimeClass that may be for Windows",
		Settings: words("runAsNonRoot"),
		Severity: evidence.Low,
		When:     "a `runtimeClassName` that contains `windows` or `wcow`, on a pod that is not known to be for Windows nodes; a setting is injected",
		Because: "a manifest does not show the node selector of its RuntimeClass. On Windows nodes, settings for Linux have no effect, " +
			"and the kubelet refuses an image whose user is ContainerAdministrator under `runAsNonRoot: true`",
		Fix: "set spec.os.name: windows in the manifest if the pod is for Windows nodes",
	},
	OfPod: func(p *Pair) (what, fix string) {
		class := p.After.Spec.RuntimeClassName
		if class == nil || !looksLikeWindows(strings.ToLower(*class)) || equality.Semantic.DeepEqual(p.Before, p.After) {
			return "", ""
		}
		return fmt.Sprintf("the RuntimeClass %s may be for Windows nodes, where settings for Linux have no effect: "+
			"a manifest does not show the node selector of its RuntimeClass", *class), ""
	},
}

// looksLikeWindows reports whether a RuntimeClass may be for Windows: containerd calls its
// handlers runhcs-wcow-process and runhcs-wcow-hypervisor.
func looksLikeWindows(class string) bool {
	return strings.Contains(class, "windows") || strings.Contains(class, "wcow")
}
