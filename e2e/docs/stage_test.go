// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/caseharden/caseharden/e2e/product/localpods"
	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
	"github.com/caseharden/caseharden/e2e/testbed/egress"
	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

// A stage is where the commands of a document run: a directory that looks like the
// repository, and a cluster in which the chart is installed. The API server, kubectl,
// Helm and caseharden are real. What other components would do settle does, between two
// commands: package localpods for the webhook's own pods, and the controllers of workloads.
type stage struct {
	dir    string
	env    []string
	client kubernetes.Interface
	runner *localpods.Runner
	seen   map[string]bool                   // the profiles that pods are known to be hardened by
	made   map[string]corev1.PodTemplateSpec // what pods were made of, by kind, namespace and name
}

func newStage(t *testing.T) *stage {
	t.Helper()
	kubectl, err := controlplane.BuildKubectl(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	helm, err := tools.Helm(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	network, err := egress.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(network.Close)
	controlPlane, err := controlplane.Start(t.Context(), controlplane.Options{
		APIServerFlags: []string{"--disable-admission-plugins=ServiceAccount", network.Flag()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = controlPlane.Stop() })
	s := &stage{dir: t.TempDir(), seen: map[string]bool{}, made: map[string]corev1.PodTemplateSpec{}}
	if s.client, err = kubernetes.NewForConfig(controlPlane.Config()); err != nil {
		t.Fatal(err)
	}
	if s.runner, err = localpods.New(controlPlane, network, binary, t.TempDir(), "caseharden", "caseharden"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.runner.Stop() })
	for _, dir := range []string{"docs/examples", "deploy"} {
		if err := os.CopyFS(filepath.Join(s.dir, dir), os.DirFS(filepath.Join(repository(t), dir))); err != nil {
			t.Fatal(err)
		}
	}
	home := filepath.Join(s.dir, ".home")
	programs := filepath.Join(home, ".local", "bin")
	for link, program := range map[string]string{
		filepath.Join(s.dir, "bin", "caseharden"): binary, // as make build has it
		filepath.Join(programs, "caseharden"):     binary,
		filepath.Join(programs, "kubectl"):        kubectl,
		filepath.Join(programs, "helm"):           helm,
	} {
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(program, link); err != nil {
			t.Fatal(err)
		}
	}
	s.env = append(os.Environ(), "HOME="+home, "KUBECONFIG="+controlPlane.Kubeconfig(),
		"PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC")
	s.install(t)
	return s
}

// install installs the webhook, as the README says, with one replica, so that its metrics
// are all that there are, and without the delay of a shutdown.
func (s *stage) install(t *testing.T) {
	t.Helper()
	output, err := s.run(t, "helm install caseharden deploy/chart --namespace=caseharden --create-namespace --set=replicas=1,shutdownDelaySeconds=0")
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if err := s.giveEndpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
}

// giveEndpoint gives the Service a pod that is ready, at an address which the
// network takes to the process: an API server that is asked for the metrics of the
// Service looks for one.
func (s *stage) giveEndpoint(ctx context.Context) error {
	const address = "10.1.0.1"
	deployment, err := s.client.AppsV1().Deployments("caseharden").Get(ctx, "caseharden", metav1.GetOptions{})
	if err != nil {
		return err
	}
	spec := deployment.Spec.Template.Spec
	spec.PriorityClassName = "" // its quota has a controller, which is not there
	pods := s.client.CoreV1().Pods("caseharden")
	pod, err := pods.Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "caseharden-0"}, Spec: spec}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	pod.Status.PodIP, pod.Status.PodIPs = address, []corev1.PodIP{{IP: address}}
	if _, err := pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{}); err != nil {
		return err
	}
	name, port := "metrics", int32(8080)
	_, err = s.client.DiscoveryV1().EndpointSlices("caseharden").Create(ctx, &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: "caseharden", Labels: map[string]string{discoveryv1.LabelServiceName: "caseharden"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{address},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: "caseharden", Name: pod.Name},
		}},
		Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
	}, metav1.CreateOptions{})
	return err
}

// run runs a script, and returns all that it prints.
func (s *stage) run(t *testing.T, script string) (string, error) {
	if strings.Contains(script, "kubectl rollout restart") {
		time.Sleep(time.Second) // kubectl refuses two within a second
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-c", script)
	cmd.Dir, cmd.Env = s.dir, s.env
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	return withoutTrailingSpace(output.String()), err
}

// settle does what the components do that are not there.
func (s *stage) settle(t *testing.T) {
	t.Helper()
	if err := s.runner.Settle(t.Context()); err != nil {
		t.Fatalf("rolling out the webhook: %v", err)
	}
	if err := s.waitForProfiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.makePods(t.Context()); err != nil {
		t.Fatalf("making pods: %v", err)
	}
}

// waitForProfiles waits until the API server calls the webhook for profiles that are new.
func (s *stage) waitForProfiles(ctx context.Context) error {
	configuration, err := s.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(ctx, "caseharden", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil // a document has deleted it
	}
	if err != nil {
		return err
	}
	for _, w := range configuration.Webhooks {
		labels := w.NamespaceSelector.MatchLabels
		if profile := labels["caseharden.io/enforce"]; profile != "" && !s.seen[profile] {
			s.seen[profile] = true
			if err := webhook.WaitForEffect(ctx, s.client, labels); err != nil {
				return err
			}
		}
	}
	return nil
}

// makePods makes one pod for each workload whose template is new, in place of the
// one before.
func (s *stage) makePods(ctx context.Context) error {
	deployments, err := s.client.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, d := range deployments.Items {
		if err := s.makePod(ctx, "Deployment", d.ObjectMeta, d.Spec.Template); err != nil {
			return err
		}
	}
	daemonSets, err := s.client.AppsV1().DaemonSets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, d := range daemonSets.Items {
		if err := s.makePod(ctx, "DaemonSet", d.ObjectMeta, d.Spec.Template); err != nil {
			return err
		}
	}
	statefulSets, err := s.client.AppsV1().StatefulSets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, set := range statefulSets.Items {
		if err := s.makePod(ctx, "StatefulSet", set.ObjectMeta, withClaims(set)); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) makePod(ctx context.Context, kind string, workload metav1.ObjectMeta, template corev1.PodTemplateSpec) error {
	key := kind + "/" + workload.Namespace + "/" + workload.Name
	made, found := s.made[key]
	if workload.Namespace == "caseharden" || found && reflect.DeepEqual(template, made) {
		return nil
	}
	pods := s.client.CoreV1().Pods(workload.Namespace)
	name := workload.Name + "-0"
	if found {
		now := int64(0)
		if err := pods.Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			return err
		}
	}
	s.made[key] = template
	_, err := pods.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: template.Labels, Annotations: template.Annotations},
		Spec:       template.Spec,
	}, metav1.CreateOptions{})
	return err
}

// withClaims returns the template with the volumes that the controller adds.
func withClaims(set appsv1.StatefulSet) corev1.PodTemplateSpec {
	template := *set.Spec.Template.DeepCopy()
	for _, claim := range set.Spec.VolumeClaimTemplates {
		template.Spec.Volumes = append(template.Spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-" + set.Name + "-0"},
		}})
	}
	return template
}
