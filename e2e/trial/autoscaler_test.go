// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package trial

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

const fleets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: fleets.trial.test}
spec:
  group: trial.test
  scope: Namespaced
  names: {kind: Fleet, plural: fleets, singular: fleet}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector}
`

// An autoscaler counts the Pods that the scale of its target selects, also if the target is a
// custom resource: copies lack those labels. What cannot be read is said.
func TestAutoscalerOfACustomResource(t *testing.T) {
	t.Parallel()
	bedtest.Apply(t, c, "default", fleets)
	bedtest.Kubectl(t, c, "", "wait", "--for=condition=Established", "crd/fleets.trial.test", "--timeout=60s")
	ns := bedtest.Namespace(t, c, "autoscaled", nil)
	bedtest.Apply(t, c, ns, strings.Replace(deployment(rootImage, needsTmp), "metadata: {labels: {app: app}}", "metadata: {labels: {app: app, tier: web}}", 1))
	for _, name := range []string{"known", "unknown", "missing"} {
		if name != "missing" {
			bedtest.Apply(t, c, ns, fmt.Sprintf("{apiVersion: trial.test/v1, kind: Fleet, metadata: {name: %s}, spec: {replicas: 1}}", name))
		}
		bedtest.Apply(t, c, ns, fmt.Sprintf("{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: %s}, spec: {scaleTargetRef: {apiVersion: trial.test/v1, kind: Fleet, name: %s}, maxReplicas: 3}}", name, name))
	}
	bedtest.Kubectl(t, c, "", "patch", "fleet", "known", "-n", ns, "--subresource=status", "--type=merge", "-p", `{"status":{"replicas":1,"selector":"tier=web"}}`)
	r := finished(t, command("trial", "deployment/app", "-n", ns, "--dry-run"))
	for want, holds := range map[string]bool{
		"copies do not have the label tier,": true,
		"HorizontalPodAutoscaler unknown may count the copies: the scale of Fleet unknown cannot be": true,
		"HorizontalPodAutoscaler missing": false, // it counts nothing
	} {
		if r.code != 0 || strings.Contains(r.stderr, want) != holds {
			t.Errorf("exit code %d; says %q: %v, want %v", r.code, want, !holds, holds)
		}
	}
}
