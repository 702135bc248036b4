// SPDX-License-Identifier: Apache-2.0

//go:build linux

package catalogue

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// Every application has a manifest, checks, and the comment that says what is special about
// it; a fifth or more is held out.
func TestApps(t *testing.T) {
	t.Parallel()
	apps, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	heldOut := 0
	for _, app := range apps {
		if _, err := app.Deployment(); err != nil {
			t.Error(err)
		}
		if len(app.Check) == 0 {
			t.Errorf("%s: nothing shows that it serves", app.Name)
		}
		if text, err := files.ReadFile("apps/" + app.Name + ".yaml"); err != nil || text[0] != '#' {
			t.Errorf("%s: no comment says what is special about it (%v)", app.Name, err)
		}
		if app.HeldOut() {
			heldOut++
		}
	}
	if len(apps) < 20 || heldOut < len(apps)/5 || heldOut > len(apps)/2 {
		t.Errorf("%d applications, of which %d are held out", len(apps), heldOut)
	}
}

// The truth is of the applications as they are now, and gives a cause for each setting that
// has to differ.
func TestTruth(t *testing.T) {
	t.Parallel()
	truth, err := ReadTruth()
	if err != nil {
		t.Fatal(err)
	}
	apps, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(truth.Apps) < 25 {
		t.Errorf("%d applications were measured, which says too little", len(truth.Apps))
	}
	causes := []Cause{Owner, ReadOnly, Entrypoint, NeedsRoot, Capability, FileCapability, SetUID, NoPasswd, ImageUser}
	for _, app := range apps {
		i := slices.IndexFunc(truth.Apps, func(t AppTruth) bool { return t.Name == app.Name })
		if i < 0 {
			t.Logf("%s was not measured: make test-apps does it", app.Name)
			continue
		}
		found := truth.Apps[i]
		if found.Digest != app.Digest() || found.HeldOut != app.HeldOut() {
			t.Errorf("%s was measured as it was before: run make test-apps", app.Name)
		}
		if len(found.Smallest) == 0 || !found.Works[With().String()] || !found.Works[found.Smallest[0].String()] {
			t.Errorf("%s: no profile is known under which it serves", app.Name)
			continue
		}
		differs := []string{}
		for _, d := range found.Differs {
			setting := d.Setting
			if setting == RunAsUser && d.Also == ReadOnlyRootFilesystem {
				setting = ReadOnlyRootFilesystem // by writable paths
			}
			differs = append(differs, setting)
			if !slices.Contains(causes, d.Cause) {
				t.Errorf("%s, %s: causes.yaml must give the cause: %q; %s; %s", app.Name, d.Setting, d.Cause, d.How, d.Log)
			}
			if found.Works[found.Smallest[0].Restore(setting).String()] {
				t.Errorf("%s also serves with %s as profile hardened has it", app.Name, d.Setting)
			}
		}
		if diff := cmp.Diff(found.Smallest[0].Differs(), differs); diff != "" {
			t.Errorf("%s: settings in which it differs (-want +got):\n%s", app.Name, diff)
		}
		if live, err := app.Live(); err != nil || len(live) == 0 {
			t.Errorf("%s: no live status (%v)", app.Name, err)
		}
	}
}

// A variant fills in its settings where they are unset, and no others.
func TestApply(t *testing.T) {
	t.Parallel()
	plain := func() *corev1.PodSpec { return &corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}} }
	for _, setting := range Settings {
		spec := plain()
		With(setting).Apply(spec)
		if diff := cmp.Diff([]string{setting}, InEffect(spec)); diff != "" {
			t.Errorf("only %s (-want +got):\n%s", setting, diff)
		}
		spec = plain()
		Without(setting).Apply(spec)
		if got := InEffect(spec); len(got) != len(Settings)-1 || slices.Contains(got, setting) {
			t.Errorf("without %s: %v", setting, got)
		}
	}

	spec := plain()
	spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: new(int64(5)), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}}
	spec.Containers[0].SecurityContext = &corev1.SecurityContext{ReadOnlyRootFilesystem: new(false), AllowPrivilegeEscalation: new(true)}
	spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data/"}}
	v := Without()
	v.WritablePaths = []string{"/data", "/tmp"}
	v.Apply(spec)
	if diff := cmp.Diff([]string{CapabilitiesDrop, RunAsNonRoot, RunAsUser}, InEffect(spec)); diff != "" {
		t.Errorf("what the author set is not kept (-want +got):\n%s", diff)
	}
	if len(spec.Volumes) != 0 {
		t.Errorf("writable paths although the author decided on the root: %v", spec.Volumes)
	}

	spec = plain()
	spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data/"}}
	v.User = 33
	v.Apply(spec)
	if len(spec.Volumes) != 1 || spec.Containers[0].VolumeMounts[1].MountPath != "/tmp" || *spec.Containers[0].SecurityContext.RunAsUser != 33 {
		t.Errorf("got %v, %v, want one more volume, at /tmp, and user 33", spec.Volumes, spec.Containers[0].VolumeMounts)
	}
}

func TestDiffers(t *testing.T) {
	t.Parallel()
	v := Without(CapabilitiesDrop)
	v.User, v.WritablePaths = 33, []string{"/tmp"}
	if diff := cmp.Diff([]string{CapabilitiesDrop, ReadOnlyRootFilesystem, RunAsUser}, v.Differs()); diff != "" {
		t.Errorf("differs in (-want +got):\n%s", diff)
	}
	for setting, want := range map[string]string{
		CapabilitiesDrop:       "all settings; user 33; writable /tmp",
		RunAsUser:              "without capabilities.drop; writable /tmp",
		ReadOnlyRootFilesystem: "without capabilities.drop; user 33",
	} {
		if got := v.Restore(setting).String(); got != want {
			t.Errorf("with %s restored: %q, want %q", setting, got, want)
		}
	}
	if got := With(RunAsUser).String(); got != "only runAsUser" {
		t.Errorf("got %q", got)
	}
}
