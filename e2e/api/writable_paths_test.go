// SPDX-License-Identifier: Apache-2.0

package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The names of the volumes of two writable paths: what can be read of the path, and
// the beginning of its SHA-256.
const (
	tmpVolume    = "caseharden-tmp-e9671acd"
	varRunVolume = "caseharden-var-run-10bf2897"
)

func emptyDir(name, limit string) corev1.Volume {
	quantity := resource.MustParse(limit)
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &quantity}}}
}

// The paths of a profile, everything if none is named, and where an author has something there, or
// another volume of ours.
func TestWritablePaths(t *testing.T) {
	withOwnProfiles(t)
	plain := newNamespace(t, nil)
	enforced := map[string]string{"everything": newEnforced(t, "everything"), "writable-unlimited": newEnforced(t, "writable-unlimited")}
	tmp := func(container string) corev1.VolumeMount {
		return corev1.VolumeMount{Name: tmpVolume, MountPath: "/tmp", SubPath: container}
	}
	varRun := func(container string) corev1.VolumeMount {
		return corev1.VolumeMount{Name: varRunVolume, MountPath: "/var/run", SubPath: container}
	}
	both := []corev1.Volume{emptyDir(tmpVolume, "64Mi"), emptyDir(varRunVolume, "1Mi")}
	for name, tt := range map[string]struct {
		profile  string
		manifest string
		volumes  []corev1.Volume                 // after the author's
		mounts   map[string][]corev1.VolumeMount // by container, after the author's
	}{
		"every kind of container": {
			manifest: `spec: {initContainers: [{name: setup}, {name: sidecar, restartPolicy: Always}], containers: [{name: app}, {name: helper}]}`,
			volumes:  both,
			mounts: map[string][]corev1.VolumeMount{"setup": {tmp("setup"), varRun("setup")}, "sidecar": {tmp("sidecar"), varRun("sidecar")},
				"app": {tmp("app"), varRun("app")}, "helper": {tmp("helper"), varRun("helper")}},
		},
		"beside the author's": {
			manifest: `spec: {containers: [{name: app, volumeMounts: [{name: data, mountPath: /data}, {name: data, mountPath: /tmp/cache}]}], volumes: [{name: data, emptyDir: {}}]}`,
			volumes:  both,
			mounts:   map[string][]corev1.VolumeMount{"app": {tmp("app"), varRun("app")}},
		},
		"the author's there": {
			manifest: `spec: {containers: [{name: app, volumeMounts: [{name: data, mountPath: /tmp/}]}], volumes: [{name: data, emptyDir: {}}]}`,
			volumes:  both[1:],
			mounts:   map[string][]corev1.VolumeMount{"app": {varRun("app")}},
		},
		"the author's above": {
			manifest: `spec: {containers: [{name: app, volumeMounts: [{name: data, mountPath: /var}]}], volumes: [{name: data, emptyDir: {}}]}`,
			volumes:  both[:1],
			mounts:   map[string][]corev1.VolumeMount{"app": {tmp("app")}},
		},
		"the author's device": {
			manifest: `spec: {containers: [{name: app, volumeDevices: [{name: data, devicePath: /tmp}]}], volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]}`,
			volumes:  both[1:],
			mounts:   map[string][]corev1.VolumeMount{"app": {varRun("app")}},
		},
		"the root file system is the author's": {
			manifest: `spec: {containers: [{name: app, securityContext: {readOnlyRootFilesystem: true}}, {name: helper, securityContext: {readOnlyRootFilesystem: false}}]}`,
		},
		"a pod for Windows": {
			manifest: `spec: {os: {name: windows}, containers: [{name: app}]}`,
		},
		"other volumes of our name": {
			manifest: `spec: {containers: [{name: app}], volumes: [{name: ` + tmpVolume + `, emptyDir: {medium: Memory, sizeLimit: 64Mi}}, {name: ` + tmpVolume + `-2, emptyDir: {sizeLimit: 65Mi}}, {name: ` + varRunVolume + `, configMap: {name: x}}]}`,
			volumes:  []corev1.Volume{emptyDir(tmpVolume+"-3", "64Mi"), emptyDir(varRunVolume+"-2", "1Mi")},
			mounts: map[string][]corev1.VolumeMount{"app": {
				{Name: tmpVolume + "-3", MountPath: "/tmp", SubPath: "app"}, {Name: varRunVolume + "-2", MountPath: "/var/run", SubPath: "app"}}},
		},
		"without a size limit": {
			profile:  "writable-unlimited",
			manifest: `spec: {containers: [{name: app}], volumes: [{name: ` + tmpVolume + `, emptyDir: {sizeLimit: 64Mi}}]}`,
			volumes:  []corev1.Volume{{Name: tmpVolume + "-2", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
			mounts:   map[string][]corev1.VolumeMount{"app": {{Name: tmpVolume + "-2", MountPath: "/tmp", SubPath: "app"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.profile == "" {
				tt.profile = "everything"
			}
			enforced := enforced[tt.profile]
			want := create(t, plain, pod(t, tt.manifest)).Spec
			created := create(t, enforced, pod(t, tt.manifest))
			admitted, err := client.CoreV1().Pods(enforced).Get(t.Context(), created.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want.Volumes = append(want.Volumes, tt.volumes...)
			for _, list := range [][]corev1.Container{want.InitContainers, want.Containers} {
				for i := range list {
					list[i].VolumeMounts = append(list[i].VolumeMounts, tt.mounts[list[i].Name]...)
				}
			}
			checkMounts(t, &want, &admitted.Spec)

			again := admitted.DeepCopy()
			again.ObjectMeta = metav1.ObjectMeta{Name: unique("again"), Annotations: admitted.Annotations}
			second := create(t, enforced, again)
			if diff := cmp.Diff(admitted.Spec, second.Spec); diff != "" {
				t.Errorf("a second pass changes the pod (-first +second):\n%s", diff)
			}
			if diff := cmp.Diff(admitted.Annotations, second.Annotations); diff != "" {
				t.Errorf("a second pass changes the annotations (-first +second):\n%s", diff)
			}
		})
	}
}

// checkMounts compares all the volumes, and the mounts of every container.
func checkMounts(t *testing.T, want, got *corev1.PodSpec) {
	t.Helper()
	if diff := cmp.Diff(want.Volumes, got.Volumes); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
	mounts := func(spec *corev1.PodSpec) map[string][]corev1.VolumeMount {
		all := map[string][]corev1.VolumeMount{}
		for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
			for _, c := range list {
				all[c.Name] = c.VolumeMounts
			}
		}
		for _, c := range spec.EphemeralContainers {
			all[c.Name] = c.VolumeMounts
		}
		return all
	}
	if diff := cmp.Diff(mounts(want), mounts(got)); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

// The volumes of a running pod cannot change, and an ephemeral container cannot
// have a subPath: none of the profiles mounts anything in one, also where its root
// file system is made read-only.
func TestNoWritablePathsInEphemeralContainers(t *testing.T) {
	withOwnProfiles(t)
	for profile, readOnly := range map[string]bool{"everything": false, "writable": true} {
		running := create(t, newEnforced(t, profile), barePod())
		if len(running.Spec.Volumes) == 0 {
			t.Fatalf("%s: nothing is mounted in the pod, so the test proves nothing", profile)
		}
		debugged := addEphemeral(t, running, "debugger")
		checkMounts(t, withEphemeral(running, "debugger"), &debugged.Spec)
		sc := debugged.Spec.EphemeralContainers[0].SecurityContext
		if got := sc != nil && sc.ReadOnlyRootFilesystem != nil && *sc.ReadOnlyRootFilesystem; got != readOnly {
			t.Errorf("%s: the root file system of the ephemeral container is read-only: %v, want %v", profile, got, readOnly)
		}
	}
}

// withEphemeral is the pod with an ephemeral container that mounts nothing.
func withEphemeral(p *corev1.Pod, name string) *corev1.PodSpec {
	spec := p.Spec.DeepCopy()
	spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: name}}}
	return spec
}

// A sidecar that another webhook adds after us has its own directory in the volume
// of the first pass, which is there once.
func TestSidecarSharesTheVolumeOfAWritablePath(t *testing.T) {
	withOwnProfiles(t)
	// The label of its own keeps the other tests' pods from the second webhook.
	labels := map[string]string{"test.caseharden.io/mesh": "writable"}
	startMesh(t, labels)
	namespace := newNamespace(t, map[string]string{"test.caseharden.io/mesh": "writable", "caseharden.io/enforce": "writable"})
	waitMesh(t, namespace)
	manager := unique("mesh")
	admitted, err := client.CoreV1().Pods(namespace).Create(t.Context(), barePod(), metav1.CreateOptions{FieldManager: manager})
	if err != nil {
		t.Fatal(err)
	}
	want := admitted.Spec.DeepCopy()
	want.Volumes = []corev1.Volume{emptyDir(tmpVolume, "64Mi")}
	for i := range want.Containers {
		c := &want.Containers[i]
		c.VolumeMounts = []corev1.VolumeMount{{Name: tmpVolume, MountPath: "/tmp", SubPath: c.Name}}
	}
	if len(want.Containers) != 2 {
		t.Fatalf("the pod has %d containers, want 2", len(want.Containers))
	}
	checkMounts(t, want, &admitted.Spec)
	six := `["allowPrivilegeEscalation","capabilities.drop","readOnlyRootFilesystem","runAsNonRoot","runAsUser","seccompProfile"]`
	five := `["allowPrivilegeEscalation","capabilities.drop","readOnlyRootFilesystem","runAsNonRoot","seccompProfile"]`
	wantAnnotation := `{"profile":"writable","containers":{"app":` + six + `,"mesh-proxy":` + five + `},"writablePaths":{"app":["/tmp"],"mesh-proxy":["/tmp"]}}`
	if diff := cmp.Diff(wantAnnotation, admitted.Annotations["caseharden.io/injected"]); diff != "" {
		t.Errorf("annotation (-want +got):\n%s", diff)
	}
	wantAudit := map[string]string{
		"enforce-writable.caseharden.io/injected":                 `{"profile":"writable","containers":{"app":` + six + `},"writablePaths":{"app":["/tmp"]}}`,
		"enforce-writable.caseharden.io/injected-on-reinvocation": `{"profile":"writable","containers":{"mesh-proxy":` + five + `},"writablePaths":{"mesh-proxy":["/tmp"]}}`,
		"enforce-writable.caseharden.io/skipped-on-reinvocation":  `{"profile":"writable","containers":{"mesh-proxy":{"runAsUser":"exception: the mesh picks its user"}}}`,
	}
	if diff := cmp.Diff(wantAudit, auditAnnotations(t, manager)); diff != "" {
		t.Errorf("annotations of the audit event (-want +got):\n%s", diff)
	}
}
