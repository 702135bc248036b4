// SPDX-License-Identifier: Apache-2.0

//go:build linux

package direct

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
	"github.com/caseharden/caseharden/e2e/bench/servers"
)

// A kind of review, and what is to become of it.
type kind struct {
	reviews.Kind
	containers int // of the pod; 0 if there are several pods
	patch      patch
}

// A patch says whether there is one to make.
type patch string

const (
	patchNeeded   patch = "needed"
	patchNeedless patch = "needless"
	patchPossible patch = "possible" // several pods, of which some need one
)

func newKind(of reviews.Kind) (*kind, error) {
	k := &kind{Kind: of, patch: patchPossible}
	if len(of.Bodies) > 1 {
		return k, nil
	}
	_, pod, err := decode(of.Bodies[0])
	if err != nil {
		return nil, fmt.Errorf("the review %q: %w", of.Name, err)
	}
	k.containers = len(pod.Spec.Containers)
	k.patch = patchNeeded
	if hardened(pod) {
		k.patch = patchNeedless
	}
	return k, nil
}

// path is where the limit answers a review of the kind.
func (k *kind) path(review int) string {
	return fmt.Sprintf("/%s/%d", strings.ReplaceAll(k.Name, " ", "-"), review)
}

// byPath returns all reviews by that path.
func byPath(kinds []*kind) map[string][]byte {
	all := map[string][]byte{}
	for _, k := range kinds {
		for n, body := range k.Bodies {
			all[k.path(n)] = body
		}
	}
	return all
}

func decode(body []byte) (object []byte, pod *corev1.Pod, err error) {
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil {
		return nil, nil, err
	}
	pod = &corev1.Pod{}
	return review.Request.Object.Raw, pod, json.Unmarshal(review.Request.Object.Raw, pod)
}

// hardened says whether each container has one of the settings that are measured; what
// the others are is for the tests of the servers.
func hardened(pod *corev1.Pod) bool {
	for _, c := range pod.Spec.Containers {
		if c.SecurityContext == nil || c.SecurityContext.ReadOnlyRootFilesystem == nil {
			return false
		}
	}
	return true
}

// check sends each review once, applies the patch that comes back, and looks at the pod. Of
// several pods some may be left as they are, but not all.
func (c *client) check(ctx context.Context, k *kind) error {
	answer := &bytes.Buffer{}
	patches := 0
	for n, body := range k.Bodies {
		if err := servers.Post(ctx, c.connections[0], c.url(k, n), body, answer); err != nil {
			return err
		}
		if err := k.glance(answer.Bytes()); err != nil {
			return err
		}
		if k.patch == patchNeedless {
			continue
		}
		object, _, err := decode(body)
		if err != nil {
			return err
		}
		var review admissionv1.AdmissionReview
		if err := json.Unmarshal(answer.Bytes(), &review); err != nil {
			return err
		}
		if review.Response.Patch == nil {
			continue
		}
		patches++
		operations, err := jsonpatch.DecodePatch(review.Response.Patch)
		if err != nil {
			return err
		}
		patched, err := operations.Apply(object)
		if err != nil {
			return err
		}
		var pod corev1.Pod
		if err := json.Unmarshal(patched, &pod); err != nil {
			return err
		}
		// Of real pods some have containers with a setting that conflicts.
		if k.patch == patchNeeded && !hardened(&pod) {
			return errors.New("the patch does not harden each container")
		}
	}
	if k.patch != patchNeedless && patches == 0 {
		return errors.New("no answer has a patch")
	}
	return nil
}

// glance looks at an answer in passing: it runs beside what is measured.
func (k *kind) glance(answer []byte) error {
	if !bytes.Contains(answer, []byte(`"allowed":true`)) {
		return fmt.Errorf("the answer does not allow: %.200s", answer)
	}
	patched := bytes.Contains(answer, []byte(`"patch":"`))
	switch {
	case k.patch == patchNeeded && !patched:
		return fmt.Errorf("the answer has no patch: %.200s", answer)
	case k.patch == patchNeedless && patched:
		return fmt.Errorf("the answer has a patch, and there is nothing to do: %.200s", answer)
	}
	return nil
}
