// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/trial/trialtest"
)

// workload reads a workload from YAML.
func workload(t *testing.T, text string) *Workload {
	t.Helper()
	w, err := readWorkload(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func readWorkload(t *testing.T, text string) (*Workload, error) {
	t.Helper()
	kind, o := trialtest.Object(t, text)
	return NewWorkload(kind, o)
}

// deployment returns a Deployment with more fields in its pod's spec.
func deployment(spec string) string {
	return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {sidecar.istio.io/inject: "true"}}
    spec:
      futureField: {kept: true}
` + indent(spec, "      ")
}

func indent(text, by string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	return by + strings.Join(lines, "\n"+by) + "\n"
}

const plain = "containers: [{name: web, image: nginx}]"

func newPlan(t *testing.T, text string, s Surroundings, o Options) (*Plan, []Refusal) {
	t.Helper()
	p, refused, err := New(workload(t, text), trialtest.Hardened(t), s, o, "id", 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return p, refused
}

// made returns the pod of a copy in the API's types, which it must fit.
func made(t *testing.T, p *Plan, c Copy) *corev1.Pod {
	t.Helper()
	o, err := p.Make(c)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var pod corev1.Pod
	if err := json.Unmarshal(text, &pod); err != nil {
		t.Fatal(err)
	}
	return &pod
}

func TestCopyIsNobodysAndEndsByItself(t *testing.T) {
	t.Parallel()
	p, _ := newPlan(t, deployment(plain+"\npriorityClassName: high\nreadinessGates: [{conditionType: theirs}]"), Surroundings{Selectors: []Selector{selects("ReplicaSet", Adopts, "app=web")}}, Options{})
	pod := made(t, p, Copy{Name: "copy-1", Label: "control"})
	if len(pod.OwnerReferences)+len(pod.Finalizers) > 0 {
		t.Errorf("owners %v, finalizers %v, want none", pod.OwnerReferences, pod.Finalizers)
	}
	if diff := cmp.Diff(map[string]string{TrialLabel: "id", CopyLabel: "control"}, pod.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if pod.Spec.ActiveDeadlineSeconds == nil || *pod.Spec.ActiveDeadlineSeconds != 600 {
		t.Errorf("activeDeadlineSeconds = %v, want 600", pod.Spec.ActiveDeadlineSeconds)
	}
	if gates := pod.Spec.ReadinessGates; len(gates) != 2 || gates[1].ConditionType != Gate {
		t.Errorf("readiness gates = %v, want theirs and %s", gates, Gate)
	}
	if pod.Spec.PriorityClassName != "" {
		t.Errorf("priorityClassName = %s, want none: it would push other pods off their node", pod.Spec.PriorityClassName)
	}
	if pod.Spec.RestartPolicy != corev1.RestartPolicyAlways {
		t.Errorf("restartPolicy = %s, want Always", pod.Spec.RestartPolicy)
	}
	if pod.Annotations["sidecar.istio.io/inject"] != "true" {
		t.Errorf("annotations = %v, want those of the template", pod.Annotations)
	}
	o, _ := p.Make(Copy{Name: "copy-1"})
	if kept, _, _ := unstructured.NestedBool(o.Object, "spec", "futureField", "kept"); !kept {
		t.Error("a field that this build does not know is lost")
	}
}

// The control is as it is; the other is what the webhook makes of it: its own patch, applied
// with the library of the API server, is the oracle.
func TestCopyHasTheSettingsOfTheWebhook(t *testing.T) {
	t.Parallel()
	p, _ := newPlan(t, deployment(plain), Surroundings{}, Options{})
	if sc := made(t, p, Copy{Name: "a"}).Spec.Containers[0].SecurityContext; sc != nil {
		t.Errorf("the control has %v, want nothing", sc)
	}
	got := made(t, p, Copy{Name: "b", Profile: trialtest.Hardened(t)}).Spec.Containers[0].SecurityContext
	text, _ := json.Marshal(got)
	const want = `{"capabilities":{"drop":["ALL"]},"runAsUser":10001,"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`
	if string(text) != want {
		t.Errorf("security context = %s, want %s", text, want)
	}
	settings, err := p.Settings()
	if err != nil || len(settings) != 6 {
		t.Errorf("settings = %v, %v, want six", settings, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	mounted := func(volume, mount string) string {
		return "containers: [{name: web, image: nginx, volumeMounts: [{name: v, mountPath: /v" + mount + "}]}]\nvolumes: [{name: v, " + volume + "}]"
	}
	claim := mounted("persistentVolumeClaim: {claimName: data}", "")
	claims := map[string]Claim{"data": {AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}}}
	for _, test := range []struct {
		name, spec string
		claims     map[string]Claim
		o          Options
		want       string // in a refusal; empty: none
		fix        string
	}{
		{name: "plain", spec: plain},
		{name: "claim", spec: claim, want: "claim data", fix: "--volumes=empty"},
		{name: "claim, read only", spec: mounted("persistentVolumeClaim: {claimName: data}", ", readOnly: true")},
		{name: "claim that is read only", spec: mounted("persistentVolumeClaim: {claimName: data, readOnly: true}", "")},
		{name: "claim, empty", spec: claim, o: Options{Volumes: EmptyVolumes}},
		{name: "claim, shared", spec: claim, o: Options{Volumes: ShareVolumes}},
		{name: "ReadWriteOncePod, shared", spec: claim, claims: claims, o: Options{Volumes: ShareVolumes}, want: "ReadWriteOncePod", fix: "--volumes=empty"},
		{name: "ReadWriteOncePod, empty", spec: claim, claims: claims, o: Options{Volumes: EmptyVolumes}},
		{name: "hostPath", spec: mounted("hostPath: {path: /var/lib/x}", ""), want: "hostPath /var/lib/x", fix: "--volumes=empty"},
		{name: "hostPath, read only", spec: mounted("hostPath: {path: /var/lib/x}", ", readOnly: true")},
		{name: "socket of the node, read only", spec: mounted("hostPath: {path: /run/containerd.sock}", ", readOnly: true"), want: "socket", fix: "--volumes=empty"},
		{name: "NFS", spec: mounted("nfs: {server: a, path: /b}", ""), want: "NFS a:/b", fix: "--volumes"},
		{name: "emptyDir", spec: mounted("emptyDir: {}", "")},
		{name: "Secret", spec: mounted("secret: {secretName: s}", "")},
		{name: "a kind of volume that nobody knows", spec: mounted("quobyte: {registry: a, volume: b}", ""), want: "another kind", fix: "--volumes"},
		{name: "block device", spec: "containers: [{name: web, image: nginx, volumeDevices: [{name: v, devicePath: /dev/x}]}]\nvolumes: [{name: v, persistentVolumeClaim: {claimName: data}}]",
			o: Options{Volumes: EmptyVolumes}, want: "block device", fix: "without block volumes"},
		{name: "hostPort", spec: "containers: [{name: web, image: nginx, ports: [{containerPort: 80, hostPort: 8080}]}]", want: "hostPort 8080", fix: "--pod-network"},
		{name: "hostPort, own network", spec: "containers: [{name: web, image: nginx, ports: [{containerPort: 80, hostPort: 8080}]}]", o: Options{PodNetwork: true}},
		{name: "hostNetwork", spec: plain + "\nhostNetwork: true", want: "hostNetwork", fix: "--pod-network"},
		{name: "Windows", spec: plain + "\nos: {name: windows}", want: "Windows", fix: "preview"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, refused := newPlan(t, deployment(test.spec), Surroundings{Claims: test.claims}, test.o)
			switch {
			case test.want == "" && len(refused) > 0:
				t.Errorf("refused: %v", refused)
			case test.want != "" && (len(refused) != 1 || !strings.Contains(refused[0].What, test.want) || !strings.Contains(refused[0].Fix, test.fix)):
				t.Errorf("refusals = %v, want one with %q and the fix %q", refused, test.want, test.fix)
			}
			if p == nil {
				return
			}
			pod := made(t, p, Copy{Name: "a"})
			for _, v := range pod.Spec.Volumes {
				if test.o.Volumes == EmptyVolumes && (v.PersistentVolumeClaim != nil || v.HostPath != nil) {
					t.Errorf("volume %v is not empty", v)
				}
			}
			for _, port := range pod.Spec.Containers[0].Ports {
				if port.HostPort != 0 {
					t.Errorf("hostPort %d is left", port.HostPort)
				}
			}
		})
	}
}

func TestRefusesWhatWouldAdopt(t *testing.T) {
	t.Parallel()
	s := Surroundings{Selectors: []Selector{selects("ReplicationController", Adopts, "")}}
	if _, refused := newPlan(t, deployment(plain), s, Options{}); len(refused) != 1 {
		t.Errorf("refusals = %v, want one", refused)
	}
	if p, refused := newPlan(t, deployment(plain), s, Options{Selected: true}); p == nil {
		t.Errorf("refused: %v, and the caller insists", refused)
	}
}

// Where the webhook hardens every Pod, no copy runs as it is. What only warns changes nothing.
func TestRefusesANamespaceThatEnforces(t *testing.T) {
	t.Parallel()
	enforces := Surroundings{Labels: map[string]string{EnforceLabel: "hardened"}}
	if _, refused := newPlan(t, deployment(plain), enforces, Options{Selected: true}); len(refused) != 1 || !strings.Contains(refused[0].What, "namespace shop has the label caseharden.io/enforce: hardened") {
		t.Errorf("refusals = %v, want one that names the label", refused)
	}
	warns := Surroundings{Labels: map[string]string{"caseharden.io/warn": "hardened"}}
	if _, refused := newPlan(t, deployment(plain), warns, Options{}); len(refused) > 0 {
		t.Errorf("refusals = %v where the namespace only warns", refused)
	}
}

// What could not be read about the surroundings is said in the plan.
func TestPlanSaysWhatItCannotKnow(t *testing.T) {
	t.Parallel()
	const sentence = "HorizontalPodAutoscaler web may count the copies"
	p, _ := newPlan(t, deployment(plain), Surroundings{Unknown: []string{sentence}}, Options{})
	if !slices.Contains(p.Notes, sentence) {
		t.Errorf("notes = %q, want %q", p.Notes, sentence)
	}
}

func TestStatefulSetBringsItsClaims(t *testing.T) {
	t.Parallel()
	const set = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: redis, volumeMounts: [{name: data, mountPath: /data}]}]}
  volumeClaimTemplates: [{metadata: {name: data}}]
