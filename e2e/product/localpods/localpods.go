// SPDX-License-Identifier: Apache-2.0

// Package localpods stands for what a control plane alone lacks, as far as Caseharden's own
// pods are concerned: the controller of their Deployment, a kubelet, and the network
// that takes an API server to their Service. What it runs is real: the compiled binary,
// with the arguments, files and token that the pod has; only the addresses are others, and
// the token is in a kubeconfig.
package localpods

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
	"github.com/caseharden/caseharden/e2e/testbed/egress"
)

const (
	// startDeadline is how long a pod may take to be ready.
	startDeadline = 30 * time.Second

	// endpointsLag is for how long a pod that has been told to end still gets new
	// connections: the endpoints of a Service do not change everywhere at once.
	endpointsLag = 500 * time.Millisecond
)

// A Runner runs the pods of one Deployment.
type Runner struct {
	namespace, name string // of the Deployment and of its Service

	cluster *controlplane.ControlPlane
	client  kubernetes.Interface
	network *egress.Network
	binary  string
	dir     string

	template corev1.PodTemplateSpec
	pods     []*webhook.Webhook
	started  int
	ending   []<-chan error
}

// New returns a Runner that runs nothing yet. Its files go to dir. The API server of the
// cluster has to have the flag of the network. The caller must call Stop.
func New(c *controlplane.ControlPlane, network *egress.Network, binary, dir, namespace, name string) (*Runner, error) {
	client, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		return nil, err
	}
	return &Runner{namespace: namespace, name: name, cluster: c, client: client, network: network, binary: binary, dir: dir}, nil
}

// Pods returns those that are ready.
func (r *Runner) Pods() []*webhook.Webhook { return r.pods }

// Settle does what is to be done since the last call: if the template of the Deployment
// has changed it replaces the pods, each by one that is ready before it is told to end.
// If one does not become ready the others stay as they are, and the error says why. If
// there is no Deployment any more, all pods end.
func (r *Runner) Settle(ctx context.Context) error {
	deployment, err := r.client.AppsV1().Deployments(r.namespace).Get(ctx, r.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		r.template = corev1.PodTemplateSpec{}
		return r.replace(ctx, nil)
	}
	if err != nil || reflect.DeepEqual(deployment.Spec.Template, r.template) {
		return err
	}
	if err := r.replace(ctx, deployment); err != nil {
		return err
	}
	r.template = deployment.Spec.Template
	return nil
}

// replace replaces all pods by those of the Deployment, of which nil has none.
func (r *Runner) replace(ctx context.Context, deployment *appsv1.Deployment) error {
	old := r.pods
	if deployment != nil {
		for range *deployment.Spec.Replicas {
			pod, err := r.startPod(ctx, deployment.Spec.Template)
			if err != nil {
				return err
			}
			r.pods = append(r.pods, pod)
			r.lead(r.pods)
			if len(old) > 0 {
				old = r.end(old)
			}
		}
	}
	for len(old) > 0 {
		old = r.end(old)
	}
	return nil
}

// end tells the first of the old pods to end, and returns the others.
func (r *Runner) end(old []*webhook.Webhook) []*webhook.Webhook {
	pod := old[0]
	r.pods = r.pods[1:] // the old ones come first
	ended := make(chan error, 1)
	go func() { ended <- pod.Stop() }()
	r.ending = append(r.ending, ended)
	time.Sleep(endpointsLag)
	r.lead(r.pods)
	return old[1:]
}

// lead leads the API server to pods.
func (r *Runner) lead(pods []*webhook.Webhook) {
	to := map[string][]string{}
	for _, pod := range pods {
		to["443"] = append(to["443"], pod.Addr)
		to["8080"] = append(to["8080"], pod.MetricsAddr)
	}
	r.network.Lead(to)
}

