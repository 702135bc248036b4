// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package trial

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// What a trial cannot tell, each with its own sentence.
func TestCannotTell(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, manifest, more string
		labels               map[string]string
		want                 string
	}{
		{name: "control-fails", manifest: deployment(rootImage, `"-not-root"`), want: "must not be started as root"},
		{name: "no-image", manifest: deployment("images.test/missing:1", ""), want: "image cannot be pulled"},
		{name: "no-node", manifest: strings.Replace(deployment(rootImage, ""), "      containers:", "      nodeSelector: {no: such}\n      containers:", 1), want: "cannot be scheduled"},
		{name: "no-room", manifest: deployment(rootImage, ""), more: `
apiVersion: v1
kind: ResourceQuota
metadata: {name: q}
spec: {hard: {pods: "0"}}
`, want: "quota has no room"},
		{name: "restricted", manifest: deployment(rootImage, ""), labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}, want: "Pod Security Standard"},
		{name: "no-secret", manifest: strings.Replace(deployment(rootImage, ""), "ports:", "envFrom: [{secretRef: {name: missing}}], ports:", 1), want: "refers to is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ns := bedtest.Namespace(t, c, "tell-"+test.name, test.labels)
			if test.more != "" {
				bedtest.Apply(t, c, ns, test.more)
				bedtest.Within(t, soon, "the quota to be counted", func() error {
					used := bedtest.Kubectl(t, c, "", "get", "resourcequota", "q", "-n", ns, "-o", "jsonpath={.status.hard.pods}")
					if used == "" {
						return fmt.Errorf("no status")
					}
					return nil
				})
			}
			bedtest.Apply(t, c, ns, test.manifest)
			r := try(t, "deployment/app", "-n", ns, "--timeout=40s")
			if r.code != 3 || !strings.Contains(r.report.Sentence, test.want) {
				t.Errorf("exit code %d, %q, want 3 and %q", r.code, r.report.Sentence, test.want)
			}
			if names := left(t, ns); len(names) > 0 {
				t.Errorf("left behind: %q", names)
			}
		})
	}
}

// Somebody else's admission fills in what the control does not have: nothing can be told.
func TestAdmissionOfOthers(t *testing.T) {
	t.Parallel()
	ns := bedtest.Namespace(t, c, "admission", map[string]string{"test/fills": "in"})
	bedtest.Apply(t, c, ns, `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: fills-in}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {test/fills: in}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  reinvocationPolicy: IfNeeded
  failurePolicy: Fail
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration:
      expression: >
        Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, securityContext: Object.spec.containers.securityContext{runAsUser: 1}})}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: fills-in}
spec: {policyName: fills-in}
`)
	t.Cleanup(func() {
		if _, err := c.Kubectl(context.Background(), nil, "delete", "mutatingadmissionpolicybinding/fills-in", "mutatingadmissionpolicy/fills-in"); err != nil {
			t.Error(err)
		}
	})
	bedtest.Within(t, soon, "the policy to work", func() error {
		got := bedtest.Kubectl(t, c, "", "run", "x", "-n", ns, "--image="+rootImage, "--dry-run=server", "-o", "jsonpath={.spec.containers[0].securityContext.runAsUser}")
		if got != "1" {
			return fmt.Errorf("runAsUser = %q", got)
		}
		return nil
	})
	bedtest.Apply(t, c, ns, deployment(rootImage, ""))
	if r := try(t, "deployment/app", "-n", ns); r.code != 3 || !strings.Contains(r.report.Sentence, "admission of the cluster changes") {
		t.Errorf("exit code %d, %q", r.code, r.report.Sentence)
	}
}

