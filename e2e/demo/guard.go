// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/e2e/product/manifests"
)

// labelGuard is the name of the ValidatingAdmissionPolicy in deploy/install.yaml that
// refuses labels which would harden nothing.
const labelGuard = "caseharden-labels"

// installLabelGuard creates the label guard.
func (d *demo) installLabelGuard(ctx context.Context) error {
	objects, err := manifests.Install()
	if err != nil {
		return err
	}
	var guard []*unstructured.Unstructured
	for _, o := range objects {
		if o.GetName() == labelGuard {
			guard = append(guard, o)
		}
	}
	var policy admissionregistrationv1.ValidatingAdmissionPolicy
	if err := manifests.One(guard, "ValidatingAdmissionPolicy", &policy); err != nil {
		return err
	}
	var binding admissionregistrationv1.ValidatingAdmissionPolicyBinding
	if err := manifests.One(guard, "ValidatingAdmissionPolicyBinding", &binding); err != nil {
		return err
	}
	api := d.client.AdmissionregistrationV1()
	if _, err := api.ValidatingAdmissionPolicies().Create(ctx, &policy, metav1.CreateOptions{}); err != nil {
		return err
	}
	_, err = api.ValidatingAdmissionPolicyBindings().Create(ctx, &binding, metav1.CreateOptions{})
	return err
}

// labelGuardHolds reports whether the API server refuses a label by the label guard.
func (d *demo) labelGuardHolds(ctx context.Context) bool {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "probe", Labels: map[string]string{"caseharden.io/enforce": "no-such-profile"}}}
	_, err := d.client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return apierrors.IsInvalid(err)
}

// showLabelGuard mistypes a label, and shows what kubectl prints.
func (d *demo) showLabelGuard(ctx context.Context) error {
	args := []string{"label", "namespace", "plain", "caseharden.io/enforce=hardend"}
	d.text("$ kubectl %s", strings.Join(args, " "))
	output, err := d.runKubectl(ctx, args...)
	d.text("%s", wrap(strings.TrimSpace(output)))
	switch _, refused := errors.AsType[*exec.ExitError](err); {
	case err == nil:
		return errors.New("the label guard does not reject the label")
	case !refused:
		return err
	case !strings.Contains(output, labelGuard) || !strings.Contains(output, "compatible, hardened, restricted"):
		return fmt.Errorf("kubectl label: %w", err)
	}
	return nil
}

// runKubectl runs kubectl with the legacy Pod as its input, and returns what it prints.
func (d *demo) runKubectl(ctx context.Context, args ...string) (string, error) {
	kubectl := exec.CommandContext(ctx, d.kubectl, append([]string{"--kubeconfig=" + d.controlPlane.Kubeconfig()}, args...)...)
	kubectl.Stdin = bytes.NewReader(legacyYAML)
	output, err := kubectl.CombinedOutput()
	return string(output), err
}