// Stop ends all pods, and says if one has not ended as it should. Settle would make new
// ones.
func (r *Runner) Stop() error {
	var failed error
	for _, pod := range r.pods {
		if err := pod.Stop(); err != nil {
			failed = err
		}
	}
	r.pods, r.template = nil, corev1.PodTemplateSpec{}
	r.lead(nil)
	for _, ended := range r.ending {
		if err := <-ended; err != nil {
			failed = err
		}
	}
	r.ending = nil
	return failed
}

// startPod runs a pod, and returns when it is ready.
func (r *Runner) startPod(ctx context.Context, template corev1.PodTemplateSpec) (*webhook.Webhook, error) {
	r.started++
	dir := filepath.Join(r.dir, "pod-"+strconv.Itoa(r.started))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	container := template.Spec.Containers[0]
	args := append([]string{}, container.Args[1:]...) // the first is serve
	for _, mount := range container.VolumeMounts {
		there := filepath.Join(dir, "mounted", mount.MountPath)
		if err := r.mount(ctx, template.Spec.Volumes, mount.Name, there); err != nil {
			return nil, fmt.Errorf("volume %s: %w", mount.Name, err)
		}
		for i, arg := range args {
			args[i] = strings.Replace(arg, "="+mount.MountPath, "="+there, 1)
		}
	}
	if token := template.Spec.AutomountServiceAccountToken; token != nil && *token {
		kubeconfig := filepath.Join(dir, "kubeconfig")
		if err := r.WriteKubeconfig(ctx, template.Spec.ServiceAccountName, kubeconfig); err != nil {
			return nil, err
		}
		args = append(args, "--kubeconfig="+kubeconfig)
	}
	// The last of a flag wins.
	args = append(args, "--addr=127.0.0.1:0", "--metrics-addr=127.0.0.1:0", "--log-format=json")
	pod, err := webhook.StartManaged(ctx, r.binary, dir, args...)
	if err != nil {
		return nil, err
	}
	if err := waitReady(ctx, pod); err != nil {
		pod.Process().Kill()
		return nil, err
	}
	return pod, nil
}

func waitReady(ctx context.Context, pod *webhook.Webhook) error {
	ctx, cancel := context.WithTimeout(ctx, startDeadline)
	defer cancel()
	for {
		err := pod.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("a pod is not ready: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// mount writes the files of a volume.
func (r *Runner) mount(ctx context.Context, volumes []corev1.Volume, name, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, v := range volumes {
		switch {
		case v.Name != name:
		case v.Secret != nil:
			return r.mountSecret(ctx, v.Secret.SecretName, dir)
		case v.ConfigMap != nil:
			return r.mountConfigMap(ctx, v.ConfigMap.Name, dir)
		case v.Projected != nil:
			for _, source := range v.Projected.Sources {
				if err := r.mountConfigMap(ctx, source.ConfigMap.Name, dir); err != nil {
					return err
				}
			}
			return nil
		default:
			return fmt.Errorf("it is of a kind that is unknown here: %v", v)
		}
	}
	return fmt.Errorf("there is none of this name")
}

func (r *Runner) mountSecret(ctx context.Context, name, dir string) error {
	secret, err := r.client.CoreV1().Secrets(r.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for file, data := range secret.Data {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) mountConfigMap(ctx context.Context, name, dir string) error {
	configMap, err := r.client.CoreV1().ConfigMaps(r.namespace).Get(ctx, name, metav1.GetOptions{})
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

// WriteKubeconfig writes what a pod of a ServiceAccount finds mounted, as the file that
// can stand in for it.
func (r *Runner) WriteKubeconfig(ctx context.Context, serviceAccount, file string) error {
	request, err := r.client.CoreV1().ServiceAccounts(r.namespace).CreateToken(ctx, serviceAccount, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	const name = "pod"
	config := r.cluster.Config()
	k := clientcmdapi.NewConfig()
	k.Clusters[name] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	k.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: request.Status.Token}
	k.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	k.CurrentContext = name
	return clientcmd.WriteToFile(*k, file)
}
