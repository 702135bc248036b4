// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
	"github.com/caseharden/caseharden/e2e/bench/servers"
	"github.com/caseharden/caseharden/e2e/webhook"
)

// policyPrefix is followed by a formulation of the policy.
const policyPrefix = Policy + "/"

// Default are the contenders of a benchmark.
func Default() []string { return []string{None, Limit, Caseharden, Policy, ControllerRuntime} }

// Policies are all the formulations of the policy.
func Policies() []string {
	contenders := []string{None}
	for _, f := range formulations {
		contenders = append(contenders, policyPrefix+f.name)
	}
	return contenders
}

// recordAnnotation is where Caseharden says on a pod what it has filled in.
const recordAnnotation = "caseharden.io/injected"

// A contender works on the pods of a namespace of its own.
type contender struct {
	name      string
	namespace string
	server    *servers.Server // nil if it is no webhook

	hardened bool // each container is to have all of the six settings; else none is to have
	recorded bool // the pod is to say what was filled in
}

func (c *contender) label() map[string]string {
	if c.name == Caseharden {
		return map[string]string{"caseharden.io/enforce": "hardened"}
	}
	return map[string]string{"bench.caseharden.io/contender": c.namespace}
}

// install starts the contender, with its files in dir, and has the API server call it.
// The caller must call stop, also after an error.
func (c *contender) install(ctx context.Context, client kubernetes.Interface, binaries servers.Binaries, dir string) (err error) {
	c.namespace = "bench-" + strings.ReplaceAll(c.name, "/", "-")
	_, err = client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: c.namespace, Labels: c.label()},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	c.hardened = c.name != None
	c.recorded = c.name == Limit || c.name == Caseharden
	switch c.name {
	case None:
		return nil
	case Limit:
		if err := c.startLimit(ctx, client, binaries, dir); err != nil {
			return err
		}
		return c.configure(ctx, client, pathLimit)
	case ControllerRuntime:
		if c.server, err = servers.StartControllerRuntime(ctx, binaries, dir); err != nil {
			return err
		}
		return c.configure(ctx, client, servers.PathControllerRuntime)
	case Caseharden:
		if c.server, err = servers.StartCaseharden(ctx, binaries, dir); err != nil {
			return err
		}
		configuration, err := webhook.ConfigurationAt(c.server.Addr, c.server.CA)
		if err != nil {
			return err
		}
		return createConfiguration(ctx, client, configuration)
	case Policy:
		return installPolicy(ctx, client, fastestPolicy, c.label())
	default:
		formulation, isPolicy := strings.CutPrefix(c.name, policyPrefix)
		if !isPolicy {
			return fmt.Errorf("contender %q: unknown", c.name)
		}
		return installPolicy(ctx, client, formulation, c.label())
	}
}

// pathLimit is where the limit answers.
const pathLimit = "/pod"

// startLimit starts the limit, with what Caseharden answers for the pod.
func (c *contender) startLimit(ctx context.Context, client kubernetes.Interface, binaries servers.Binaries, dir string) error {
	dir, err := os.MkdirTemp(dir, c.name+"-")
	if err != nil {
		return err
	}
	pod, err := readPod()
	if err != nil {
		return err
	}
	// For this namespace no webhook is configured yet, so it comes back as one would see it.
	pod, err = client.CoreV1().Pods(c.namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return err
	}
	review, err := reviews.Of(pod)
	if err != nil {
		return err
	}
	if err := servers.WriteAnswers(ctx, binaries, dir, map[string][]byte{pathLimit: review}); err != nil {
		return err
	}
	c.server, err = servers.StartLimit(ctx, binaries, dir)
	return err
}

// configure has the API server call the contender exactly as it calls Caseharden: the webhook
// that is shipped for the profile, with its rules, conditions and policies, but for the
// address and the namespaces.
func (c *contender) configure(ctx context.Context, client kubernetes.Interface, path string) error {
	configuration, err := webhook.ConfigurationAt(c.server.Addr, c.server.CA)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(configuration.Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool {
		return strings.HasSuffix(*w.ClientConfig.URL, servers.PathCaseharden)
	})
	if i < 0 {
		return fmt.Errorf("the configuration that is shipped has no webhook for %s", servers.PathCaseharden)
	}
	shipped := configuration.Webhooks[i]
	shipped.ClientConfig.URL = new("https://" + c.server.Addr + path)
	shipped.NamespaceSelector = &metav1.LabelSelector{MatchLabels: c.label()}
	return createConfiguration(ctx, client, &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: c.namespace},
		Webhooks:   []admissionregistrationv1.MutatingWebhook{shipped},
	})
}

func createConfiguration(ctx context.Context, client kubernetes.Interface, c *admissionregistrationv1.MutatingWebhookConfiguration) error {
	_, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, c, metav1.CreateOptions{})
	return err
}

// check returns an error unless each container of the pod has all six settings, or none
// has if the contender is to set none; and unless there is a record exactly if there is to
// be one.
func (c *contender) check(pod *corev1.Pod) error {
	contexts := securityContexts(pod)
	if len(contexts) != containers {
		return fmt.Errorf("there are %d containers, want %d", len(contexts), containers)
	}
	for name, s := range contexts {
		if got := s != nil && hasAllSix(s); got != c.hardened {
			return fmt.Errorf("container %s has all six settings: %t, want %t: %v", name, got, c.hardened, s)
		}
	}
	if _, got := pod.Annotations[recordAnnotation]; got != c.recorded {
		return fmt.Errorf("the pod has the annotation %s: %t, want %t", recordAnnotation, got, c.recorded)
	}
	return nil
}

func hasAllSix(s *corev1.SecurityContext) bool {
	isFalse := func(b *bool) bool { return b != nil && !*b }
	isTrue := func(b *bool) bool { return b != nil && *b }
	return isFalse(s.AllowPrivilegeEscalation) && isTrue(s.ReadOnlyRootFilesystem) && isTrue(s.RunAsNonRoot) &&
		s.RunAsUser != nil && *s.RunAsUser != 0 &&
		s.Capabilities != nil && slices.Contains(s.Capabilities.Drop, "ALL") &&
		s.SeccompProfile != nil && s.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault
}

func (c *contender) stop() error {
	if c.server == nil {
		return nil
	}
	return c.server.Stop()
}
