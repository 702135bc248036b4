// SPDX-License-Identifier: Apache-2.0

//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A largeCluster answers as the API server of a large cluster does: with pages of Pods that
// are made while they are sent. Ten Pods belong to a Deployment, and a namespace has 200.
type largeCluster struct {
	pods  int
	alone bool // no Pod has a controller: each is a workload of its own
}

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
	name := func(i int) (namespace, deployment string) {
		return c.namespace(i * podsOfDeployment), fmt.Sprintf("web-%d", i)
	}
	path, of := r.URL.Path, -1 // of one namespace
	if m := regexp.MustCompile(`^(.*)/namespaces/team-(\d+)(/.*)$`).FindStringSubmatch(path); m != nil {
		path = m[1] + m[3]
		of, _ = strconv.Atoi(m[2])
	}
	// within lists the objects: so many in each namespace.
	within := func(each int, item func(i int) string) {
		if of < 0 {
			list(c.pods/podsOfNamespace*each, item)
			return
		}
		list(each, func(i int) string { return item(of*each + i) })
	}
	if c.alone && strings.HasPrefix(path, "/apis/apps/v1/") {
		path = "" // there is none
	}
	switch path {
	case "/api/v1/namespaces":
		list(c.pods/podsOfNamespace, func(i int) string {
			return fmt.Sprintf(`{"metadata":{"name":"team-%d","labels":{"caseharden.io/enforce":"hardened"},"managedFields":[{"time":"2026-01-01T00:00:00Z","fieldsV1":{"f:metadata":{"f:labels":{"f:caseharden.io/enforce":{}}}}}]}}`, i)
		})
	case "/api/v1/pods":
		within(podsOfNamespace, func(i int) string {
			context, record := secure, `{\"profile\":\"hardened\",\"containers\":{\"app\":[\"runAsUser\"]}}`
			if i%4 == 0 || c.alone && i%100 != 1 {
				context, record = "{}", ""
			}
			state := `"conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"app","ready":true,"restartCount":0,"imageID":"registry.example.com/team/app@sha256:0000000000000000000000000000000000000000000000000000000000000000","state":{"running":{"startedAt":"2026-02-01T00:00:00Z"}}}]`
			if i%100 == 1 {
				state = fmt.Sprintf(`"containerStatuses":[{"name":"app","ready":false,"restartCount":3,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1,"message":"open /data/%d: permission denied"}}}]`, i)
			}
			owner := fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-%d-1","controller":true}`, i/podsOfDeployment)
			if c.alone {
				owner = ""
			}
			return fmt.Sprintf(`{"metadata":{"name":"web-%d-1-%d","namespace":%q,"creationTimestamp":"2025-06-01T00:00:00Z","ownerReferences":[`+owner+`],"annotations":{"caseharden.io/injected":"%[4]s"},"managedFields":[{"fieldsV1":{"f:spec":{"f:containers":{%[5]s}}}}]},`,
				i/podsOfDeployment, i, c.namespace(i), record, strings.Repeat(`"k:{\"name\":\"app\"}":{".":{},"f:image":{},"f:imagePullPolicy":{},"f:name":{}},`, 15)+`"f:x":{}`) +
				fmt.Sprintf(spec, env, context) + `,"status":{"phase":"Running",` + state + `}}`
		})
	case "/apis/apps/v1/replicasets":
		within(podsOfNamespace/podsOfDeployment, func(i int) string {
			namespace, deployment := name(i)
			return fmt.Sprintf(`{"metadata":{"name":"%s-1","namespace":%q,"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":%[1]q,"controller":true}]}}`, deployment, namespace)
		})
	case "/apis/apps/v1/deployments":
		within(podsOfNamespace/podsOfDeployment, func(i int) string {
			namespace, deployment := name(i)
			return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":%q},"spec":{"replicas":10,"template":{%s}},"status":{"readyReplicas":10,"updatedReplicas":10}}`, deployment, namespace, fmt.Sprintf(spec, env, "{}"))
		})
	default:
		list(0, nil)
	}
}

