// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"fmt"
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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/cert"

	"github.com/caseharden/caseharden/e2e/cluster"
	"github.com/caseharden/caseharden/e2e/webhook"
)

// A stage is where the commands of a document run: a directory that looks like the
// repository, and a cluster in which Caseharden is installed from deploy/, as the
// README says. The API server, kubectl and caseharden are real. What other
// components would do settle does, between two commands: the kubelet and the
// Deployment's controller for the webhook, of whose Service the test itself is the
// network; cert-manager; and the controllers of workloads.
type stage struct {
	dir     string
	env     []string
	client  kubernetes.Interface
	network *network

	certPEM, keyPEM []byte // of the webhook
	template        corev1.PodTemplateSpec
	webhook         *webhook.Webhook
	made            map[string]corev1.PodTemplateSpec // what pods were made of, by kind, namespace and name
}

func newStage(t *testing.T) *stage {
	t.Helper()
	kubectl, err := cluster.BuildKubectl(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{dir: t.TempDir(), network: newNetwork(t), made: map[string]corev1.PodTemplateSpec{}}
	controlPlane, err := cluster.Start(t.Context(), cluster.Options{
		APIServerFlags: []string{"--disable-admission-plugins=ServiceAccount", "--egress-selector-config-file=" + s.network.config},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = controlPlane.Stop() })
	if s.client, err = kubernetes.NewForConfig(controlPlane.Config()); err != nil {
		t.Fatal(err)
	}
	if s.certPEM, s.keyPEM, err = cert.GenerateSelfSignedCertKey("caseharden.caseharden.svc", nil, nil); err != nil {
		t.Fatal(err)
	}
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

// install installs the webhook, as the README says.
func (s *stage) install(t *testing.T) {
	t.Helper()
	output, err := s.run(t, "kubectl apply -f deploy/caseharden.yaml -f deploy/webhook.yaml")
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
	if err := s.rollOut(t); err != nil {
		t.Fatalf("rolling out the webhook: %v", err)
	}
	if err := s.injectCA(t.Context()); err != nil {
		t.Fatalf("injecting the CA: %v", err)
	}
	if err := s.makePods(t.Context()); err != nil {
		t.Fatalf("making pods: %v", err)
	}
}

// rollOut starts the webhook anew if the template of its Deployment has changed,
// with the profiles that are mounted: the new one is ready before the old one goes.
func (s *stage) rollOut(t *testing.T) error {
	deployment, err := s.client.AppsV1().Deployments("caseharden").Get(t.Context(), "caseharden", metav1.GetOptions{})
	if err != nil || reflect.DeepEqual(deployment.Spec.Template, s.template) {
		return err
	}
	s.template = deployment.Spec.Template
	dir := t.TempDir()
	// The CA is where webhook.Start looks for that of an ephemeral certificate.
	for file, data := range map[string][]byte{"tls.crt": s.certPEM, "tls.key": s.keyPEM, "caseharden-ca.crt": s.certPEM} {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			return err
		}
	}
	flags := []string{"--ca-file=", "--tls-cert=" + filepath.Join(dir, "tls.crt"), "--tls-key=" + filepath.Join(dir, "tls.key")}
	for _, arg := range s.template.Spec.Containers[0].Args {
		if path, found := strings.CutPrefix(arg, "--profiles="); found {
			mounted := filepath.Join(dir, "mounted", path)
			if err := s.mount(t.Context(), path, mounted); err != nil {
				return err
			}
			flags = append(flags, "--profiles="+mounted)
		}
	}
	w, err := webhook.Start(t.Context(), binary, dir, flags...)
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = w.Stop() })
	s.network.lead(map[string]string{"443": w.Addr, "8080": w.MetricsAddr})
	if s.webhook != nil {
		if err := s.webhook.Stop(); err != nil {
			return err
		}
	}
	s.webhook = w
	return nil
}

// mount writes the ConfigMap that the webhook mounts at the path to a directory.
func (s *stage) mount(ctx context.Context, path, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, m := range s.template.Spec.Containers[0].VolumeMounts {
		for _, v := range s.template.Spec.Volumes {
			if m.MountPath != path || v.Name != m.Name || v.ConfigMap == nil {
				continue
			}
			configMap, err := s.client.CoreV1().ConfigMaps("caseharden").Get(ctx, v.ConfigMap.Name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			for file, text := range configMap.Data {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return fmt.Errorf("no ConfigMap is mounted at %s", path)
}

// injectCA does what cert-manager does for the webhook configurations that say so,
// and waits until the API server calls what has changed.
func (s *stage) injectCA(ctx context.Context) error {
	configurations := s.client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	list, err := configurations.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, configuration := range list.Items {
		if configuration.Annotations["cert-manager.io/inject-ca-from"] != "caseharden/caseharden" {
			continue
		}
		var profiles []string
		for i := range configuration.Webhooks {
			w := &configuration.Webhooks[i]
			if len(w.ClientConfig.CABundle) > 0 {
				continue
			}
			w.ClientConfig.CABundle = s.certPEM
			if profile := w.NamespaceSelector.MatchLabels["caseharden.io/enforce"]; profile != "" {
				profiles = append(profiles, profile)
			}
		}
		if len(profiles) == 0 {
			continue
		}
		if _, err := configurations.Update(ctx, &configuration, metav1.UpdateOptions{}); err != nil {
			return err
		}
		for _, profile := range profiles {
			if err := waitForEffect(ctx, s.client, map[string]string{"caseharden.io/enforce": profile}); err != nil {
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
