// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/internal/kube"
)

func TestKindNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"deployment": "Deployment", "deployments": "Deployment", "deploy": "Deployment", "Deployment": "Deployment",
		"deployments.apps": "Deployment", "sts": "StatefulSet", "ds": "DaemonSet", "rs": "ReplicaSet", "rc": "ReplicationController",
		"cj": "CronJob", "job": "Job", "po": "Pod", "pods": "Pod",
	} {
		if k, err := kube.KindNamed(name); err != nil || k.Kind != want {
			t.Errorf("KindNamed(%q) = %s, %v, want %s", name, k.Kind, err, want)
		}
	}
	for _, name := range []string{"", "service", "podtemplate", "deployments.extensions"} {
		if k, err := kube.KindNamed(name); err == nil {
			t.Errorf("KindNamed(%q) = %s, want an error", name, k.Kind)
		}
	}
}

// server answers as an API server does, at the paths that are given.
func server(t *testing.T, answers map[string]func(w http.ResponseWriter, r *http.Request)) *kube.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if answer := answers[r.Method+" "+r.URL.Path]; answer != nil {
			answer(w, r)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no %s %s","code":404}`, r.Method, r.URL)
	}))
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: %q}}], contexts: [{name: c, context: {cluster: c, namespace: shop}}, {name: d, context: {cluster: c}}], current-context: c}", s.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := kube.Connect(kube.Access{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	if c.Namespace != "shop" || c.Server != s.URL {
		t.Errorf("namespace %q at %q, want shop at %q", c.Namespace, c.Server, s.URL)
	}
	if other, err := kube.Connect(kube.Access{Kubeconfig: file, Context: "d"}); err != nil || other.Namespace != "default" {
		t.Errorf("context d: namespace %q, %v, want default", other.Namespace, err)
	}
	if other, err := kube.Connect(kube.Access{Kubeconfig: file, Namespace: "other"}); err != nil || other.Namespace != "other" {
		t.Errorf("namespace %q, %v, want other", other.Namespace, err)
	}
	return c
}

func TestMissing(t *testing.T) {
	t.Parallel()
	c := server(t, map[string]func(http.ResponseWriter, *http.Request){
		"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews": func(w http.ResponseWriter, r *http.Request) {
			var review map[string]any
			if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
				t.Error(err)
			}
			a := review["spec"].(map[string]any)["resourceAttributes"].(map[string]any)
			review["status"] = map[string]any{"allowed": a["verb"] == "get" && a["resource"] == "pods" && a["subresource"] == "log" && a["namespace"] == "shop"}
			_ = json.NewEncoder(w).Encode(review)
		},
	})
	wanted := []kube.Permission{{Verb: "get", Resource: "pods/log"}, {Verb: "get", Resource: "pods"}, {Verb: "list", Group: "apps", Resource: "deployments"}}
	missing, err := c.Missing(t.Context(), "shop", wanted)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted[1:], missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

func TestRole(t *testing.T) {
	t.Parallel()
	text := kube.Role("shop", "r", []kube.Permission{{Verb: "get", Resource: "pods"}, {Verb: "list", Group: "apps", Resource: "deployments"}, {Verb: "list", Resource: "pods"}, {Verb: "get", Resource: "pods/log"}})
	var role rbacv1.Role
	if err := yaml.UnmarshalStrict([]byte(text), &role); err != nil {
		t.Fatal(err)
	}
	want := []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}},
		{APIGroups: []string{""}, Resources: []string{"pods/log"}, Verbs: []string{"get"}},
		{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"list"}},
	}
	if diff := cmp.Diff(want, role.Rules); diff != "" || role.Namespace != "shop" || role.Kind != "Role" {
		t.Errorf("%s %s/%s (-want +got):\n%s", role.Kind, role.Namespace, role.Name, diff)
	}
}

func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	const at = "GET /api/v1/namespaces/shop/pods/web:8080/proxy"
	c := server(t, map[string]func(http.ResponseWriter, *http.Request){
		at + "/fine": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "fine "+r.URL.RawQuery) },
		at + "/broken": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "cannot save", http.StatusInternalServerError)
		},
	})
	for path, want := range map[string]kube.Response{"/fine?a=b": {Code: 200, Output: "fine a=b"}, "/broken": {Code: 500, Output: "cannot save"}} {
		got, err := c.HTTP(t.Context(), "shop", "web", 8080, path, time.Minute)
		got.Output = strings.TrimSpace(got.Output)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", path, err, diff)
		}
	}
}