`
	if _, refused := newPlan(t, set, Surroundings{}, Options{}); len(refused) != 1 || !strings.Contains(refused[0].What, "data-db-0") {
		t.Errorf("refusals = %v, want one of claim data-db-0", refused)
	}
	p, _ := newPlan(t, set, Surroundings{}, Options{Volumes: EmptyVolumes})
	if v := made(t, p, Copy{Name: "a"}).Spec.Volumes; len(v) != 1 || v[0].EmptyDir == nil {
		t.Errorf("volumes = %v, want an emptyDir", v)
	}
	if diff := cmp.Diff([]string{"data"}, p.Emptied); diff != "" {
		t.Errorf("emptied (-want +got):\n%s", diff)
	}
	p, _ = newPlan(t, set, Surroundings{}, Options{Volumes: ShareVolumes})
	if v := made(t, p, Copy{Name: "a"}).Spec.Volumes; len(v) != 1 || v[0].PersistentVolumeClaim.ClaimName != "data-db-0" {
		t.Errorf("volumes = %v, want the claim", v)
	}
}

func TestJobRunsToItsEnd(t *testing.T) {
	t.Parallel()
	p, _ := newPlan(t, `
apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: shop}
spec: {jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: report, image: busybox}]}}}}}
`, Surroundings{}, Options{})
	if pod := made(t, p, Copy{Name: "a"}); pod.Spec.RestartPolicy != corev1.RestartPolicyNever || !p.Workload.Finishes || p.CanRestart() {
		t.Errorf("restartPolicy = %s, finishes = %v", pod.Spec.RestartPolicy, p.Workload.Finishes)
	}
}

func TestPodIsForgottenWhereItRan(t *testing.T) {
	t.Parallel()
	p, _ := newPlan(t, `
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop, uid: x, resourceVersion: "1"}
spec:
  nodeName: node-1
  containers: [{name: c, image: i, volumeMounts: [{name: kube-api-access-abcde, mountPath: /var/run/secrets, readOnly: true}, {name: t, mountPath: /t}]}]
  volumes: [{name: kube-api-access-abcde, projected: {}}, {name: t, emptyDir: {}}]
