// SPDX-License-Identifier: Apache-2.0

package live

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caseharden/caseharden/internal/kube"
	"github.com/caseharden/caseharden/status"
)

// A fake answers with the items of lists, by their paths. What begins with "=" is the whole
// answer, and "!" is refused.
type fake map[string]string

func (f fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	answer, found := f[r.URL.Path]
	if before := r.URL.Path + " previous"; r.URL.Query().Get("previous") == "true" && f[before] != "" {
		answer = f[before]
	}
	switch {
	case strings.HasPrefix(answer, "!"):
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"%s is forbidden"}`, r.URL.Path)
	case strings.HasPrefix(answer, "="):
		fmt.Fprint(w, answer[1:])
	case found || !strings.Contains(r.URL.Path, "/namespaces/missing"):
		fmt.Fprintf(w, `{"metadata":{},"items":[%s]}`, answer)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
	}
}

// read reads a fake cluster into a report.
func read(t *testing.T, f fake, o Options) (*status.Report, error) {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: test, clusters: [{name: test, cluster: {server: %q}}], contexts: [{name: test, context: {cluster: test}}]}`, server.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := kube.Connect(kube.Access{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	o.Now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	s, err := Read(t.Context(), client, o)
	if err != nil {
		return nil, err
	}
	return status.New(o.Now, "2026-06-01", s), nil
}

const (
	shop          = `{"metadata":{"name":"shop","labels":{"caseharden.io/enforce":"own"}}}`
	configuration = `{"metadata":{"name":"caseharden"},"webhooks":[{"name":"enforce-own.caseharden.io","namespaceSelector":{"matchLabels":{"caseharden.io/enforce":"own"}},"clientConfig":{"service":{"namespace":"caseharden","name":"caseharden","path":"/enforce/own"}}}]},` +
		`{"metadata":{"name":"other"},"webhooks":[{"name":"mutate.example.com","clientConfig":{"url":"https://example.com"}}]}`
	ownProfile = `{"metadata":{"name":"caseharden-profile-own"},"data":{"own.yaml":"{apiVersion: caseharden.io/v1alpha1, kind: Profile, metadata: {name: own}, spec: {container: {runAsNonRoot: true}}}"}}`
	failing    = `{"phase":"Running","containerStatuses":[{"name":"app","ready":false,"restartCount":1,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1}}}]}`
)

func ofReplicaSet(name, replicaSet string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"shop","ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":%q,"controller":true}],"annotations":{"caseharden.io/injected":"{\"profile\":\"own\",\"containers\":{\"app\":[\"runAsNonRoot\"]}}"}},`+
		`"spec":{"containers":[{"name":"app","image":"app","securityContext":{"runAsNonRoot":true}}]},"status":%s}`, name, replicaSet, failing)
}

func replicaSet(name, ownerVersion, ownerKind, owner string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"shop","ownerReferences":[{"apiVersion":%q,"kind":%q,"name":%q,"controller":true}]},"spec":{"template":{"spec":{"containers":[{"name":"app","image":"app"}]}}}}`, name, ownerVersion, ownerKind, owner)
}

func cluster() fake {
	return fake{
		"/api/v1/namespaces":      shop,
		"/api/v1/namespaces/shop": "=" + shop,
		"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": configuration,
		"/apis/discovery.k8s.io/v1/namespaces/caseharden/endpointslices":      `{"endpoints":[{"conditions":{"ready":true}},{"conditions":{"ready":false}}]}`,
		"/api/v1/namespaces/caseharden/configmaps":                            ownProfile,
		"/api/v1/namespaces/shop/pods":                                        ofReplicaSet("web-1-a", "web-1") + "," + ofReplicaSet("roll-1-a", "roll-1"),
		"/apis/apps/v1/namespaces/shop/replicasets":                           replicaSet("web-1", "apps/v1", "Deployment", "web") + "," + replicaSet("roll-1", "argoproj.io/v1alpha1", "Rollout", "roll"),
		"/apis/apps/v1/namespaces/shop/replicasets/roll-1":                    "=" + replicaSet("roll-1", "argoproj.io/v1alpha1", "Rollout", "roll"),
		"/apis/apps/v1/namespaces/shop/deployments":                           `{"metadata":{"name":"web","namespace":"shop"},"spec":{"template":{"spec":{"containers":[{"name":"app","image":"app"}]}}}}`,
		"/api/v1/namespaces/shop/events":                                      `{"involvedObject":{"apiVersion":"apps/v1","kind":"ReplicaSet","namespace":"shop","name":"web-1"},"reason":"FailedCreate","message":"violates PodSecurity \"restricted:latest\": x"}`,
		"/api/v1/namespaces/shop/pods/web-1-a/log":                            "=app must be run as root\n",
		"/api/v1/namespaces/shop/pods/roll-1-a/log":                           "=bye\n",
		"/api/v1/nodes":                        `{"metadata":{"name":"n1"}}`,
		"/api/v1/nodes/n1/proxy/stats/summary": `={"pods":[{"podRef":{"name":"web-1-a","namespace":"shop"},"containers":[{"name":"app","rootfs":{"usedBytes":8192,"inodesUsed":9}}]}]}`,
	}
}

