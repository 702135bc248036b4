// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A customKind is a kind of custom resource with pod templates at known places.
type customKind struct {
	group, kind string   // in every version of the group
	paths       []string // to a PodTemplateSpec; * stands for each item of a list, or each member of an object
}

// customKinds are the kinds whose CustomResourceDefinitions have PodTemplateSpecs. The
// webhook reviews none of them: it reviews the pods that they make.
var customKinds = []customKind{
	{"agones.dev", "Fleet", []string{"spec.template.spec.template"}},
	{"agones.dev", "GameServer", []string{"spec.template"}},
	{"agones.dev", "GameServerSet", []string{"spec.template.spec.template"}},
	{"apps.kruise.io", "AdvancedCronJob", []string{
		"spec.template.jobTemplate.spec.template", "spec.template.broadcastJobTemplate.spec.template"}},
	{"apps.kruise.io", "BroadcastJob", []string{"spec.template"}},
	{"apps.kruise.io", "CloneSet", []string{"spec.template"}},
	{"apps.kruise.io", "DaemonSet", []string{"spec.template"}},
	{"apps.kruise.io", "StatefulSet", []string{"spec.template"}},
	{"apps.kruise.io", "UnitedDeployment", []string{
		"spec.template.advancedStatefulSetTemplate.spec.template", "spec.template.cloneSetTemplate.spec.template",
		"spec.template.deploymentTemplate.spec.template", "spec.template.statefulSetTemplate.spec.template"}},
	{"apps.openshift.io", "DeploymentConfig", []string{"spec.template"}},
	{"argoproj.io", "Experiment", []string{"spec.templates.*.template"}},
	{"argoproj.io", "Rollout", []string{"spec.template"}},
	{"batch.volcano.sh", "Job", []string{"spec.tasks.*.template"}},
	{"jobset.x-k8s.io", "JobSet", []string{"spec.replicatedJobs.*.template.spec.template"}},
	{"keda.sh", "ScaledJob", []string{"spec.jobTargetRef.template"}},
	{"kubeflow.org", "JAXJob", []string{"spec.jaxReplicaSpecs.*.template"}},
	{"kubeflow.org", "MPIJob", []string{"spec.mpiReplicaSpecs.*.template"}},
	{"kubeflow.org", "PaddleJob", []string{"spec.paddleReplicaSpecs.*.template"}},
	{"kubeflow.org", "PyTorchJob", []string{"spec.pytorchReplicaSpecs.*.template"}},
	{"kubeflow.org", "TFJob", []string{"spec.tfReplicaSpecs.*.template"}},
	{"kubeflow.org", "XGBoostJob", []string{"spec.xgbReplicaSpecs.*.template"}},
	{"leaderworkerset.x-k8s.io", "LeaderWorkerSet", []string{
		"spec.leaderWorkerTemplate.leaderTemplate", "spec.leaderWorkerTemplate.workerTemplate"}},
	{"ray.io", "RayCluster", []string{"spec.headGroupSpec.template", "spec.workerGroupSpecs.*.template"}},
	{"ray.io", "RayJob", []string{
		"spec.rayClusterSpec.headGroupSpec.template", "spec.rayClusterSpec.workerGroupSpecs.*.template", "spec.submitterPodTemplate"}},
	{"ray.io", "RayService", []string{
		"spec.rayClusterConfig.headGroupSpec.template", "spec.rayClusterConfig.workerGroupSpecs.*.template"}},
	{"serving.knative.dev", "Configuration", []string{"spec.template"}},
	{"serving.knative.dev", "Service", []string{"spec.template"}},
}

// customKindOf returns the entry for a kind of custom resource; false if there is none.
func customKindOf(apiVersion, kind string) (customKind, bool) {
	group := schema.FromAPIVersionAndKind(apiVersion, kind).Group
	i := slices.IndexFunc(customKinds, func(k customKind) bool { return k.group == group && k.kind == kind })
	if i < 0 {
		return customKind{}, false
	}
	return customKinds[i], true
}

// A place is where a pod template stands in an object, or where one could stand.
type place struct {
	name    string           // for people: "spec.template"
	pointer jsontext.Pointer // from the object
	text    jsontext.Value   // nil where there is no template
	err     error            // why the template cannot be found
}

// placesOf returns the pod templates of an object, in their order. An object of a known
// kind that has none has one place without a text. False is for other kinds.
func placesOf(o *object) (places []place, known bool) {
	if kind, found := kindOf(o.apiVersion, o.kind); found {
		p := place{name: strings.Join(kind.Path, ".")}
		for _, name := range kind.Path {
			p.pointer = p.pointer.AppendToken(name)
		}
		p.text, p.err = kind.Template(p.name, o.raw)
		return []place{p}, true
	}
	kind, found := customKindOf(o.apiVersion, o.kind)
	if !found {
		return nil, false
	}
	for _, path := range kind.paths {
		places = append(places, place{text: o.raw}.below(strings.Split(path, "."))...)
	}
	if len(places) == 0 {
		places = []place{{name: kind.paths[0], pointer: "/spec"}}
	}
	return places, true
}

// below returns the places that a path leads to, as far as there is something.
func (p place) below(path []string) []place {
	if kind := p.text.Kind(); len(p.text) == 0 || kind == 'n' || len(path) > 0 && kind != '{' && kind != '[' {
		return nil
	}
	if len(path) == 0 {
		return []place{p}
	}
	var found []place
	if p.text.Kind() == '[' {
		var items []jsontext.Value
		if path[0] != "*" || jsonv2.Unmarshal(p.text, &items) != nil {
			return nil
		}
		for i, item := range items {
			at := place{name: fmt.Sprintf("%s[%d]", p.name, i), pointer: p.pointer.AppendToken(fmt.Sprint(i)), text: item}
			found = append(found, at.below(path[1:])...)
		}
		return found
	}
	var members map[string]jsontext.Value
	if jsonv2.Unmarshal(p.text, &members) != nil {
		return nil
	}
	names := path[:1]
	if path[0] == "*" {
		names = slices.Sorted(maps.Keys(members))
	}
	for _, name := range names {
		at := place{name: strings.TrimPrefix(p.name+"."+name, "."), pointer: p.pointer.AppendToken(name), text: members[name]}
		found = append(found, at.below(path[1:])...)
	}
	return found
}

// An identity is what an owner reference names.
type identity struct{ group, kind, namespace, name string }

func identify(apiVersion, kind, namespace, name string) identity {
	return identity{schema.FromAPIVersionAndKind(apiVersion, kind).Group, kind, namespace, name}
}

// noteCustom notes a custom resource with pod templates: what it owns has the same
// templates. Where only what it owns is given, that is previewed.
func (p *Preview) noteCustom(o *object) {
	if _, known := customKindOf(o.apiVersion, o.kind); !known {
		return
	}
	var h header
	if jsonv2.Unmarshal(o.raw, &h) == nil {
		p.custom[identify(o.apiVersion, o.kind, h.Metadata.Namespace, h.Metadata.Name)] = true
	}
}
