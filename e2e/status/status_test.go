// SPDX-License-Identifier: Apache-2.0

package status

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/status/command"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// Each state of a Pod comes about on the API server as it does in a cluster.
func TestStates(t *testing.T) {
	t.Parallel()
	namespace(t, "states", nil)
	template := corev1.PodTemplateSpec{Spec: spec()}
	podOf(t, "states", "older", template, nil)
	shell(t, "kubectl label namespace states caseharden.io/enforce=hardened")
	podOf(t, "states", "hardened", template, nil)
	full := template.DeepCopy()
	hardened, err := client.CoreV1().Pods("states").Get(t.Context(), "hardened", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	full.Spec.Containers[0].SecurityContext = hardened.Spec.Containers[0].SecurityContext
	podOf(t, "states", "author", *full, nil)

	namespace(t, "states-open", nil)
	shell(t, "kubectl label namespace states-open caseharden.io/enforce=compatible")
	// Times have whole seconds, and a Pod of the second of the label may be older.
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	podOf(t, "states-open", "unseen", template, nil)

	for _, n := range []struct{ name, state, pod string }{
		{"states", "older", "older"}, {"states", "hardened", "hardened"}, {"states", "by-author", "author"}, {"states-open", "not-reviewed", "unseen"},
	} {
		w := status(t, "-n", n.name).Report.Workload(t, "Pod", n.pod)
		if w.States[n.state] != 1 {
			t.Errorf("Pod %s is %v, want %s", n.pod, w.States, n.state)
		}
	}
}

// Problems of namespaces and of the installation are those of the real configuration.
func TestProblems(t *testing.T) {
	t.Parallel()
	namespace(t, "problems", map[string]string{"caseharden.io/enforce": "hardend"})
	r := status(t, "-n", "problems").Report
	if p := r.Clusters[0].Namespaces[0].Problems; len(p) != 1 || p[0].ID != "no-such-profile" || !strings.Contains(p[0].What, "compatible, hardened, restricted") {
		t.Errorf("problems = %v", p)
	}
	i := r.Clusters[0].Installation
	if i.Configuration != "caseharden" || !slices.Equal(i.Profiles, []string{"compatible", "hardened", "restricted"}) || i.CAUntil == nil {
		t.Errorf("installation = %+v", i)
	}
}

// For every suspect there is a command. The API server takes it, and the webhook then leaves
// the setting in the next Pod.
func TestCommands(t *testing.T) {
	t.Parallel()
	namespace(t, "commands", map[string]string{"caseharden.io/enforce": "hardened"})
	tests := []struct {
		name   string
		status corev1.ContainerStatus
		id     string
		freed  func(*corev1.SecurityContext) bool
	}{
		{"escalation", ended(1, "sudo: effective uid is not 0"), "no-new-privileges", func(c *corev1.SecurityContext) bool { return *c.AllowPrivilegeEscalation }},
		{"drop", waits("RunContainerError", `exec: "/app": operation not permitted`), "program-not-permitted", func(c *corev1.SecurityContext) bool { return !slices.Contains(c.Capabilities.Drop, "ALL") }},
		{"root-fs", ended(1, "open /var/lib/app/x: read-only file system"), "read-only-root", func(c *corev1.SecurityContext) bool { return !*c.ReadOnlyRootFilesystem }},
		{"non-root", waits("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"), "non-root-refused", func(c *corev1.SecurityContext) bool { return !*c.RunAsNonRoot }},
		{"user", ended(1, "open /data/x: permission denied"), "permission-denied", func(c *corev1.SecurityContext) bool { return *c.RunAsUser == 0 && !*c.RunAsNonRoot }},
		{"seccomp", ended(159, ""), "system-call-refused", func(c *corev1.SecurityContext) bool { return c.SeccompProfile.Type == "Unconfined" }},
	}
	for _, tt := range tests {
		reported(t, deploy(t, "commands", tt.name), tt.status)
	}
	r := status(t, "-n", "commands").Report
	for _, tt := range tests {
		w := r.Workload(t, "Deployment", tt.name)
		if len(w.Findings) != 1 || w.Findings[0].ID != tt.id || w.Findings[0].Command == "" {
			t.Errorf("%s: findings = %+v, want %s", tt.name, w.Findings, tt.id)
			continue
		}
		shell(t, w.Findings[0].Command)
		d, err := client.AppsV1().Deployments("commands").Get(t.Context(), tt.name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		next := podOf(t, "commands", tt.name+"-2-a", d.Spec.Template, nil)
		if c := next.Spec.Containers[0].SecurityContext; !tt.freed(c) {
			t.Errorf("%s: after %s the next Pod has %+v", tt.name, w.Findings[0].Command, c)
		}
	}
}

// A CronJob and a Deployment without replicas have a next restart too.
func TestNext(t *testing.T) {
	t.Parallel()
	namespace(t, "next", map[string]string{"caseharden.io/enforce": "hardened"})
	template := corev1.PodTemplateSpec{Spec: spec()}
	template.Spec.RestartPolicy = corev1.RestartPolicyNever
	_, err := client.BatchV1().CronJobs("next").Create(t.Context(), &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Name: "night"},
		Spec:       batchv1.CronJobSpec{Schedule: "0 0 * * *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := status(t, "-n", "next").Report.Workload(t, "CronJob", "night")
	if w.Next == nil || len(w.Next.Injects) != 6 {
		t.Errorf("next = %+v", w.Next)
	}
}

// A user who may view one namespace sees its Pods, and is told what could not be seen.
func TestView(t *testing.T) {
	t.Parallel()
	namespace(t, "viewed", map[string]string{"caseharden.io/enforce": "hardened"})
	reported(t, deploy(t, "viewed", "web"), waits("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"))
	// What view is aggregated of, by a controller that is not here.
	shell(t, "kubectl create rolebinding alice -n viewed --clusterrole=system:aggregate-to-view --user=alice")
	bedtest.Soon(t, "the binding to hold", func() bool {
		review, err := client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "alice", ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: "viewed", Verb: "get", Resource: "namespaces", Name: "viewed"},
		}}, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed
	})
	r := command.Run(t, caseharden, command.As(t, controlPlane.Kubeconfig(), "alice"), "-n", "viewed", "-o", "json")
	if r.Code != 0 {
		t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
	}
	w := r.Report.Workload(t, "Deployment", "web")
	if w.States["hardened"] != 1 || len(w.Findings) != 1 {
		t.Errorf("workload = %+v", w)
	}
	if r.Report.Clusters[0].Installation.Seen || len(r.Report.Clusters[0].Unseen) != 1 || r.Report.Clusters[0].Unseen[0].What != "webhook configurations" {
		t.Errorf("unseen = %+v", r.Report.Clusters[0].Unseen)
	}
	table := command.Run(t, caseharden, command.As(t, controlPlane.Kubeconfig(), "alice"), "-n", "viewed")
	if !strings.Contains(table.Stdout, "WHAT COULD NOT BE SEEN") || !strings.Contains(table.Stdout, "mutatingwebhookconfigurations") {
		t.Errorf("the table does not say what could not be seen:\n%s", table.Stdout)
	}
	// All namespaces are another question.
	all := command.Run(t, caseharden, command.As(t, controlPlane.Kubeconfig(), "alice"), "-A")
	if all.Code != 1 || !strings.Contains(all.Stderr, "look at one namespace with -n") {
		t.Errorf("exit code %d: %s", all.Code, all.Stderr)
	}
	// Nobody at all.
	nobody := command.Run(t, caseharden, command.As(t, controlPlane.Kubeconfig(), "bob"), "-n", "viewed")
	if nobody.Code != 1 || !strings.Contains(nobody.Stderr, "forbidden") {
		t.Errorf("exit code %d: %s", nobody.Code, nobody.Stderr)
	}
}

