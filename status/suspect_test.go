// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/evidence"
)

// waiting returns a status whose container waits; ended one that ended with a code.
func waiting(reason, message string) string {
	return `{phase: Pending, containerStatuses: [{name: app, ready: false, restartCount: 0, state: {waiting: {reason: ` + reason + `, message: '` + message + `'}}}]}`
}

func ended(code, message string) string {
	return `{phase: Running, containerStatuses: [{name: app, ready: false, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff, message: 'back-off 40s restarting failed container'}}, ` +
		`lastState: {terminated: {exitCode: ` + code + `, reason: Error, message: '` + message + `'}}}]}`
}

// What names a setting makes it a suspect, and nothing else does. The messages are those of
// the kubelet, runc and common programs.
func TestSuspects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, status string
		log          string
		want         string // ID and settings
		verdict      evidence.Verdict
	}{
		{"root is refused", waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root (pod: \"web\", container: app)"), "", "non-root-refused runAsNonRoot", evidence.Breaks},
		{"a user by name", waiting("CreateContainerConfigError", "container has runAsNonRoot and image has non-numeric user (nginx), cannot verify user is non-root"), "", "non-root-refused runAsNonRoot", evidence.Breaks},
		{"a Secret is missing", waiting("CreateContainerConfigError", "secret \"shop\" not found"), "", "", ""},
		{"an image is missing", waiting("ImagePullBackOff", "Back-off pulling image"), "", "", ""},
		{"a file capability", waiting("RunContainerError", `failed to create containerd task: runc create failed: unable to start container process: error during container init: exec: "/bin/app": operation not permitted`), "", "program-not-permitted capabilities.drop", evidence.Breaks},
		{"a program of another user", waiting("RunContainerError", `runc create failed: unable to start container process: exec: "/app/run": permission denied`), "", "program-not-executable runAsUser", evidence.Breaks},
		{"a program that is not there", waiting("RunContainerError", `runc create failed: exec: "/app/run": stat /app/run: no such file or directory`), "", "", ""},
		{"a write", ended("1", "open /var/lib/app/state: read-only file system"), "", "read-only-root readOnlyRootFilesystem", evidence.Risk},
		{"a write in the log", ended("1", ""), "nginx: [emerg] mkdir() \"/var/cache/nginx/client_temp\" failed (30: Read-only file system)", "read-only-root readOnlyRootFilesystem", evidence.Risk},
		{"a directory of others", ended("1", "mkdir /data/db: permission denied"), "", "permission-denied runAsUser", evidence.Risk},
		{"chown", ended("1", ""), "chown: changing ownership of '/data': Operation not permitted", "not-permitted capabilities.drop,runAsUser", evidence.Risk},
		{"sudo", ended("1", ""), "sudo: effective uid is not 0, is /usr/bin/sudo on a file system with the nosuid option set", "no-new-privileges allowPrivilegeEscalation", evidence.Risk},
		{"needs root", ended("1", ""), "this program must be run as root", "needs-root runAsUser,runAsNonRoot", evidence.Risk},
		{"no such user", ended("1", ""), "whoami: cannot find name for user ID 10001", "no-such-user runAsUser", evidence.Risk},
		{"seccomp", ended("159", ""), "", "system-call-refused seccompProfile", evidence.Risk},
		{"126", ended("126", ""), "", "program-not-executable runAsUser,capabilities.drop", evidence.Risk},
		{"126 of a program of others", ended("126", ""), "sh: 1: /app/run: Permission denied", "program-not-executable runAsUser", evidence.Risk},
		{"126 of a file capability", ended("126", ""), "sh: 1: ping: Operation not permitted", "program-not-permitted capabilities.drop", evidence.Risk},
		{"a user namespace", ended("1", ""), "unshare: unshare failed: Operation not permitted", "system-call-refused seccompProfile", evidence.Risk},
		{"127", ended("127", ""), "", "program-not-found runAsUser", evidence.Risk},
		{"an error of its own", ended("1", "panic: no configuration"), "", "", ""},
		{"out of memory", ended("137", ""), "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := snapshot(t, "hardened")
			addPod(t, s, "web-1-a", after, record, complete, tt.status)
			for _, trouble := range s.Troubles() {
				trouble.Log = tt.log
			}
			w := web(t, s)
			if !w.Unwell() {
				t.Fatal("it counts as well")
			}
			got := ""
			if len(w.Findings) > 0 {
				f := w.Findings[0]
				got = f.ID + " " + strings.Join(f.Settings, ",")
				if f.Verdict != tt.verdict || f.Fix == "" || f.Command == "" || len(f.Evidence) < 2 {
					t.Errorf("finding = %+v", f)
				}
			}
			if got != tt.want {
				t.Errorf("suspect = %q, want %q", got, tt.want)
			}
			if tt.want == "" && len(w.Unexplained) != 1 {
				t.Errorf("unexplained = %v", w.Unexplained)
			}

			// The same without the record: the webhook has not filled anything in.
			s = snapshot(t, "hardened")
			addPod(t, s, "web-1-a", after, "", complete, tt.status)
			for _, trouble := range s.Troubles() {
				trouble.Log = tt.log
			}
			if w := web(t, s); len(w.Findings) != 0 || len(w.Unexplained) != 1 {
				t.Errorf("without a record it is suspected: %+v", w.Findings)
			}
		})
	}
}

