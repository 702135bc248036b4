// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// What a custom resource has that makes pods, or does not.
func TestPodMakers(t *testing.T) {
	for _, c := range []struct{ name, object, want string }{
		{"a pod template", `{apiVersion: x.example.com/v1, kind: Shop, metadata: {name: x}, spec: {web: {template: {spec: {initContainers: [{image: a}], containers: [{name: c, image: a}]}}}}}`,
			"spec.web.template.spec.containers"},
		{"a template in a list", `{apiVersion: x.example.com/v1, kind: Shop, spec: {parts: [{}, {containers: [{name: c, image: a}]}]}}`, "spec.parts[1].containers"},
		{"a container without an image", `{apiVersion: elasticsearch.k8s.elastic.co/v1, kind: Elasticsearch, spec: {podTemplate: {spec: {containers: [{name: e, resources: {}}]}}}}`,
			"spec.podTemplate.spec.containers"},
		{"Argo's container", `{apiVersion: argoproj.io/v1alpha1, kind: Workflow, spec: {templates: [{name: a, container: {image: a}}]}}`, "spec.templates[0].container"},
		{"Argo's script", `{apiVersion: argoproj.io/v1alpha1, kind: Workflow, spec: {templates: [{name: a, script: {image: a, source: b}}]}}`, "spec.templates[0].script"},
		{"Tekton's steps", `{apiVersion: tekton.dev/v1, kind: Task, spec: {steps: [{image: a}]}}`, "spec.steps"},
		{"replicas", `{apiVersion: x.example.com/v1, kind: Shop, spec: {replicas: 2}}`, "spec.replicas"},
		{"instances", `{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, spec: {instances: 3, storage: {size: 1Gi}}}`, "spec.instances"},
		{"an old version", `{apiVersion: apps/v1beta1, kind: Deployment, spec: {template: {spec: {containers: [{name: c, image: a}]}}}}`, "spec.template.spec.containers"},
		{"objects of a template", `{apiVersion: template.openshift.io/v1, kind: Template, objects: [{spec: {template: {spec: {containers: [{name: c, image: a}]}}}}]}`,
			"objects[0].spec.template.spec.containers"},

		{"a Service", `{apiVersion: v1, kind: Service, spec: {ports: [{name: http, port: 80}]}}`, ""},
		{"a ConfigMap", `{apiVersion: v1, kind: ConfigMap, data: {pod.yaml: "containers: [{name: c, image: a}]"}}`, ""},
		{"replicas of machines", `{apiVersion: cluster.x-k8s.io/v1beta1, kind: MachineDeployment, spec: {replicas: 3}}`, ""},
		{"replicas that are no number", `{apiVersion: x.example.com/v1, kind: Shop, spec: {replicas: {min: 1}}}`, ""},
		{"an autoscaler", `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {minReplicas: 1}}`, ""},
		{"a policy", `{apiVersion: kyverno.io/v1, kind: ClusterPolicy, spec: {rules: [{validate: {pattern: {spec: {containers: [{name: "*", image: "a/*"}]}}}}]}}`, ""},
		{"a definition", `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, spec: {versions: [{default: {containers: [{name: c, image: a}]}}]}}`, ""},
		{"metrics", `{apiVersion: metrics.k8s.io/v1beta1, kind: PodMetrics, containers: [{name: c, usage: {cpu: 1}}]}`, ""},
		{"names in a list", `{apiVersion: x.example.com/v1, kind: Shop, spec: {containers: [{name: c}, c, null]}}`, ""},
		{"a status", `{apiVersion: x.example.com/v1, kind: Shop, status: {containers: [{name: c, image: a}]}}`, ""},
		{"no object below", `{apiVersion: x.example.com/v1, kind: Shop, spec: none}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "x", Data: []byte(c.object)}}, preview.Options{})
			got := ""
			for _, m := range p.PodMakers {
				got += m.Place
			}
			if got != c.want || len(p.Errors) > 0 {
				t.Errorf("it has pods at %q, want %q; errors %v", got, c.want, p.Errors)
			}
		})
	}
}

// A repository with many kinds and many objects has a summary of a few lines, with what
// makes pods first.
func TestSummaryIsShort(t *testing.T) {
	var text strings.Builder
	text.WriteString("---\n{apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: old}, spec: {template: {spec: {containers: [{name: c, image: a}]}}}}\n")
	for i := range 30 {
		fmt.Fprintf(&text, "---\n{apiVersion: x.example.com/v1, kind: Kind%02d, metadata: {name: a}}\n", i)
		fmt.Fprintf(&text, "---\n{apiVersion: y.example.com/v1, kind: Shop, metadata: {name: shop-%02d, namespace: shop}, spec: {replicas: 1}}\n", i)
	}
	for range 3 {
		text.WriteString("---\n{apiVersion: v1, kind: Service, metadata: {name: a}}\n")
	}
	p := preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "all.yaml", Data: []byte(text.String())}}, preview.Options{})
	want := `No pods and no workloads among 64 objects.
Not previewed, but may make pods: 31 objects of other kinds.
  Deployment old (all.yaml:2): spec.template.spec.containers
`
	for i := range 9 {
		want += fmt.Sprintf("  Shop shop/shop-%02d (all.yaml:%d): spec.replicas\n", i, 6+4*i)
	}
	want += `  and 21 more
Ignored: 1 Deployment (apps/v1beta1): the API has Deployment in apps/v1, 3 Service (v1), 1 Kind00
(x.example.com/v1), 1 Kind01 (x.example.com/v1), 1 Kind02 (x.example.com/v1), 1 Kind03
(x.example.com/v1), 26 objects of 26 other kinds.
`
	if got := written(t, p, "table"); got != want {
		t.Errorf("the summary is\n%s\nwant\n%s", got, want)
	}
	if page := written(t, p, "html"); !strings.Contains(page, "31 objects of other kinds may make pods") || !strings.Contains(page, "shop/shop-29") {
		t.Error("the page does not name what may make pods")
	}
	if p.Summary.Objects != 64 || len(p.Summary.Ignored) != 33 {
		t.Errorf("the summary counts %d objects of %d kinds", p.Summary.Objects, len(p.Summary.Ignored))
	}
}
