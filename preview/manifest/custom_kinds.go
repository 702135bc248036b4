// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"slices"

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

// IsCustom reports whether an object is of a kind of custom resource whose pod templates
// are known.
func (o *Object) IsCustom() bool {
	_, known := customKindOf(o.APIVersion, o.Kind)
	return known
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
