// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

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

// A contender works on the pods of a namespace of its own.
type contender struct {
	name      string
	namespace string
	server    *servers.Server // nil if it is no webhook

	// hardened are the containers that are to have all of the six settings.
	hardened []string
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
	c.hardened = []string{"migrate", "web", "exporter"}
	switch c.name {
	case None:
		c.hardened = nil
		return nil
	case Limit, LimitCondition:
		c.hardened = []string{"web"} // the first of the regular ones
		if c.server, err = servers.Start(ctx, c.name, binaries.Limit, dir); err != nil {
			return err
		}
		return c.configure(ctx, client, servers.PathLimit)
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

// configure creates a webhook configuration as one writes it: with the defaults, as far
// as they concern the time that a call takes.
func (c *contender) configure(ctx context.Context, client kubernetes.Interface, path string) error {
	hook := admissionregistrationv1.MutatingWebhook{
		Name: "bench.caseharden.io",
		ClientConfig: admissionregistrationv1.WebhookClientConfig{
			URL:      new("https://" + c.server.Addr + path),
			CABundle: c.server.CA,
		},
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: c.label()},
		Rules: []admissionregistrationv1.RuleWithOperations{{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
			Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
		}},
		SideEffects:             new(admissionregistrationv1.SideEffectClassNone),
		FailurePolicy:           new(admissionregistrationv1.Fail),
		AdmissionReviewVersions: []string{"v1"},
	}
	if c.name == LimitCondition {
		shipped, err := webhook.ConfigurationAt(c.server.Addr, c.server.CA)
		if err != nil {
			return err
		}
		hook.MatchConditions = shipped.Webhooks[0].MatchConditions
	}
	return createConfiguration(ctx, client, &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: c.namespace},
		Webhooks:   []admissionregistrationv1.MutatingWebhook{hook},
	})
}

func createConfiguration(ctx context.Context, client kubernetes.Interface, c *admissionregistrationv1.MutatingWebhookConfiguration) error {
	_, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, c, metav1.CreateOptions{})
	return err
}

// check returns an error unless the pod has of all six settings what the contender is to
// set, and nothing that it is not.
func (c *contender) check(pod *corev1.Pod) error {
	contexts := securityContexts(pod)
	if len(contexts) != 3 {
		return fmt.Errorf("there are %d containers, want 3", len(contexts))
	}
	for name, s := range contexts {
		want := slices.Contains(c.hardened, name)
		if got := s != nil && hasAllSix(s); got != want {
			return fmt.Errorf("container %s has all six settings: %t, want %t: %v", name, got, want, s)
		}
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