// Containers that start, that run again, or that have done their work are not in trouble.
func TestNoTrouble(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{
		"starts":    waiting("ContainerCreating", ""),
		"ready":     isReady,
		"recovered": `{phase: Running, containerStatuses: [{name: app, ready: true, restartCount: 2, state: {running: {}}, lastState: {terminated: {exitCode: 1, message: "Read-only file system"}}}]}`,
		"done":      `{phase: Succeeded, containerStatuses: [{name: app, ready: false, state: {terminated: {exitCode: 0}}}]}`,
	} {
		s := snapshot(t, "hardened")
		addPod(t, s, "web-1-a", after, record, complete, state)
		if w := web(t, s); w.Unwell() {
			t.Errorf("%s: %+v %+v", name, w.Findings, w.Unexplained)
		}
	}
}

// A Pod that is not hardened and runs speaks for the suspicion; a hardened one that runs
// speaks against it.
func TestBefore(t *testing.T) {
	t.Parallel()
	failing := ended("1", "open /data/x: permission denied")
	s := snapshot(t, "hardened")
	addPod(t, s, "web-1-old", before, "", bare, isReady)
	addPod(t, s, "web-1-new", after, record, complete, failing)
	f := web(t, s).Findings[0]
	if f.Severity != evidence.High || !strings.Contains(f.Before, "web-1-old") {
		t.Errorf("before = %q, severity %s", f.Before, f.Severity)
	}
	// The user that frees it is that of the Pod from before.
	if !strings.Contains(f.Command, `"runAsUser":33`) {
		t.Errorf("command = %s", f.Command)
	}

	// Root is nothing without its capabilities, and the kubelet must start it.
	s = snapshot(t, "hardened")
	addPod(t, s, "web-1-old", before, "", bare, strings.ReplaceAll(isReady, "33", "0"))
	addPod(t, s, "web-1-new", after, record, complete, failing)
	if got := web(t, s).Findings[0].Command; !strings.Contains(got, `{"capabilities":{"drop":["SYS_ADMIN"]},"runAsNonRoot":false,"runAsUser":0}`) {
		t.Errorf("command = %s", got)
	}

	s = snapshot(t, "hardened")
	addPod(t, s, "web-1-good", after, record, complete, isReady)
	addPod(t, s, "web-1-bad", after, record, complete, failing)
	if f := web(t, s).Findings[0]; f.Severity != evidence.Low || !strings.Contains(f.Before, "web-1-good") {
		t.Errorf("before = %q, severity %s", f.Before, f.Severity)
	}
}

// Pods that fail alike make one finding.
func TestFindingsOfManyPods(t *testing.T) {
	t.Parallel()
	s := snapshot(t, "hardened")
	for _, name := range []string{"web-1-a", "web-1-b", "web-1-c"} {
		addPod(t, s, name, after, record, complete, ended("159", ""))
	}
	if w := web(t, s); len(w.Findings) != 1 || w.Findings[0].Pods != 3 || w.Troubled != 3 {
		t.Errorf("findings = %+v", w.Findings)
	}
}

// Events tell why Pods are not created, as long as replicas are missing.
func TestFailures(t *testing.T) {
	t.Parallel()
	const deployment = `{metadata: {name: web, namespace: shop}, spec: {replicas: 2, template: {spec: {containers: [{name: app, image: app}]}}}, status: {readyReplicas: %s, updatedReplicas: 2}}`
	for _, tt := range []struct{ message, ready, want string }{
		{`pods "web-1-" is forbidden: violates PodSecurity "restricted:latest": privileged`, "0", "pod-security-refused"},
		{`Internal error occurred: failed calling webhook "enforce-hardened.caseharden.io": failed to call webhook: connection refused`, "0", "webhook-not-called"},
		{`Internal error occurred: failed calling webhook "istio.example.com": no`, "0", ""},
		{`exceeded quota`, "0", ""},
		{`pods "web-1-" is forbidden: violates PodSecurity "restricted:latest": privileged`, "2", "well"},
	} {
		s := snapshot(t, "hardened")
		addWorkload(t, s, "Deployment", strings.Replace(deployment, "%s", tt.ready, 1))
		s.AddOwner(Ref{"apps", "ReplicaSet", "shop", "web-1"}, Ref{"apps", "Deployment", "shop", "web"})
		s.AddFailure(Failure{Owner: Ref{"apps", "ReplicaSet", "shop", "web-1"}, Message: tt.message, Last: now})
		w := web(t, s)
		got := "well"
		if len(w.Findings) > 0 {
			got = w.Findings[0].ID
		} else if w.Unwell() {
			got = ""
		}
		if got != tt.want {
			t.Errorf("%s, %s ready: %q, want %q", tt.message, tt.ready, got, tt.want)
		}
	}
}

// The command is a patch of the template, quoted for a shell, with what the webhook leaves.
func TestCommand(t *testing.T) {
	t.Parallel()
	f := free([]string{capabilities, readOnlyRoot, nonRoot, escalation, seccomp}, nil, "")
	got := f.command("it's", Ref{"batch", "CronJob", "shop", "night"}, "app", true)
	want := `kubectl --context 'it'\''s' patch cronjob night -n shop --type=strategic -p '{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"initContainers":[{"name":"app","securityContext":` +
		`{"allowPrivilegeEscalation":true,"capabilities":{"drop":["SYS_ADMIN"]},"readOnlyRootFilesystem":false,"runAsNonRoot":false,"seccompProfile":{"type":"Unconfined"}}}]}}}}}}'`
	if got != want {
		t.Errorf("command = %s\nwant      %s", got, want)
	}
	for _, r := range []Ref{{Kind: "Pod", Name: "a"}, {"batch", "Job", "shop", "a"}, {"argoproj.io", "Rollout", "shop", "a"}} {
		if got := f.command("", r, "app", false); got != "" {
			t.Errorf("%s: %s", r, got)
		}
	}
	if !slices.Equal([]string{quoted(""), quoted("a-b"), quoted("a b")}, []string{"''", "a-b", "'a b'"}) {
		t.Error("quoted")
	}
}
