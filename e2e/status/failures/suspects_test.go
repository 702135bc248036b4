// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package failures

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/status/command"
	"github.com/caseharden/caseharden/e2e/status/failures/image"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// An application runs until it is hardened.
type application struct {
	name, profile, image string
	command              string // a list of YAML; empty: sleep
	context              string // what its author sets
	logs                 bool   // the suspicion needs --logs
	// want is what is suspected, one after the other: the next, when the one before is freed.
	want []string
}

func script(text string) string { return fmt.Sprintf(`[sh, -c, %q]`, text) }

// Every way in which a container fails, with what is suspected: exactly that.
var applications = []application{
	{name: "image-of-root", profile: "restricted", image: image.Root, want: []string{"breaks non-root-refused runAsNonRoot"}},
	{name: "user-by-name", profile: "restricted", image: image.App, want: []string{"breaks non-root-refused runAsNonRoot"}},
	{name: "file-capability", profile: "hardened", image: image.Root, command: `[ping, -q, -i, "60", 127.0.0.1]`, logs: true,
		want: []string{"risk program-not-permitted capabilities.drop"}},
	{name: "program-of-another", profile: "hardened", image: image.App, command: `[/usr/local/bin/private]`,
		want: []string{"breaks program-not-executable runAsUser"}},
	{name: "writes", profile: "hardened", image: image.Root, command: script("touch /tmp/x && exec sleep 3600"), logs: true,
		want: []string{"risk read-only-root readOnlyRootFilesystem"}},
	{name: "reads", profile: "hardened", image: image.App, command: script("cat /data/bin/secret && exec sleep 3600"), logs: true,
		want: []string{"risk permission-denied runAsUser"}},
	{name: "writes-its-own", profile: "hardened", image: image.App, command: script("echo x > /data/x && exec sleep 3600"), logs: true,
		want: []string{"risk permission-denied runAsUser", "risk read-only-root readOnlyRootFilesystem"}},
	{name: "chown", profile: "hardened", image: image.Root, command: script("touch /work/x && chown 999 /work/x && exec sleep 3600"), logs: true,
		want: []string{"risk not-permitted capabilities.drop,runAsUser"}},
	{name: "sudo", profile: "hardened", image: image.Root, context: "capabilities: {drop: [MKNOD]}", command: script("sudo -n true && exec sleep 3600"), logs: true,
		want: []string{"risk no-new-privileges allowPrivilegeEscalation"}},
	{name: "user-namespace", profile: "hardened", image: image.Root, command: script("unshare --user true && exec sleep 3600"), logs: true,
		want: []string{"risk system-call-refused seccompProfile"}},
	{name: "exit-126", profile: "hardened", image: image.App, command: script("/usr/local/bin/private"),
		want: []string{"risk program-not-executable runAsUser,capabilities.drop"}},
	{name: "exit-126-log", profile: "hardened", image: image.App, command: script("/usr/local/bin/private"), logs: true,
		want: []string{"risk program-not-executable runAsUser"}},
	{name: "exit-126-capability", profile: "hardened", image: image.Root, command: script("ping -q -i 60 127.0.0.1"), logs: true,
		want: []string{"risk program-not-permitted capabilities.drop"}},
	{name: "exit-127", profile: "hardened", image: image.App, command: `[bash, -c, "PATH=$PATH:/data/bin; tool; exit $?"]`,
		want: []string{"risk program-not-found runAsUser"}},
	{name: "exit-159", profile: "killing", image: image.Root, command: script("sync || exit $?; exec sleep 3600"),
		want: []string{"risk system-call-refused seccompProfile"}},
	// Nothing speaks against a setting: nothing is suspected.
	{name: "mistake", profile: "hardened", image: image.Root, command: script("echo no configuration; exit 1"), logs: true},
	{name: "no-such-program", profile: "hardened", image: image.Root, command: `[/no/such/program]`},
}

func (a application) manifest() string {
	if a.command == "" {
		a.command = script("exec sleep 3600")
	}
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  minReadySeconds: 3 # what fails is ready for a moment
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: app, image: %[2]q, command: %[3]s, securityContext: {%[4]s}, volumeMounts: [{name: work, mountPath: /work}]}
      volumes: [{name: work, emptyDir: {}}]
`, a.name, a.image, a.command, a.context)
}

func (a application) namespace() string { return "failing-" + a.profile }

// said returns what a report says of a workload, as application has it.
func said(w command.Workload) []string {
	var all []string
	for _, f := range w.Findings {
		all = append(all, strings.Join([]string{f.Verdict, f.ID, strings.Join(f.Settings, ",")}, " "))
	}
	return all
}

func TestSuspects(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"hardened", "restricted", "killing"} {
		bedtest.Namespace(t, c, "failing-"+profile, enforcing(profile))
	}
	for _, a := range applications {
		bedtest.Apply(t, c, a.namespace(), a.manifest())
	}
	for _, a := range applications {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			for _, want := range a.want {
				a.free(t, want)
			}
			if a.want == nil {
				a.unexplained(t)
				return
			}
			bedtest.Within(t, soon, "the freed workload to run", func() error { return runs(t, a.namespace(), a.name) })
			if w := a.look(t); len(w.Findings)+len(w.Unexplained) > 0 {
				t.Errorf("it runs, and is unwell: %+v", w)
			}
		})
	}
}

func (a application) look(t *testing.T) command.Workload {
	t.Helper()
	args := []string{"-n", a.namespace()}
	if a.logs {
		args = append(args, "--logs")
	}
	return status(t, args...).Workload(t, "Deployment", a.name)
}

// free waits until something is suspected, and runs the command that frees the workload.
func (a application) free(t *testing.T, want string) {
	t.Helper()
	var found command.Workload
	bedtest.Within(t, soon, "suspicion "+want, func() error {
		found = a.look(t)
		if got := said(found); !slices.Equal(got, []string{want}) {
			return fmt.Errorf("suspected: %q, not explained: %+v", got, found.Unexplained)
		}
		return nil
	})
	f := found.Findings[0]
	t.Logf("%s\n%s", f.Command, f.Note)
	if f.Command == "" {
		t.Fatalf("no command, but %q", f.Note)
	}
	shell(t, f.Command)
}

func (a application) unexplained(t *testing.T) {
	t.Helper()
	bedtest.Within(t, soon, "the failure", func() error {
		if w := a.look(t); len(w.Unexplained) != 1 || len(w.Findings) > 0 {
			return fmt.Errorf("%+v", w)
		}
		return nil
	})
}

// runs returns an error unless the Deployment has rolled out.
func runs(t *testing.T, namespace, name string) error {
	t.Helper()
	d, err := c.Client().AppsV1().Deployments(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	s := d.Status
	if s.ObservedGeneration < d.Generation || s.UpdatedReplicas < 1 || s.AvailableReplicas < 1 || s.Replicas > s.UpdatedReplicas {
		return fmt.Errorf("%+v", s)
	}
	pods, err := c.Client().CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
	if err != nil {
		return err
	}
	if len(pods.Items) != 1 {
		return errors.New("a Pod from before is there")
	}
	return nil
}
