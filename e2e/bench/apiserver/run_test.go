// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	"encoding/json"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestRun takes one short round. That each contender does its job, Run sees to itself.
func TestRun(t *testing.T) {
	result, err := Run(t.Context(), Options{Rounds: 1, Creates: 5, Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(result); err != nil {
		t.Error(err)
	}
	if result.PodBytes < 5_000 || result.PodBytes > 7_000 {
		t.Errorf("the pod has %d bytes as it is sent on, want about 6 kB", result.PodBytes)
	}
	for _, c := range result.Clients {
		if len(c.Contenders) != len(Default()) || len(c.Ratios) != len(compared) {
			t.Errorf("%d at a time: there are %d contenders and %d ratios, want %d and %d",
				c.Clients, len(c.Contenders), len(c.Ratios), len(Default()), len(compared))
		}
		for _, m := range c.Contenders {
			isWebhook := m.Name != None && m.Name != Policy
			if m.P50.Median <= 0 || m.P99.Median < m.P50.Median || m.APIServerCPU.Median <= 0 || (m.WebhookCPU.Median > 0) != isWebhook {
				t.Errorf("%d at a time: %+v: there must be latencies, and processor time, of a webhook too exactly if it is one", c.Clients, m)
			}
		}
	}
}

// TestCheck holds that a contender which does not do its job is found out.
func TestCheck(t *testing.T) {
	hardens, records := contender{hardened: true}, contender{hardened: true, recorded: true}
	for _, tt := range []struct {
		name     string
		of       contender
		contexts [3]string // of migrate, web and exporter
		record   bool
		ok       bool
	}{
		{"all", hardens, [3]string{allSix, allSix, allSix}, false, true},
		{"one lacks all", hardens, [3]string{allSix, allSix, "{}"}, false, false},
		{"one lacks one", hardens, [3]string{allSix, allSix,
			`{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 1, seccompProfile: {type: RuntimeDefault}}`}, false, false},
		{"all, and a record", records, [3]string{allSix, allSix, allSix}, true, true},
		{"all, and no record", records, [3]string{allSix, allSix, allSix}, false, false},
		{"all, and a record that is not its own", hardens, [3]string{allSix, allSix, allSix}, true, false},
		{"none", contender{}, [3]string{"{}", "{}", "{}"}, false, true},
		{"none, but it is", contender{}, [3]string{"{}", allSix, "{}"}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pod, err := readPod()
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range []*corev1.Container{&pod.Spec.InitContainers[0], &pod.Spec.Containers[0], &pod.Spec.Containers[1]} {
				c.SecurityContext = &corev1.SecurityContext{}
				if err := yaml.UnmarshalStrict([]byte(tt.contexts[i]), c.SecurityContext); err != nil {
					t.Fatal(err)
				}
			}
			if tt.record {
				pod.Annotations[recordAnnotation] = "{}"
			}
			if err := tt.of.check(pod); (err == nil) != tt.ok {
				t.Errorf("check returns %v, want an error: %t", err, !tt.ok)
			}
		})
	}
}
