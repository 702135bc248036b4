// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/product/manifests"
	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// createRounds is a multiple of twice the contenders: see order. With half as many, ratios of
// what is added differ by 0.05 from run to run.
const createRounds = 48

var (
	//go:embed pods.yaml
	podsYAML []byte
	//go:embed policy.yaml
	policyYAML []byte

	admissions = []string{none, constant, product, policy, exported, typed}
)

// recordAnnotation is where Caseharden writes what it filled in.
const recordAnnotation = "caseharden.io/injected"

// A control is an API server with all contenders, each for a namespace of its own, so that
// nothing differs but what is called.
type control struct {
	*bed
	plane  *controlplane.ControlPlane
	client kubernetes.Interface
}

func namespace(contender string) string {
	return "bench-" + strings.ToLower(strings.ReplaceAll(contender, " ", "-"))
}

// measureCreates has a client create the same Pod through the API server. Creates are dry runs:
// they go through all of admission, but not to etcd, whose time depends on the disk.
func (r *report) measureCreates(ctx context.Context, b *bed, rounds int, turn time.Duration) (err error) {
	c := &control{bed: b}
	if c.plane, err = controlplane.Start(ctx, controlplane.Options{Log: os.Stderr}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.plane.Stop()) }()
	if c.client, err = kubernetes.NewForConfig(c.plane.Config()); err != nil {
		return err
	}
	for _, contender := range admissions {
		if err := c.install(ctx, contender); err != nil {
			return fmt.Errorf("%s: %w", contender, err)
		}
	}
	if err := c.compare(ctx); err != nil {
		return err
	}
	body, err := json.Marshal(c.pod)
	if err != nil {
		return err
	}
	config := c.plane.Config()
	client := newClients(config.CAData)[:1]
	all := loads{}
	for _, contender := range admissions {
		url := c.plane.URL() + "/api/v1/namespaces/" + namespace(contender) + "/pods?dryRun=All"
		l := &load{
			clients: client,
			token:   config.BearerToken,
			request: func(int) (string, []byte) { return url, body },
			check: func(answer []byte) error {
				return c.demand(contender, bytes.Count(answer, []byte(`"readOnlyRootFilesystem":true`)))
			},
			servers: map[string]*process.Process{apiServerTime: c.plane.APIServer()},
		}
		if s := c.servers[contender]; s != nil {
			l.servers[cpuTime] = s.process
		}
		all[[2]string{"", contender}] = l
	}
	r.Creates, err = all.takeTurns(ctx, "creates", rounds, turn, []string{""}, admissions, relateCreates)
	return err
}

// demand returns an error unless all containers are hardened, or none without admission.
func (c *control) demand(contender string, hardened int) error {
	if all := len(c.pod.Spec.InitContainers) + len(c.pod.Spec.Containers); (contender == none && hardened != 0) || (contender != none && hardened != all) {
		return fmt.Errorf("%d of %d containers are hardened", hardened, all)
	}
	return nil
}

// compare demands that the policies and controller-runtime do what Caseharden does to Pods with
// settings and conflicts: none may be fast for doing less. The policies write its record too.
func (c *control) compare(ctx context.Context) error {
	for text := range bytes.SplitSeq(podsYAML, []byte("---\n")) {
		var pod corev1.Pod
		if err := yaml.UnmarshalStrict(text, &pod); err != nil {
			return fmt.Errorf("pods.yaml: %w", err)
		}
		var want []corev1.Container
		var record string
		for _, contender := range []string{product, policy, exported, typed} {
			created, err := c.create(ctx, contender, &pod)
			if err != nil {
				return fmt.Errorf("%s, Pod %s: %w", contender, pod.Name, err)
			}
			got := slices.Concat(created.Spec.InitContainers, created.Spec.Containers)
			if contender == product {
				want, record = got, created.Annotations[recordAnnotation]
			}
			if has := created.Annotations[recordAnnotation]; contender != typed && has != record {
				return fmt.Errorf("%s writes another record on Pod %s: %q instead of %q", contender, pod.Name, has, record)
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				return fmt.Errorf("%s does not do to Pod %s what Caseharden does (-Caseharden):\n%s", contender, pod.Name, diff)
			}
		}
	}
	return nil
}

