// SPDX-License-Identifier: Apache-2.0

//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A largeCluster answers as the API server of a large cluster does: with pages of Pods that
// are made while they are sent. Ten Pods belong to a Deployment, and a namespace has 200.
type largeCluster struct{ pods int }

const podsOfNamespace, podsOfDeployment = 200, 10

func (c largeCluster) namespace(pod int) string { return fmt.Sprintf("team-%d", pod/podsOfNamespace) }

func (c largeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	list := func(n int, item func(i int) string) {
		first, _ := strconv.Atoi(r.URL.Query().Get("continue"))
		last := n
		if size, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil {
			last = min(n, first+size)
		}
		more := ""
		if last < n {
			more = strconv.Itoa(last)
		}
		fmt.Fprintf(w, `{"metadata":{"continue":%q},"items":[`, more)
		for i := first; i < last; i++ {
			if i > first {
				fmt.Fprint(w, ",")
			}
			fmt.Fprint(w, item(i))
		}
		fmt.Fprint(w, "]}")
	}
	const spec = `"spec":{"serviceAccountName":"default","containers":[{"name":"app","image":"registry.example.com/team/app:1.2.3","env":[%s],"resources":{"requests":{"cpu":"10m","memory":"64Mi"}},"securityContext":%s},{"name":"proxy","image":"registry.example.com/mesh/proxy:2","securityContext":%[2]s}]}`
	env := strings.TrimSuffix(strings.Repeat(`{"name":"SETTING_OF_THE_APPLICATION","value":"a value of some length, as they have"},`, 30), ",")
	const secure = `{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true,"runAsNonRoot":true,"runAsUser":10001,"seccompProfile":{"type":"RuntimeDefault"}}`
	deployments := c.pods / podsOfDeployment
	name := func(i int) (namespace, deployment string) {
		return c.namespace(i * podsOfDeployment), fmt.Sprintf("web-%d", i)
	}
	switch r.URL.Path {
	case "/api/v1/namespaces":
		list(c.pods/podsOfNamespace, func(i int) string {
			return fmt.Sprintf(`{"metadata":{"name":"team-%d","labels":{"caseharden.io/enforce":"hardened"},"managedFields":[{"time":"2026-01-01T00:00:00Z","fieldsV1":{"f:metadata":{"f:labels":{"f:caseharden.io/enforce":{}}}}}]}}`, i)
		})
	case "/api/v1/pods":
		list(c.pods, func(i int) string {
			context, record := secure, `{\"profile\":\"hardened\",\"containers\":{\"app\":[\"runAsUser\"]}}`
			if i%4 == 0 {
				context, record = "{}", ""
			}
			state := `"conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"app","ready":true,"restartCount":0,"imageID":"registry.example.com/team/app@sha256:0000000000000000000000000000000000000000000000000000000000000000","state":{"running":{"startedAt":"2026-02-01T00:00:00Z"}}}]`
			if i%100 == 1 {
				state = fmt.Sprintf(`"containerStatuses":[{"name":"app","ready":false,"restartCount":3,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1,"message":"open /data/%d: permission denied"}}}]`, i)
			}
			return fmt.Sprintf(`{"metadata":{"name":"web-%d-1-%d","namespace":%q,"creationTimestamp":"2025-06-01T00:00:00Z","ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-%[1]d-1","controller":true}],"annotations":{"caseharden.io/injected":"%[4]s"},"managedFields":[{"fieldsV1":{"f:spec":{"f:containers":{%[5]s}}}}]},`,
				i/podsOfDeployment, i, c.namespace(i), record, strings.Repeat(`"k:{\"name\":\"app\"}":{".":{},"f:image":{},"f:imagePullPolicy":{},"f:name":{}},`, 15)+`"f:x":{}`) +
				fmt.Sprintf(spec, env, context) + `,"status":{"phase":"Running",` + state + `}}`
		})
	case "/apis/apps/v1/replicasets":
		list(deployments, func(i int) string {
			namespace, deployment := name(i)
			return fmt.Sprintf(`{"metadata":{"name":"%s-1","namespace":%q,"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":%[1]q,"controller":true}]}}`, deployment, namespace)
		})
	case "/apis/apps/v1/deployments":
		list(deployments, func(i int) string {
			namespace, deployment := name(i)
			return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":%q},"spec":{"replicas":10,"template":{%s}},"status":{"readyReplicas":10,"updatedReplicas":10}}`, deployment, namespace, fmt.Sprintf(spec, env, "{}"))
		})
	default:
		list(0, nil)
	}
}

// Memory grows with controllers and not with Pods. STATUS_PODS=100000 is the size of the
// largest clusters.
func TestStatusOfLargeCluster(t *testing.T) {
	pods := 8000 // in more namespaces than are read one by one
	if n, err := strconv.Atoi(os.Getenv("STATUS_PODS")); err == nil {
		pods = n
	}
	server := httptest.NewServer(largeCluster{pods})
	defer server.Close()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, fmt.Appendf(nil, `{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}], contexts: [{name: c, context: {cluster: c}}]}`, server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "caseharden", "status", "-A", "-o", "json", "--kubeconfig", kubeconfig)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	begun := time.Now()
	if err := command.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	usage := command.ProcessState.SysUsage().(*syscall.Rusage)
	t.Logf("%d Pods: %s, %s of CPU, %d MiB at most", pods, time.Since(begun).Round(time.Millisecond), command.ProcessState.UserTime().Round(time.Millisecond), usage.Maxrss>>10)
	if limit := int64(500 << 10); usage.Maxrss > limit {
		t.Errorf("%d KiB were resident, more than %d", usage.Maxrss, limit)
	}
	var report struct {
		Clusters []struct {
			Unseen []struct{ What, Error string }
		}
		Summary struct {
			Pods, Workloads, Suspects int
			States                    map[string]int
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	s := report.Summary
	if s.Pods != pods || s.Workloads != pods/podsOfDeployment || s.Suspects == 0 && pods > 0 {
		t.Errorf("summary = %+v, unseen %v", s, report.Clusters[0].Unseen)
	}
}