// Memory grows with controllers and not with Pods, and stays within bounds where no Pod has
// one. STATUS_PODS=100000 is the size of the largest clusters.
func TestStatusOfLargeCluster(t *testing.T) {
	pods := 8000 // in more namespaces than are read one by one
	if n, err := strconv.Atoi(os.Getenv("STATUS_PODS")); err == nil {
		pods = n
	}
	t.Run("of Deployments", func(t *testing.T) {
		testLargeCluster(t, largeCluster{pods: pods}, pods/podsOfDeployment)
	})
	t.Run("of Pods without a controller", func(t *testing.T) {
		testLargeCluster(t, largeCluster{pods: pods, alone: true}, pods)
	})
}

func testLargeCluster(t *testing.T, c largeCluster, workloads int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "caseharden", "status", "-A", "-o", "json", "--kubeconfig", largeKubeconfig(t, c))
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	begun := time.Now()
	if err := command.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	usage := command.ProcessState.SysUsage().(*syscall.Rusage)
	t.Logf("%d Pods: %s, %s of CPU, %d MiB at most, %d MiB of JSON", c.pods, time.Since(begun).Round(time.Millisecond), command.ProcessState.UserTime().Round(time.Millisecond), usage.Maxrss>>10, stdout.Len()>>20)
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
	if s.Pods != c.pods || s.Workloads != workloads || s.Suspects == 0 && c.pods > 0 {
		t.Errorf("summary = %+v, unseen %v", s, report.Clusters[0].Unseen)
	}
}

// largeKubeconfig returns a kubeconfig with the context c of a large cluster, and with the
// context gone of one that nobody can reach.
func largeKubeconfig(t *testing.T, c largeCluster) string {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}, {name: gone, cluster: {server: "http://127.0.0.1:1"}}], contexts: [{name: c, context: {cluster: c}}, {name: gone, context: {cluster: gone}}]}`, server.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// runStatusCommand runs status on a large cluster to its end.
func runStatusCommand(t *testing.T, kubeconfig string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "caseharden", append([]string{"status", "-A", "--kubeconfig", kubeconfig}, args...)...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return code, out.String(), errs.String()
}

// A cluster that cannot be reached is in the report with the others, and the exit code says
// so. Alone it is an error.
func TestStatusOfSeveralClusters(t *testing.T) {
	t.Parallel()
	kubeconfig := largeKubeconfig(t, largeCluster{pods: 400})
	code, stdout, stderr := runStatusCommand(t, kubeconfig, "--context", "gone,c")
	if code != 1 || !strings.Contains(stdout, "Could not be read") || !strings.Contains(stdout, "2 clusters, 2 namespaces") || !strings.Contains(stderr, "cluster gone: ") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, _ := runStatusCommand(t, kubeconfig, "--context", "gone"); code != 1 || stdout != "" {
		t.Errorf("exit code %d: %s", code, stdout)
	}
}

// The conditions of --fail-on, and --wait, end with the exit codes that the help has.
func TestStatusExitCodes(t *testing.T) {
	t.Parallel()
	kubeconfig := largeKubeconfig(t, largeCluster{pods: 200})
	for _, tt := range []struct {
		args []string
		code int
	}{
		{nil, 0},
		{[]string{"--fail-on", "breaks"}, 0},
		{[]string{"--fail-on", "risk"}, 2},
		{[]string{"--fail-on", "change"}, 2},
		{[]string{"--wait", "--timeout", "1s", "--interval", "1s"}, 2},
		{[]string{"--context", "missing"}, 1},
	} {
		if code, _, stderr := runStatusCommand(t, kubeconfig, tt.args...); code != tt.code {
			t.Errorf("%v: exit code %d, want %d: %s", tt.args, code, tt.code, stderr)
		}
	}
	// A cluster without Pods has nothing to wait for.
	if code, _, stderr := runStatusCommand(t, largeKubeconfig(t, largeCluster{pods: 0}), "--wait"); code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// A watch shows the table again, and ends in order when it is told to.
func TestStatusWatch(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), "caseharden", "status", "-A", "--watch", "--interval", "1s", "--kubeconfig", largeKubeconfig(t, largeCluster{pods: 200}))
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	times := 0
	for lines := bufio.NewScanner(stdout); times < 2 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "NAMESPACE") {
			times++
		}
	}
	if err := command.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stdout); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil || times != 2 {
		t.Errorf("the table came %d times, and the command ended with %v", times, err)
	}
}
