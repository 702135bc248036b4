// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

func selects(kind string, use Use, text string) Selector {
	parsed, err := labels.Parse(text)
	if err != nil {
		panic(err)
	}
	return Selector{Kind: kind, Name: "x", Use: use, Labels: parsed}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	template := map[string]string{"app": "web", "tier": "front", "version": "v1"}
	for _, test := range []struct {
		name      string
		selectors []Selector
		removed   []string
		blocked   []string
		notes     int
	}{
		{name: "nothing selects"},
		{name: "others are selected", selectors: []Selector{selects("ReplicaSet", Adopts, "app=db")}},
		{name: "a controller", selectors: []Selector{selects("ReplicationController", Adopts, "app=web")}, removed: []string{"app"}},
		{name: "one label is enough", selectors: []Selector{selects("DaemonSet", Adopts, "app=web,tier=front"), selects("Service", SendsTraffic, "app=web")}, removed: []string{"app"}},
		{name: "two Services", selectors: []Selector{selects("Service", SendsTraffic, "app=web"), selects("Service", SendsTraffic, "tier=front")}, removed: []string{"app", "tier"}},
		{name: "a policy needs another label", selectors: []Selector{selects("Service", SendsTraffic, "app=web,tier=front"), selects("NetworkPolicy", Restricts, "app=web")}, removed: []string{"tier"}},
		{name: "a policy needs the Service's label: the gate stands in", selectors: []Selector{selects("Service", SendsTraffic, "app=web"), selects("NetworkPolicy", Restricts, "app=web")}, notes: 1},
		{name: "an autoscaler counts, ready or not: the policy is lost", selectors: []Selector{selects("HorizontalPodAutoscaler", Counts, "app=web"), selects("NetworkPolicy", Restricts, "app=web")}, removed: []string{"app"}, notes: 1},
		{name: "a Service that publishes all", selectors: []Selector{selects("Service", PublishesAll, "app=web"), selects("NetworkPolicy", Restricts, "app=web")}, removed: []string{"app"}, notes: 1},
		{name: "a policy for all", selectors: []Selector{selects("NetworkPolicy", Restricts, ""), selects("Service", SendsTraffic, "app=web")}, removed: []string{"app"}},
		{name: "a policy for all others", selectors: []Selector{selects("NetworkPolicy", Restricts, "app!=web"), selects("Service", SendsTraffic, "app=web,tier=front")}, removed: []string{"tier"}},
		{name: "a budget for all", selectors: []Selector{selects("PodDisruptionBudget", Protects, "")}, notes: 1},
		{name: "a controller of everything", selectors: []Selector{selects("ReplicaSet", Adopts, "")}, blocked: []string{"ReplicaSet x"}},
		{name: "a controller of what has no label", selectors: []Selector{selects("ReplicaSet", Adopts, "!app"), selects("DaemonSet", Adopts, "app=web")}, blocked: []string{"DaemonSet x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := labelsFor(template, test.selectors)
			var blocked []string
			for _, s := range l.Blocked {
				blocked = append(blocked, s.Object())
			}
			if diff := cmp.Diff(test.removed, l.Removed); diff != "" {
				t.Errorf("removed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.blocked, blocked); diff != "" {
				t.Errorf("blocked (-want +got):\n%s", diff)
			}
			if len(l.Notes) != test.notes {
				t.Errorf("notes = %q, want %d", l.Notes, test.notes)
			}
		})
	}
}

// Whatever selects, a copy is adopted and counted by nobody, or the plan says who would.
// The oracle is the selector of the API's own library, on the labels that a copy has.
func TestNobodyAdoptsACopy(t *testing.T) {
	t.Parallel()
	keys, values := []string{"a", "b", "c", "d"}, []string{"1", "2"}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 7))
		template := map[string]string{}
		for _, key := range keys {
			if r.IntN(4) > 0 {
				template[key] = values[r.IntN(2)]
			}
		}
		var selectors []Selector
		for i := range 1 + r.IntN(6) {
			api := &metav1.LabelSelector{MatchLabels: map[string]string{}}
			for _, key := range keys {
				switch r.IntN(5) {
				case 0:
					api.MatchLabels[key] = values[r.IntN(2)]
				case 1:
					operators := []metav1.LabelSelectorOperator{metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn}
					e := metav1.LabelSelectorRequirement{Key: key, Operator: operators[r.IntN(4)]}
					if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpNotIn {
						e.Values = []string{"1"}
					}
					api.MatchExpressions = append(api.MatchExpressions, e)
				}
			}
			parsed, err := metav1.LabelSelectorAsSelector(api)
			if err != nil {
				t.Fatal(err)
			}
			uses := []Use{Adopts, Counts, PublishesAll, SendsTraffic, Protects, Restricts}
			selectors = append(selectors, Selector{Kind: "Thing", Name: fmt.Sprint(i), Use: uses[r.IntN(len(uses))], Labels: parsed})
		}
		l := labelsFor(maps.Clone(template), selectors)
		for key, value := range l.Labels {
			if template[key] != value {
				t.Fatalf("seed %d: label %s=%s is none of the template's", seed, key, value)
			}
		}
		for _, s := range selectors {
			reported := slices.ContainsFunc(l.Blocked, func(b Selector) bool { return b.Name == s.Name })
			if selected := s.Labels.Matches(labels.Set(l.Labels)); costs[s.Use] >= forbidden && selected != reported {
				t.Fatalf("seed %d: %s %q selects %v: %v, reported: %v", seed, s.Use, s.Labels, l.Labels, selected, reported)
			}
		}
	}
}
