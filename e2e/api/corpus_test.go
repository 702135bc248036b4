// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

// The corpus of real pods is no part of the project: CORPUS says where it is, as
// JSON objects {"source":…,"pod":…}, one a line, gzipped. Without it the pods of
// the conflict cases are the corpus.
type corpusPod struct {
	Source string
	Pod    map[string]any
}

func readCorpus(t *testing.T) []corpusPod {
	t.Helper()
	path := os.Getenv("CORPUS")
	if path == "" {
		t.Log("CORPUS is not set: the pods of the conflict cases are the corpus")
		var pods []corpusPod
		manifests := map[string]string{}
		for name, tt := range conflictCases {
			manifests[name] = tt.manifest
		}
		for name, tt := range ownConflictCases {
			manifests[name] = tt.manifest
		}
		for name, manifest := range manifests {
			data, err := json.Marshal(pod(t, manifest))
			if err != nil {
				t.Fatal(err)
			}
			p := corpusPod{Source: name}
			if err := json.Unmarshal(data, &p.Pod); err != nil {
				t.Fatal(err)
			}
			pods = append(pods, p)
		}
		return pods
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var pods []corpusPod
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var p corpusPod
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		pods = append(pods, p)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return pods
}

// An admission is what became of a pod of the corpus.
type admission struct {
	corpusPod
	before  map[string]any // without us; nil where the API server refuses the pod
	after   map[string]any // with us, unless err
	err     error
	manager string // that sent it with us, for the audit log
}

// Pods are admitted once for all the tests that look at them, which do not run in
// parallel.
var (
	corpusPlain []admission
	admissions  = map[string][]admission{} // by profile
)

// admitCorpus sends every pod of the corpus, in dry runs, to a plain namespace and
// to one that enforces the profile.
func admitCorpus(t *testing.T, profile string) []admission {
	t.Helper()
	if corpusPlain == nil {
		for _, p := range readCorpus(t) {
			corpusPlain = append(corpusPlain, admission{corpusPod: p})
		}
		plain := newNamespace(t, nil)
		eachInParallel(len(corpusPlain), func(i int) {
			a := &corpusPlain[i]
			var err error
			if a.before, err = submit(t.Context(), plain, a.Pod, dryRun("")); err != nil {
				t.Logf("%s: refused without us: %v", a.Source, err)
			}
		})
	}
	if admissions[profile] == nil {
		enforced := newEnforced(t, profile)
		all := slices.Clone(corpusPlain)
		eachInParallel(len(all), func(i int) {
			a := &all[i]
			a.manager = fmt.Sprintf("corpus-%s-%d", profile, i)
			a.after, a.err = submit(t.Context(), enforced, a.Pod, dryRun(a.manager))
		})
		admissions[profile] = all
	}
	return admissions[profile]
}

func dryRun(manager string) metav1.CreateOptions {
	return metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: manager}
}

// Accepted before means accepted after, for every pod of the corpus and each
// profile: not newly refused by the API server nor by the kubelet's check, no
// explicit value changed, and a second pass changes nothing. The profile everything
// has a default for every field, writable paths and exceptions.
func TestCorpus(t *testing.T) {
	withOwnProfiles(t)
	for _, profile := range []string{"compatible", "hardened", "restricted", "everything", "asked"} {
		t.Run(profile, func(t *testing.T) {
			enforced := newEnforced(t, profile)
			pods := admitCorpus(t, profile)
			var accepted, patched atomic.Int64
			eachInParallel(len(pods), func(i int) {
				a := pods[i]
				if a.before == nil {
					return
				}
				if a.err != nil {
					t.Errorf("%s: newly refused: %v", a.Source, a.err)
					return
				}
				checkAdmitted(t, a.Source, a.before, a.after, profile == "everything" || profile == "asked")
				second, err := submit(t.Context(), enforced, a.after, dryRun(""))
				if err != nil {
					t.Errorf("%s: the second pass is refused: %v", a.Source, err)
					return
				}
				// An API server without user namespaces drops hostUsers after admission: the
				// second pass then sees another Pod.
				if sent, _ := a.Pod["spec"].(map[string]any); sent["hostUsers"] != nil && a.before["spec"].(map[string]any)["hostUsers"] == nil {
					return
				}
				if !reflect.DeepEqual(second["spec"], a.after["spec"]) || !reflect.DeepEqual(annotations(second), annotations(a.after)) {
					t.Errorf("%s: a second pass changes the pod (-first +second):\n%s%s", a.Source, cmp.Diff(annotations(a.after), annotations(second)), cmp.Diff(a.after["spec"], second["spec"]))
				}
				accepted.Add(1)
				if annotations(a.after)["caseharden.io/injected"] != nil {
					patched.Add(1)
				}
			})
			t.Logf("%d pods of %d accepted without us, and all of them with us; %d got something", accepted.Load(), len(pods), patched.Load())
			if accepted.Load() == 0 || patched.Load() == 0 {
				t.Error("the corpus tests nothing")
			}
		})
	}
}

