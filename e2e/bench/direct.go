// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
	"github.com/caseharden/caseharden/e2e/testbed/process"
)

const (
	reviewRounds = 8 // twice the contenders: see order
	clients      = 8
)

// measureReviews sends reviews to the webhooks over TLS and HTTP/2, without an API server.
func (r *report) measureReviews(ctx context.Context, b *bed, rounds int, turn time.Duration) (err error) {
	var names []string
	all := loads{}
	for _, k := range b.kinds {
		names = append(names, k.Name)
		for _, contender := range webhooks {
			s := b.servers[contender]
			l := &load{
				clients: s.clients,
				request: func(n int) (string, []byte) {
					n %= len(k.Bodies)
					return "https://" + s.addr + path(contender, reviewName(k, n)), k.Bodies[n]
				},
				check:   func(answer []byte) error { return glance(k, answer) },
				servers: map[string]*process.Process{cpuTime: s.process},
			}
			if err := checkKind(ctx, l, k); err != nil {
				return fmt.Errorf("%s, %s: %w", contender, k.Name, err)
			}
			all[[2]string{k.Name, contender}] = l
		}
	}
	if r.Reviews, err = all.takeTurns(ctx, "reviews", rounds, turn, names, webhooks, relateReviews); err != nil {
		return err
	}
	single := func(v float64) spread { return spread{v, v, v} }
	for _, contender := range webhooks {
		s := b.servers[contender]
		memory, err := s.process.Memory()
		if err != nil {
			return err
		}
		r.Servers = append(r.Servers, row{"", contender, map[string]spread{
			startTime:  single(s.started.Seconds() * 1e3),
			idleMemory: single(float64(s.idle.Now) / (1 << 20)),
			peakMemory: single(float64(memory.Peak) / (1 << 20)),
		}})
	}
	return nil
}

func reviewName(k reviews.Kind, n int) string { return fmt.Sprintf("%s/%d", k.Name, n) }

// relateReviews adds ratios of CPU.
func relateReviews(round map[string]sample) {
	for _, pair := range [][2]string{{product, constant}, {product, checked}, {typed, product}} {
		round[pair[0]][ratio(pair[1])] = round[pair[0]][cpuTime] / round[pair[1]][cpuTime]
	}
}

// checkKind sends each review once, and demands that all containers are hardened then; of real
// Pods, which may have conflicts, at least one.
func checkKind(ctx context.Context, l *load, k reviews.Kind) error {
	have, all := 0, 0
	var answer bytes.Buffer
	for n := range k.Bodies {
		url, body := l.request(n)
		if err := post(ctx, l.clients[0], url, "", body, &answer); err != nil {
			return err
		}
		pod, err := patchedPod(body, answer.Bytes())
		if err != nil {
			return err
		}
		h, a := hardened(pod)
		have, all = have+h, all+a
	}
	if have == 0 || (len(k.Bodies) == 1 && have != all) {
		return fmt.Errorf("%d of %d containers are hardened", have, all)
	}
	return nil
}

// glance is a cheap check, for use while something is measured.
func glance(k reviews.Kind, answer []byte) error {
	patched := bytes.Contains(answer, []byte(`"patch":"`))
	if !bytes.Contains(answer, []byte(`"allowed":true`)) || (len(k.Bodies) == 1 && patched == (k.Name == reviews.Hardened)) {
		return fmt.Errorf("the answer does not allow, or is wrong about a patch: %.500s", answer)
	}
	return nil
}

// patchedPod returns the Pod of a review with the patch of the answer, if there is one.
func patchedPod(body, answer []byte) (pod *corev1.Pod, err error) {
	var sent, got admissionv1.AdmissionReview
	if err := errors.Join(json.Unmarshal(body, &sent), json.Unmarshal(answer, &got)); err != nil {
		return nil, err
	}
	if got.Response == nil || !got.Response.Allowed || got.Response.UID != sent.Request.UID {
		return nil, fmt.Errorf("the answer does not allow this review: %.500s", answer)
	}
	raw := sent.Request.Object.Raw
	if got.Response.Patch != nil {
		patch, err := jsonpatch.DecodePatch(got.Response.Patch)
		if err != nil {
			return nil, err
		}
		if raw, err = patch.Apply(raw); err != nil {
			return nil, err
		}
	}
	return pod, json.Unmarshal(raw, &pod)
}

// hardened returns how many init and regular containers of a Pod have all six settings, and
// how many containers there are.
func hardened(pod *corev1.Pod) (have, all int) {
	is := func(p *bool, want bool) bool { return p != nil && *p == want }
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		all++
		if s := c.SecurityContext; s != nil &&
			is(s.AllowPrivilegeEscalation, false) && is(s.ReadOnlyRootFilesystem, true) && is(s.RunAsNonRoot, true) &&
			s.RunAsUser != nil && *s.RunAsUser != 0 &&
			s.Capabilities != nil && slices.Contains(s.Capabilities.Drop, "ALL") &&
			s.SeccompProfile != nil && s.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault {
			have++
		}
	}
	return have, all
}
