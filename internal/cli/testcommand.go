// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/certs"
	"github.com/caseharden/caseharden/internal/dryrun"
	"github.com/caseharden/caseharden/mutate"
)

// testInterval is the time between two attempts. An API server takes a moment to heed a
// new namespace or webhook configuration.
const testInterval = time.Second

type testOptions struct {
	namespace, profile string
	image              string
	labels             map[string]string
	timeout            time.Duration
	kubeconfig         string
}

func newTestCommand() *cobra.Command {
	var o testOptions
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Create a Pod with dry run, and show what the webhook fills in",
		Long: `Create a Pod with dry run in a namespace that enforces a profile, and show
what the webhook fills in. The cluster stores nothing.

The exit code is 1 if, until the timeout, the API server refuses the Pod or the
webhook does not harden it. "helm test" runs this command in the cluster.`,
		Example: `  caseharden test --namespace shop --profile hardened --kubeconfig ~/.kube/config`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			config, err := certs.RESTConfig(o.kubeconfig)
			if err != nil {
				return fmt.Errorf("--kubeconfig: %w", err)
			}
			create := func(ctx context.Context) (*corev1.Pod, error) { return dryrun.CreatePod(ctx, config, o.pod()) }
			return runTest(cmd.Context(), o, create, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.namespace, "namespace", "", "namespace to create the Pod in")
	f.StringVar(&o.profile, "profile", "", "profile that the namespace enforces")
	f.StringVar(&o.image, "image", "caseharden", "image of the Pod, for policies that allow some only; it is not pulled")
	f.StringToStringVar(&o.labels, "label", nil, "label of the Pod, as KEY=VALUE; can be given several times")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to try again while the Pod is refused or not hardened")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "file that says how to reach the API server; without it, as a pod does")
	return cmd
}

func (o testOptions) validate() error {
	switch {
	case o.namespace == "":
		return errors.New("--namespace: must name a namespace that enforces a profile")
	case o.profile == "":
		return errors.New("--profile: must name the profile that the namespace enforces")
	case o.timeout < 0:
		return fmt.Errorf("--timeout %s: must not be negative", o.timeout)
	}
	return nil
}

// pod returns a Pod that sets nothing of what profiles fill in. It has resources, as
// quotas and policies demand them.
func (o testOptions) pod() *corev1.Pod {
	resources := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi")}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "caseharden-test-", Namespace: o.namespace, Labels: o.labels},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "app", Image: o.image,
			Resources: corev1.ResourceRequirements{Requests: resources, Limits: resources},
		}}},
	}
}

// runTest creates the Pod until it is hardened, and says what it got.
func runTest(ctx context.Context, o testOptions, create func(context.Context) (*corev1.Pod, error), w io.Writer) error {
	deadline := time.Now().Add(o.timeout)
	for {
		pod, err := create(ctx)
		if err == nil {
			err = hardenedBy(pod, o.profile)
		}
		if err == nil {
			return showHardened(w, o, pod)
		}
		if !time.Now().Add(testInterval).Before(deadline) {
			return fmt.Errorf("a Pod in namespace %s: %w", o.namespace, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(testInterval):
		}
	}
}

// hardenedBy returns an error unless the profile has filled in something.
func hardenedBy(pod *corev1.Pod, profile string) error {
	annotation, found := pod.Annotations[mutate.InjectedAnnotation]
	if !found {
		return errors.New("is not hardened: check the label caseharden.io/enforce of the namespace, the selectors of the webhook configuration and the log of the webhook")
	}
	var injected struct{ Profile string }
	if err := json.Unmarshal([]byte(annotation), &injected); err != nil {
		return fmt.Errorf("annotation %s: %w", mutate.InjectedAnnotation, err)
	}
	if injected.Profile != profile {
		return fmt.Errorf("is hardened by profile %s, want %s", cmp.Or(injected.Profile, "(none)"), profile)
	}
	return nil
}

// showHardened writes what the Pod has of all that a profile can fill in.
func showHardened(w io.Writer, o testOptions, pod *corev1.Pod) error {
	type container struct {
		Name            string                  `json:"name"`
		SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
	}
	var shown struct {
		Annotations     map[string]string          `json:"annotations"`
		SecurityContext *corev1.PodSecurityContext `json:"securityContext,omitempty"`
		Containers      []container                `json:"containers"`
	}
	shown.Annotations = pod.Annotations
	shown.SecurityContext = pod.Spec.SecurityContext
	for _, c := range pod.Spec.Containers {
		shown.Containers = append(shown.Containers, container{c.Name, c.SecurityContext})
	}
	text, err := yaml.Marshal(shown)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "A Pod in namespace %s, created with dry run, is hardened by profile %s:\n\n%s", o.namespace, o.profile, text)
	return err
}