// relateCreates adds what each contender adds to no admission.
func relateCreates(round map[string]sample) {
	base := round[none]
	for contender, s := range round {
		if contender == none {
			continue
		}
		for _, metric := range []string{p50, p99, apiServerTime} {
			s[added(metric)] = s[metric] - base[metric]
		}
		if contender != constant {
			s[ratio(constant)] = s[added(p50)] / (round[constant][p50] - base[p50])
		}
		if contender == exported {
			s[ratio(policy)] = s[added(p50)] / (round[policy][p50] - base[p50])
		}
	}
}

// install has the API server call the contender for a new namespace, and waits until a Pod is
// as it should be: the API server needs a moment to load a configuration.
func (c *control) install(ctx context.Context, contender string) error {
	labels := map[string]string{"bench.caseharden.io/contender": namespace(contender)}
	if contender == product {
		labels["caseharden.io/enforce"] = "hardened"
	}
	_, err := c.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: namespace(contender), Labels: labels},
	}, metav1.CreateOptions{})
	switch {
	case err != nil || contender == none:
	case contender == policy, contender == exported:
		err = c.installPolicy(ctx, contender, &metav1.LabelSelector{MatchLabels: labels})
	default:
		err = c.installWebhook(ctx, contender, &metav1.LabelSelector{MatchLabels: labels})
	}
	for deadline := time.Now().Add(20 * time.Second); err == nil; time.Sleep(50 * time.Millisecond) {
		pod, err := c.create(ctx, contender, &c.pod)
		if err == nil {
			have, _ := hardened(pod)
			err = c.demand(contender, have)
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
	return err
}

// installWebhook registers the configuration that Caseharden ships. The other webhooks get the
// part of it for the profile, with its rules, conditions and policies, at their address and for
// their namespaces.
func (c *control) installWebhook(ctx context.Context, contender string, namespaces *metav1.LabelSelector) error {
	s := c.servers[contender]
	configuration, err := webhook.ConfigurationAt(s.addr, c.ca)
	if err != nil {
		return err
	}
	if contender != product {
		configuration.Name = namespace(contender)
		configuration.Webhooks = slices.DeleteFunc(configuration.Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool {
			return !strings.HasSuffix(*w.ClientConfig.URL, enforcePath)
		})
		for i := range configuration.Webhooks {
			configuration.Webhooks[i].ClientConfig.URL = new("https://" + s.addr + path(contender, podReview))
			configuration.Webhooks[i].NamespaceSelector = namespaces
		}
	}
	_, err = c.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, configuration, metav1.CreateOptions{})
	return err
}

// installPolicy registers the hand-written policy, or the exported one. Both are evaluated once:
// what a second evaluation costs is in docs/decisions/0013-speed.md.
func (c *control) installPolicy(ctx context.Context, contender string, namespaces *metav1.LabelSelector) error {
	policy := &admissionregistrationv1.MutatingAdmissionPolicy{}
	if contender == exported {
		if err := c.export(ctx, policy); err != nil {
			return err
		}
	} else if err := yaml.UnmarshalStrict(policyYAML, policy); err != nil {
		return fmt.Errorf("policy.yaml: %w", err)
	}
	policy.Spec.ReinvocationPolicy = admissionregistrationv1.NeverReinvocationPolicy
	binding := &admissionregistrationv1.MutatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: policy.Name}}
	binding.Spec.PolicyName = policy.Name
	binding.Spec.MatchResources = &admissionregistrationv1.MatchResources{NamespaceSelector: namespaces}
	registration := c.client.AdmissionregistrationV1()
	_, err := registration.MutatingAdmissionPolicies().Create(ctx, policy, metav1.CreateOptions{})
	if err == nil {
		_, err = registration.MutatingAdmissionPolicyBindings().Create(ctx, binding, metav1.CreateOptions{})
	}
	return err
}

// export reads the policy for new Pods that Caseharden exports.
func (c *control) export(ctx context.Context, policy *admissionregistrationv1.MutatingAdmissionPolicy) error {
	output, err := exec.CommandContext(ctx, c.binaries[product], "profiles", "export", "hardened", "--mode=enforce").Output()
	if err != nil {
		return fmt.Errorf("profiles export: %w", err)
	}
	objects, err := manifests.Decode(output)
	if err != nil {
		return err
	}
	return manifests.One(objects[:1], "MutatingAdmissionPolicy", policy)
}

func (c *control) create(ctx context.Context, contender string, pod *corev1.Pod) (*corev1.Pod, error) {
	return c.client.CoreV1().Pods(namespace(contender)).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}