// The same through real creates, read back, for a sample.
func TestCorpusCreated(t *testing.T) {
	withOwnProfiles(t)
	pods := readCorpus(t)
	plain := newNamespace(t, nil)
	profiles := []string{"hardened", "everything"}
	enforced := map[string]string{}
	for _, profile := range profiles {
		enforced[profile] = newEnforced(t, profile)
	}
	step := max(1, len(pods)/100)
	var sample []corpusPod
	for i := 0; i < len(pods); i += step {
		sample = append(sample, pods[i])
	}
	eachInParallel(len(sample), func(i int) {
		p, name := sample[i], fmt.Sprintf("sample-%d", i)
		metadata, _ := p.Pod["metadata"].(map[string]any)
		if metadata == nil {
			metadata = map[string]any{}
			p.Pod["metadata"] = metadata
		}
		metadata["name"] = name
		if _, err := submit(t.Context(), plain, p.Pod, metav1.CreateOptions{}); err != nil {
			t.Logf("%s: refused without us: %v", p.Source, err)
			return
		}
		for _, profile := range profiles {
			if _, err := submit(t.Context(), enforced[profile], p.Pod, metav1.CreateOptions{}); err != nil {
				t.Errorf("%s: newly refused: %v", p.Source, err)
				return
			}
			checkAdmitted(t, p.Source, readBack(t, plain, name), readBack(t, enforced[profile], name), profile == "everything")
		}
	})
}

// eachInParallel calls f for each index below n, eight at a time.
func eachInParallel(n int, f func(int)) {
	var group sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	group.Wait()
}

// newPod returns what is sent of a pod to create it again, in any namespace.
func newPod(pod map[string]any) map[string]any {
	metadata := map[string]any{}
	given, _ := pod["metadata"].(map[string]any)
	for key, value := range given {
		switch key {
		case "namespace", "uid", "resourceVersion", "creationTimestamp", "managedFields", "generation":
		default:
			metadata[key] = value
		}
	}
	return map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod["spec"]}
}

// submit creates a pod, as its JSON stands, and returns what the API server made
// of it.
func submit(ctx context.Context, namespace string, pod map[string]any, options metav1.CreateOptions) (map[string]any, error) {
	body, err := json.Marshal(newPod(pod))
	if err != nil {
		return nil, err
	}
	request := client.CoreV1().RESTClient().Post().Namespace(namespace).Resource("pods").
		SetHeader("Content-Type", "application/json").SetHeader("Accept", "application/json").Body(body)
	raw, err := request.VersionedParams(&options, scheme.ParameterCodec).Do(ctx).Raw()
	if err != nil {
		if len(raw) > 0 {
			err = errors.New(string(raw))
		}
		return nil, err
	}
	return toMap(raw)
}

func readBack(t *testing.T, namespace, name string) map[string]any {
	raw, err := client.CoreV1().RESTClient().Get().Namespace(namespace).Resource("pods").Name(name).
		SetHeader("Accept", "application/json").Do(t.Context()).Raw()
	if err != nil {
		t.Error(err)
		return nil
	}
	pod, err := toMap(raw)
	if err != nil {
		t.Error(err)
	}
	return pod
}

func toMap(raw []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	err := decoder.Decode(&object)
	return object, err
}

func annotations(pod map[string]any) map[string]any {
	metadata, _ := pod["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	return annotations
}

// checkAdmitted demands that everything that the API server makes of a pod
// without us is there with us too, and that the kubelet would not newly refuse
// it. Where the profile mounts, volumes and volumeMounts may grow.
func checkAdmitted(t *testing.T, source string, before, after map[string]any, mounts bool) {
	checkKept(t, source, "spec", before["spec"], after["spec"], mounts)
	checkKept(t, source, "metadata.annotations", anyMap(annotations(before)), anyMap(annotations(after)), false)
	checkKept(t, source, "metadata.labels", before["metadata"].(map[string]any)["labels"], after["metadata"].(map[string]any)["labels"], false) // the API server's own
	if !refusedByKubelet(typed(t, before)) && refusedByKubelet(typed(t, after)) {
		t.Errorf("%s: newly refused by the kubelet", source)
	}
}

func anyMap(m map[string]any) any {
	if m == nil {
		return nil
	}
	return m
}

func checkKept(t *testing.T, source, path string, before, after any, mounts bool) {
	for _, lost := range notKept(path, before, after, mounts) {
		t.Errorf("%s: %s", source, lost)
	}
}

// notKept returns what was there before and is not after, a sentence each.
func notKept(path string, before, after any, mounts bool) (lost []string) {
	switch before := before.(type) {
	case nil:
	case map[string]any:
		object, ok := after.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s was an object and is %v", path, after)}
		}
		for name, value := range before {
			lost = append(lost, notKept(path+"."+name, value, object[name], mounts)...)
		}
	case []any:
		list, ok := after.([]any)
		grows := mounts && (path == "spec.volumes" || strings.HasSuffix(path, ".volumeMounts"))
		if !ok || len(list) < len(before) || len(list) > len(before) && !grows {
			return []string{fmt.Sprintf("%s was %v and is %v", path, before, after)}
		}
		for i := range before {
			lost = append(lost, notKept(fmt.Sprintf("%s[%d]", path, i), before[i], list[i], mounts)...)
		}
	default:
		if before != after {
			return []string{fmt.Sprintf("%s was %v and is %v", path, before, after)}
		}
	}
	return lost
}

func typed(t *testing.T, pod map[string]any) *corev1.Pod {
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Error(err)
	}
	var p corev1.Pod
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Error(err)
	}
	return &p
}
