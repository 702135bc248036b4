// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/mutate"
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
			p := New(builtin(t, "hardened"), []Input{{Name: "x", Data: []byte(c.object)}}, nil)
			got := ""
			for _, m := range p.Report.PodMakers {
				got += m.Place
			}
			if got != c.want || len(p.Report.Errors) > 0 {
				t.Errorf("it has pods at %q, want %q; errors %v", got, c.want, p.Report.Errors)
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
	p := New(builtin(t, "hardened"), []Input{{Name: "all.yaml", Data: []byte(text.String())}}, nil)
	want := `No pods and no workloads among 64 objects.
Not previewed, but may make pods: 31 objects of other kinds.
  Deployment old (all.yaml:2): spec.template.spec.containers
`
	for i := range 9 {
		want += fmt.Sprintf("  Shop shop/shop-%02d (all.yaml:%d): spec.replicas\n", i, 6+4*i)
	}
	want += `  and 21 more
Not looked at: 1 Deployment (apps/v1beta1): the API has Deployment in apps/v1, 3 Service (v1), 1 Kind00 (x.example.com/v1), ` +
		`1 Kind01 (x.example.com/v1), 1 Kind02 (x.example.com/v1), 1 Kind03 (x.example.com/v1), 26 objects of 26 other kinds.
`
	if got := written(t, p, "table"); got != want {
		t.Errorf("the summary is\n%s\nwant\n%s", got, want)
	}
	if page := written(t, p, "html"); !strings.Contains(page, "31 objects of other kinds may make pods") || !strings.Contains(page, "shop/shop-29") {
		t.Error("the page does not name what may make pods")
	}
	if p.Report.Summary.Objects != 64 || len(p.Report.Summary.PassedOver) != 33 {
		t.Errorf("the summary counts %d objects of %d kinds", p.Report.Summary.Objects, len(p.Report.Summary.PassedOver))
	}
}

// The table of custom kinds is in order, and leaves the kinds of the Kubernetes API to
// the webhook's own table.
func TestCustomKinds(t *testing.T) {
	compare := func(a, b customKind) int { return strings.Compare(a.group+"/"+a.kind, b.group+"/"+b.kind) }
	if !slices.IsSortedFunc(customKinds, compare) || len(slices.CompactFunc(slices.Clone(customKinds), func(a, b customKind) bool { return compare(a, b) == 0 })) != len(customKinds) {
		t.Error("the custom kinds are not in order, or one is there twice")
	}
	for _, k := range customKinds {
		for _, path := range k.paths {
			if !strings.HasPrefix(path, "spec.") {
				t.Errorf("%s: the template at %s is not in the spec", k.kind, path)
			}
		}
		if slices.ContainsFunc(mutate.TemplateKinds(), func(own mutate.TemplateKind) bool { return own.Group == k.group }) {
			t.Errorf("%s is of a group of the Kubernetes API", k.kind)
		}
	}
}

// The list of custom kinds in the documentation is made from the table.
func TestCustomKindsAreDocumented(t *testing.T) {
	var lines strings.Builder
	for i, k := range customKinds {
		switch {
		case i == 0:
			fmt.Fprintf(&lines, "  - `%s`: %s", k.group, k.kind)
		case k.group != customKinds[i-1].group:
			fmt.Fprintf(&lines, "\n  - `%s`: %s", k.group, k.kind)
		default:
			lines.WriteString(", " + k.kind)
		}
	}
	checkGenerated(t, "../docs/preview.md", "custom kinds", lines.String()+"\n  ")
}