status: {phase: Running}
`, Surroundings{}, Options{})
	pod := made(t, p, Copy{Name: "a"})
	if pod.Spec.NodeName != "" || len(pod.Spec.Volumes) != 1 || len(pod.Spec.Containers[0].VolumeMounts) != 1 || pod.UID != "" || pod.Status.Phase != "" {
		t.Errorf("copy = %+v", pod)
	}
	if _, err := readWorkload(t, "{apiVersion: v1, kind: Pod, metadata: {name: p, ownerReferences: [{kind: ReplicaSet, name: web-1, controller: true}]}, spec: {containers: [{name: c}]}}"); err == nil || !strings.Contains(err.Error(), "ReplicaSet web-1") {
		t.Errorf("error = %v, want one that names the owner", err)
	}
}

func TestUsesNamesSecrets(t *testing.T) {
	t.Parallel()
	p, _ := newPlan(t, deployment(`
serviceAccountName: robot
containers: [{name: web, image: nginx, envFrom: [{secretRef: {name: b}}], env: [{name: A, valueFrom: {secretKeyRef: {name: a, key: k}}}]}]
volumes: [{name: c, secret: {secretName: c}}]`), Surroundings{}, Options{})
	if diff := cmp.Diff([]string{"service account robot", "Secrets a, b, c"}, p.Uses()); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
}

// An observer needs to see the processes of the others; without one, nothing is shared.
func TestObserverSharesProcesses(t *testing.T) {
	t.Parallel()
	p, _ := newPlan(t, deployment(plain), Surroundings{}, Options{})
	pod := made(t, p, Copy{Name: "a", Observer: map[string]any{"name": "observer", "image": "i", "restartPolicy": "Always"}})
	if s := pod.Spec.ShareProcessNamespace; s == nil || !*s || len(pod.Spec.InitContainers) != 1 {
		t.Errorf("shareProcessNamespace = %v, init containers %v", s, pod.Spec.InitContainers)
	}
	if pod := made(t, p, Copy{Name: "a"}); pod.Spec.ShareProcessNamespace != nil || len(pod.Spec.InitContainers) != 0 {
		t.Error("a later copy has the observer as well")
	}
}

func TestKillProbeIsInThatCopyAlone(t *testing.T) {
	t.Parallel()
	p, _ := newPlan(t, deployment(plain), Surroundings{}, Options{})
	if probe := made(t, p, Copy{Name: "a"}).Spec.Containers[0].LivenessProbe; probe != nil {
		t.Errorf("probe = %v, want none", probe)
	}
	probe := made(t, p, Copy{Name: "a", KillAfter: 20 * time.Second}).Spec.Containers[0].LivenessProbe
	if probe == nil || probe.InitialDelaySeconds != 20 || probe.FailureThreshold != 1 {
		t.Errorf("probe = %v", probe)
	}
	if probe := made(t, p, Copy{Name: "a"}).Spec.Containers[0].LivenessProbe; probe != nil {
		t.Errorf("a later copy has the probe: %v", probe)
	}
}
