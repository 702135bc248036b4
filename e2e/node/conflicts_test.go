// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"fmt"
	"maps"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/product/reference"
	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
	"github.com/caseharden/caseharden/e2e/testbed/oci"
)

// TestConflicts has the pods of all cases run three times, all at once, and looks at what
// became of each: nobody is worse off with us, and with a naive webhook they are.
func TestConflicts(t *testing.T) {
	profiles := installProfiles(t)
	newNaive(t, profiles).install(t)
	loadOwned(t)
	showProc(t)

	cases, node := maps.Clone(conflictCases), nodeProperties(t)
	maps.DeleteFunc(cases, func(name string, tt conflictCase) bool {
		if !node[tt.on] {
			t.Logf("not seen here, but on a node %s: %s", tt.on, name)
		}
		return !node[tt.on]
	})
	bedtest.Namespace(t, c, "conflicts-plain", nil)
	for name := range profiles {
		bedtest.Namespace(t, c, "conflicts-"+name, enforcing(name))
		bedtest.Namespace(t, c, "conflicts-naive-"+name, map[string]string{naiveLabel: name})
	}

	want, got := map[string]map[string]outcome{}, map[string]map[string]outcome{} // by namespace and pod
	for name, tt := range cases {
		pod := podOf(t, name, tt.pod)
		for i, ns := range tt.namespaces() {
			if got[ns] == nil {
				want[ns], got[ns] = map[string]outcome{}, map[string]outcome{}
			}
			want[ns][name] = []outcome{tt.plain, tt.ours, tt.naive}[i]
			got[ns][name] = create(t, ns, pod)
		}
	}
	for ns := range got {
		await(t, ns, want[ns], got[ns])
	}
	skips := skips(t)
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			for _, ns := range tt.namespaces() {
				if got, want := got[ns][name], want[ns][name]; !got.is(want) {
					t.Errorf("in %s:\n     %s\nwant %s", ns, got, want)
				}
			}
			if tt.reason != "" && !skips[tt.profile+" "+tt.field+" "+tt.reason] {
				t.Errorf("profile %s has skipped no %s for %s", tt.profile, tt.field, tt.reason)
			}
		})
	}
}

// Every conflict of the reference's table, which comes from the catalogue, has a case here,
// or says why it cannot.
func TestEveryConflictHasACase(t *testing.T) {
	rows, err := reference.Conflicts()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"runAsGroup group-without-user": true} // it is in the table above
	for conflict := range rows {
		want[conflict.Field+" "+conflict.Reason] = true
	}
	have := map[string]bool{}
	for name, tt := range conflictCases {
		if tt.reason != "" {
			have[tt.field+" "+tt.reason] = true
		} else if tt.ours != tt.naive {
			t.Errorf("%s is a near miss, and we are to do something else than the naive webhook", name)
		}
	}
	for conflict := range unseen {
		have[conflict] = true
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("conflicts (-reference +cases):\n%s", diff)
	}
}

// ownedName is the name of an image of the probe's which has a user of its own.
const ownedName = "images.test/owned:1"

func loadOwned(t *testing.T) {
	t.Helper()
	module, err := gobuild.ModuleDir()
	if err != nil {
		t.Fatal(err)
	}
	probe, err := cluster.CompileStatic(t.Context(), os.Stderr, "probe", module, "./testbed/cluster/probe")
	if err != nil {
		t.Fatal(err)
	}
	image := oci.Image{
		Name:   ownedName,
		Files:  []oci.File{{Path: "/probe", Source: probe}},
		Config: v1.ImageConfig{User: "1234", Entrypoint: []string{"/probe"}},
	}
	if err := c.LoadImage(t.Context(), image); err != nil {
		t.Fatal(err)
	}
}

// podOf returns a pod of this name whose first container is app, which has the probe say
// once what the kernel says.
func podOf(t *testing.T, name, manifest string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{}
	if err := yaml.UnmarshalStrict([]byte(manifest), pod); err != nil {
		t.Fatal(err)
	}
	pod.Name, pod.Spec.RestartPolicy = name, corev1.RestartPolicyNever
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		container.Args = []string{"-exit"}
		if container.Image == "" {
			container.Image = cluster.ProbeName
		}
	}
	pod.Spec.Containers[0].Name = "app"
	return pod
}

// skips returns what the replicas have skipped, as "profile field reason".
func skips(t *testing.T) map[string]bool {
	t.Helper()
	replicas, err := c.Client().CoreV1().Pods(release.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, replica := range replicas.Items {
		if replica.DeletionTimestamp != nil {
			continue
		}
		metrics, err := (&webhook.Webhook{MetricsAddr: replica.Status.PodIP + ":8080"}).Metrics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for series, n := range metrics {
			var field, profile, reason string
			if _, err := fmt.Sscanf(series, `caseharden_decisions_total{field=%q,mode="enforce",outcome="skip",profile=%q,reason=%q}`, &field, &profile, &reason); err == nil && n > 0 {
				all[profile+" "+field+" "+reason] = true
			}
		}
	}
	return all
}