// Where the webhook enforces a profile, no copy could run as it is. The trial refuses before the
// first copy, and does its work in a namespace beside, from the manifest.
func TestNamespaceThatEnforces(t *testing.T) {
	t.Parallel()
	ns := bedtest.Namespace(t, c, "enforces", map[string]string{"caseharden.io/enforce": "hardened"})
	bedtest.Apply(t, c, ns, deployment(rootImage, needsTmp))
	bedtest.Within(t, soon, "the workload to break under the profile", func() error {
		pods, err := c.Client().CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "app=app"})
		if err != nil || len(pods.Items) == 0 || len(pods.Items[0].Status.ContainerStatuses) == 0 || pods.Items[0].Status.ContainerStatuses[0].RestartCount == 0 {
			return fmt.Errorf("it does not break (%w)", err)
		}
		return nil
	})
	r := try(t, "deployment/app", "-n", ns)
	for _, want := range []string{"has the label caseharden.io/enforce: hardened", "-f", "-n"} {
		if r.code != 1 || !strings.Contains(r.stderr, want) {
			t.Errorf("exit code %d, want 1 and %q: %s", r.code, want, r.stderr)
		}
	}
	if names := left(t, ns); len(names) > 0 {
		t.Errorf("copies were made: %q", names)
	}
	beside := bedtest.Namespace(t, c, "enforces-not", nil)
	file := filepath.Join(t.TempDir(), "app.yaml")
	if err := os.WriteFile(file, []byte(bedtest.Kubectl(t, c, "", "get", "deployment", "app", "-n", ns, "-o", "yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := try(t, "-f", file, "-n", beside); r.code != 2 || !strings.Contains(r.report.Document, "/tmp") {
		t.Errorf("beside it: exit code %d, %s\n%s", r.code, r.report.Sentence, r.report.Document)
	}
	// Who may not read the namespace is not warned: then what a copy became tells it.
	bedtest.Kubectl(t, c, "", "create", "serviceaccount", "robot", "-n", ns)
	bedtest.Kubectl(t, c, "", "create", "rolebinding", "robot", "-n", ns, "--role=caseharden-trial", "--serviceaccount="+ns+":robot")
	kubeconfig := asRobot(t, strings.TrimSpace(bedtest.Kubectl(t, c, "", "create", "token", "robot", "-n", ns)))
	_, role, _ := strings.Cut(try(t, "deployment/app", "-n", ns, "--kubeconfig", kubeconfig).stderr, "\n\n")
	bedtest.Apply(t, c, ns, role) // that the command printed
	if r := try(t, "deployment/app", "-n", ns, "--kubeconfig", kubeconfig); r.code != 3 || !strings.Contains(r.report.Sentence, "enforces a profile already") {
		t.Errorf("as somebody who may not read the namespace: exit code %d, %q", r.code, r.report.Sentence)
	}
}

// A quota with room for two more pods makes the trial slower, and changes nothing else.
func TestQuotaForTwo(t *testing.T) {
	t.Parallel()
	ns := application(t, "quota", needsTmp)
	bedtest.Apply(t, c, ns, "{apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {pods: \"3\"}}}")
	if r := try(t, "deployment/app", "-n", ns); r.code != 2 {
		t.Errorf("exit code %d, want 2: %s", r.code, r.report.Sentence)
	}
}

// Each permission that is missing is named before any copy is made, and the Role that is
// printed is enough.
func TestPermissions(t *testing.T) {
	t.Parallel()
	ns := application(t, "permissions", needsTmp)
	bedtest.Kubectl(t, c, "", "create", "serviceaccount", "robot", "-n", ns)
	bedtest.Kubectl(t, c, "", "create", "rolebinding", "robot", "-n", ns, "--role=caseharden-trial", "--serviceaccount="+ns+":robot")
	token := strings.TrimSpace(bedtest.Kubectl(t, c, "", "create", "token", "robot", "-n", ns))
	kubeconfig := asRobot(t, token)
	as := func(args ...string) result {
		cmd := command(append([]string{"trial", "deployment/app", "-n", ns, "--kubeconfig", kubeconfig, "-o", "json", "--hold=5s"}, args...)...)
		return finished(t, cmd)
	}
	r := as("--yes", "--http=/", "--exec=")
	if r.code != 1 || !strings.Contains(r.stderr, "you may not get deployments.apps") {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	_, role, found := strings.Cut(r.stderr, "\n\n")
	if !found {
		t.Fatalf("no Role in %s", r.stderr)
	}
	var parsed struct {
		APIVersion, Kind string
		Metadata         map[string]string
		Rules            []struct {
			APIGroups, Resources, Verbs []string
		}
	}
	if err := yaml.Unmarshal([]byte(role), &parsed); err != nil {
		t.Fatal(err)
	}
	// One after the other is taken away: it is named.
	for i, rule := range parsed.Rules {
		for j, verb := range rule.Verbs {
			less := parsed
			less.Rules = append(less.Rules[:0:0], parsed.Rules...)
			less.Rules[i].Verbs = append(append([]string{}, rule.Verbs[:j]...), rule.Verbs[j+1:]...)
			if len(less.Rules[i].Verbs) == 0 {
				less.Rules = append(less.Rules[:i:i], less.Rules[i+1:]...)
			}
			apply(t, ns, less)
			r := as("--dry-run", "--http=/")
			if want := "you may not " + verb + " " + rule.Resources[0]; r.code != 1 || !strings.Contains(r.stderr, want) {
				t.Errorf("without %s %s: exit code %d, %s", verb, rule.Resources[0], r.code, r.stderr)
			}
		}
	}
	apply(t, ns, parsed)
	if r := as("--yes"); r.code != 2 {
		t.Errorf("with the Role: exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

func apply(t *testing.T, ns string, role any) {
	t.Helper()
	text, err := yaml.Marshal(role)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.NewReplacer("APIVersion:", "apiVersion:", "Kind:", "kind:", "Metadata:", "metadata:", "Rules:", "rules:", "APIGroups:", "apiGroups:", "Resources:", "resources:", "Verbs:", "verbs:").Replace(string(text)))
	bedtest.Apply(t, c, ns, string(text))
}

// asRobot returns a kubeconfig with another token than the administrator's.
func asRobot(t *testing.T, token string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range config.AuthInfos {
		user.Token = token
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// What copies would do harm with is refused by name, and nothing is made.
func TestRefusedByName(t *testing.T) {
	t.Parallel()
	ns := bedtest.Namespace(t, c, "refused", nil)
	pod := strings.Replace(deployment(rootImage, ""), "      containers:", "      volumes: [{name: v, hostPath: {path: /var/lib/x}}]\n      containers:", 1)
	pod = strings.Replace(pod, "ports: [{containerPort: 8080}]", "volumeMounts: [{name: v, mountPath: /v}], ports: [{containerPort: 8080, hostPort: 8080}]", 1)
	file := filepath.Join(t.TempDir(), "app.yaml")
	if err := os.WriteFile(file, []byte(pod), 0o600); err != nil {
		t.Fatal(err)
	}
	r := finished(t, command("trial", "-f", file, "-n", ns, "--yes"))
	for _, want := range []string{"hostPath /var/lib/x", "--volumes=empty", "hostPort 8080", "--pod-network"} {
		if r.code != 1 || !strings.Contains(r.stderr, want) {
			t.Errorf("exit code %d, %q, want 1 and %q", r.code, r.stderr, want)
		}
	}
	// With the ways around, the manifest alone is enough: nothing of it is in the cluster.
	if r := try(t, "-f", file, "-n", ns, "--volumes=empty", "--pod-network"); r.code != 0 {
		t.Errorf("exit code %d, want 0: %s", r.code, r.report.Sentence)
	}
	// As a plugin of kubectl's.
	dir := t.TempDir()
	if err := os.Symlink(caseharden, filepath.Join(dir, "kubectl-caseharden")); err != nil {
		t.Fatal(err)
	}
	cmd := command()
	cmd.Path, cmd.Args = c.KubectlPath(), []string{"kubectl", "caseharden", "trial", "-f", file, "-n", ns, "--volumes=empty", "--pod-network", "--dry-run"}
	cmd.Env = append(cmd.Env, "PATH="+dir)
	if r := finished(t, cmd); r.code != 0 || !strings.Contains(r.stderr, "Trial of deployment/app in namespace "+ns) {
		t.Errorf("kubectl caseharden trial: exit code %d: %s", r.code, r.stderr)
	}
}