// Every output can be read by what it is for, and --fail-on and --wait end as they say.
func TestOutputs(t *testing.T) {
	t.Parallel()
	namespace(t, "outputs", map[string]string{"caseharden.io/enforce": "hardened"})
	reported(t, deploy(t, "outputs", "web"), waits("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"))
	args := []string{"-n", "outputs"}
	run := func(more ...string) command.Result {
		t.Helper()
		return command.Run(t, caseharden, controlPlane.Kubeconfig(), slices.Concat(args, more)...)
	}
	for line := range strings.Lines(run().Stdout) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 100 && !strings.Contains(line, "kubectl patch") {
			t.Errorf("a line is longer than 100: %s", line)
		}
	}
	if out := run("--explain", "deployment/web").Stdout; !strings.Contains(out, "At the next restart") || !strings.Contains(out, "runAsNonRoot") {
		t.Errorf("explain = %s", out)
	}
	dec := xml.NewDecoder(strings.NewReader(run("-o", "junit").Stdout))
	failures := 0
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "failure" {
			failures++
		}
	}
	if failures != 1 {
		t.Errorf("junit has %d failures", failures)
	}
	for _, output := range []string{"sarif", "policyreport"} {
		for doc := range strings.SplitSeq(run("-o", output).Stdout, "---\n") {
			var object map[string]any
			if err := json.NewDecoder(bytes.NewBufferString(doc)).Decode(&object); err != nil {
				t.Errorf("%s: %v", output, err)
			}
		}
	}
	if html := run("-o", "html").Stdout; !strings.Contains(html, "</html>") || strings.Contains(html, "<script") {
		t.Error("html is no page, or has a script")
	}
	for code, flags := range map[int][]string{
		0: {"--fail-on=change"},
		2: {"--fail-on=breaks"},
	} {
		if r := run(flags...); r.Code != code {
			t.Errorf("%v: exit code %d, want %d: %s", flags, r.Code, code, r.Stderr)
		}
	}
	if r := run("--wait", "--timeout=1s", "--interval=1s"); r.Code != 2 || !strings.Contains(r.Stderr, "not well") {
		t.Errorf("wait: exit code %d: %s", r.Code, r.Stderr)
	}
}
