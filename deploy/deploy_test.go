// SPDX-License-Identifier: Apache-2.0

// Package deploy holds manifests and no code but this test of them.
package deploy

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/mutate"
)

func profiles(t *testing.T) []*defaults.Profile {
	t.Helper()
	all, err := profile.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// install reads the only object of a kind in install.yaml.
func install(t *testing.T, kind string, into any) {
	t.Helper()
	data, err := os.ReadFile("install.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		if strings.Contains(document, "\nkind: "+kind+"\n") {
			found++
			if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
				t.Fatal(err)
			}
		}
	}
	if found != 1 {
		t.Fatalf("install.yaml has %d objects of kind %s", found, kind)
	}
}

// There is an entry for each mode and profile, and each is one that a cluster
// survives.
func TestWebhookConfiguration(t *testing.T) {
	var configuration admissionregistrationv1.MutatingWebhookConfiguration
	install(t, "MutatingWebhookConfiguration", &configuration)
	var want, got []string
	for _, mode := range mutate.Modes() {
		for _, p := range profiles(t) {
			want = append(want, string(mode)+"-"+p.Name+".caseharden.io /"+string(mode)+"/"+p.Name)
		}
	}
	for _, w := range configuration.Webhooks {
		got = append(got, w.Name+" "+*w.ClientConfig.Service.Path)
		mode, profile, _ := strings.Cut(strings.TrimSuffix(w.Name, ".caseharden.io"), "-")

		if diff := cmp.Diff(map[string]string{"caseharden.io/" + mode: profile}, w.NamespaceSelector.MatchLabels); diff != "" {
			t.Errorf("%s: labels (-want +got):\n%s", w.Name, diff)
		}
		excluded := w.NamespaceSelector.MatchExpressions
		if len(excluded) != 1 || excluded[0].Key != "kubernetes.io/metadata.name" || excluded[0].Operator != "NotIn" ||
			!slices.Contains(excluded[0].Values, "kube-system") || !slices.Contains(excluded[0].Values, "caseharden") {
			t.Errorf("%s: kube-system and caseharden are not excluded: %v", w.Name, excluded)
		}
		if diff := cmp.Diff(wantedRules(mutate.Mode(mode)), ruleLines(w.Rules)); diff != "" {
			t.Errorf("%s: rules (-want +got):\n%s", w.Name, diff)
		}
		enforce := mode == string(mutate.Enforce)
		if fails := *w.FailurePolicy == admissionregistrationv1.Fail; fails != enforce {
			t.Errorf("%s: failurePolicy %s", w.Name, *w.FailurePolicy)
		}
		if again := w.ReinvocationPolicy != nil && *w.ReinvocationPolicy == admissionregistrationv1.IfNeededReinvocationPolicy; again != enforce {
			t.Errorf("%s: reinvocationPolicy %v", w.Name, w.ReinvocationPolicy)
		}
		if *w.TimeoutSeconds > 5 || *w.SideEffects != admissionregistrationv1.SideEffectClassNone {
			t.Errorf("%s: timeoutSeconds %d, sideEffects %s", w.Name, *w.TimeoutSeconds, *w.SideEffects)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("webhooks and their paths (-want +got):\n%s", diff)
	}
}

// wantedRules returns what comes to an entry of the mode, sorted: what package
// mutate looks at in that mode, and nothing else.
func wantedRules(mode mutate.Mode) []string {
	wanted := []string{"CREATE /v1 pods Namespaced", "UPDATE /v1 pods/ephemeralcontainers Namespaced"}
	for _, k := range mutate.TemplateKinds() {
		if mode == mutate.Enforce || k.Kind == "Pod" {
			continue
		}
		for _, operation := range []string{"CREATE", "UPDATE"} {
			wanted = append(wanted, operation+" "+k.Group+"/"+k.Version+" "+k.Resource+" Namespaced")
		}
	}
	slices.Sort(wanted)
	return wanted
}

// ruleLines writes rules as a line for each operation and resource, sorted.
func ruleLines(rules []admissionregistrationv1.RuleWithOperations) []string {
	var lines []string
	for _, r := range rules {
		for _, operation := range r.Operations {
			for _, group := range r.APIGroups {
				for _, version := range r.APIVersions {
					for _, resource := range r.Resources {
						lines = append(lines, string(operation)+" "+group+"/"+version+" "+resource+" "+string(*r.Scope))
					}
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// Our own pods obey what we ask of others: no profile finds anything to fill in.
func TestOwnPodNeedsNothing(t *testing.T) {
	var deployment appsv1.Deployment
	install(t, "Deployment", &deployment)
	template, err := json.Marshal(deployment.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	pod, err := defaults.ParsePod(template)
	if err != nil {
		t.Fatal(err)
	}
	if len(pod.Containers) == 0 {
		t.Fatal("the Deployment has no containers")
	}
	for _, p := range profiles(t) {
		for _, d := range p.Decide(pod) {
			if d.Outcome != defaults.Leave {
				t.Errorf("profile %s: %s of container %s: %s, %s", p.Name, d.Field.Name, d.Container.Name, d.Outcome, d.Reason)
			}
		}
	}
}