// Everything is read from where it is, with everything that one may see.
func TestRead(t *testing.T) {
	t.Parallel()
	for _, namespace := range []string{"", "shop"} {
		r, err := read(t, cluster(), Options{Namespace: namespace, Logs: true, Writes: true})
		if err != nil {
			t.Fatal(err)
		}
		c := r.Clusters[0]
		if len(c.Unseen) > 0 {
			t.Errorf("unseen = %+v", c.Unseen)
		}
		if i := c.Install; i.Configuration != "caseharden" || i.Endpoints == nil || *i.Endpoints != (status.Endpoints{Ready: 1, All: 2}) {
			t.Errorf("installation = %+v", i)
		}
		web := status.Find(r, "deployment/web")
		if len(web) != 1 || web[0].States[status.Hardened] != 1 || web[0].Next == nil {
			t.Fatalf("web = %+v", web)
		}
		if ids := web[0].Findings; len(ids) != 2 || ids[0].ID != "needs-root" || ids[1].ID != "pod-security-refused" {
			t.Errorf("findings = %+v", ids)
		}
		// The owner of a ReplicaSet may be of a kind that nobody knows.
		if roll := status.Find(r, "rollout/roll"); len(roll) != 1 || roll[0].Next == nil || len(roll[0].Unexplained) != 1 {
			t.Errorf("roll = %+v", roll)
		}
		if len(c.Writes) != 1 {
			t.Errorf("writes = %+v", c.Writes)
		}
	}
}

// What may not be seen is named, and everything else is there.
func TestReadForbidden(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": "webhook configurations",
		"/api/v1/namespaces/caseharden/configmaps":                            "configmaps in namespace caseharden",
		"/apis/discovery.k8s.io/v1/namespaces/caseharden/endpointslices":      "endpointslices in namespace caseharden",
		"/api/v1/namespaces/shop/pods":                                        "pods in namespace shop",
		"/apis/apps/v1/namespaces/shop/deployments":                           "deployments in namespace shop",
		"/apis/apps/v1/namespaces/shop/replicasets":                           "replicasets in namespace shop",
		"/api/v1/namespaces/shop/events":                                      "events in namespace shop",
		"/api/v1/namespaces/shop/pods/web-1-a/log":                            "the log of Pod web-1-a in namespace shop",
		"/api/v1/nodes":                        "nodes",
		"/api/v1/nodes/n1/proxy/stats/summary": "the summary of node n1",
	} {
		f := cluster()
		f[path] = "!"
		r, err := read(t, f, Options{Namespace: "shop", Logs: true, Writes: true})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		c := r.Clusters[0]
		if len(c.Unseen) != 1 || c.Unseen[0].What != want || c.Unseen[0].Means == "" || !strings.Contains(c.Unseen[0].Error, "forbidden") {
			t.Errorf("%s: unseen = %+v, want %s", path, c.Unseen, want)
		}
		if len(c.Namespaces) != 1 || c.Namespaces[0].Profiles["enforce"] != "own" {
			t.Errorf("%s: namespaces = %+v", path, c.Namespaces)
		}
	}
	f := cluster()
	f["/api/v1/namespaces"] = "!"
	if _, err := read(t, f, Options{}); err == nil || !strings.HasSuffix(err.Error(), "look at one namespace with -n") {
		t.Errorf("all namespaces: %v", err)
	}
	if _, err := read(t, fake{}, Options{Namespace: "missing"}); err == nil || err.Error() != "there is no namespace missing" {
		t.Errorf("a namespace that is not there: %v", err)
	}
}

// The log is that of the instance that ended: the one before only if the container was started
// again. A kubelet that has removed that one says so in place of the log.
func TestLogOfTheEnd(t *testing.T) {
	t.Parallel()
	const log, needsRoot = "/api/v1/namespaces/shop/pods/web-1-a/log", "=app must be run as root\n"
	for name, tt := range map[string]struct{ state, now, before string }{
		"started again": {failing, "=starting\n", needsRoot},
		"ended":         {strings.Replace(failing, `"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState"`, `"state"`, 1), needsRoot, "=chown: /x: Operation not permitted\n"},
		"removed":       {failing, needsRoot, "=unable to retrieve container logs for containerd://1"},
	} {
		f := cluster()
		f["/api/v1/namespaces/shop/pods"] = strings.Replace(ofReplicaSet("web-1-a", "web-1"), failing, tt.state, 1)
		f["/api/v1/namespaces/shop/events"] = ""
		f[log], f[log+" previous"] = tt.now, tt.before
		r, err := read(t, f, Options{Namespace: "shop", Logs: true})
		if err != nil {
			t.Fatal(err)
		}
		if found := status.Find(r, "deployment/web")[0].Findings; len(found) != 1 || found[0].ID != "needs-root" {
			t.Errorf("%s: findings = %+v, unseen = %+v", name, found, r.Clusters[0].Unseen)
		}
	}
}
