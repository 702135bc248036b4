// SPDX-License-Identifier: Apache-2.0

// Package reviews has the AdmissionReviews that are measured. Small and typical are as
// an API server sent them; the others are made of typical in its own form: the same
// types marshalled, managed fields of each value included.
package reviews

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

var (
	//go:embed small.json
	small []byte // a pod of one container that sets a name and an image
	//go:embed typical.json
	typical []byte // a pod of a Deployment, with probes, resources, environment and volumes
)

// A Kind is a kind of review, with one body or several that are sent in turn.
type Kind struct {
	Name   string
	Bodies [][]byte
}

// Bytes returns how large a body is on average.
func (k Kind) Bytes() int {
	total := 0
	for _, b := range k.Bodies {
		total += len(b)
	}
	return total / len(k.Bodies)
}

// Kinds returns every kind; "corpus" only where a corpus is given: a gzipped file of
// JSON objects {"pod":…}, one a line, of which every tenth is taken.
func Kinds(corpus string) ([]Kind, error) {
	kinds := []Kind{
		{"small", [][]byte{small}},
		{"typical", [][]byte{typical}},
	}
	for _, k := range []struct {
		name   string
		change func(*corev1.Pod) error
	}{
		{"hardened", harden},
		{"100 kB", func(pod *corev1.Pod) error { return addVariables(pod, 455) }},
		{"1 MiB", func(pod *corev1.Pod) error { return addVariables(pod, 5060) }},
		{"3 containers", func(pod *corev1.Pod) error { return multiply(pod, 3) }},
		{"30 containers", func(pod *corev1.Pod) error { return multiply(pod, 30) }},
		{"300 containers", func(pod *corev1.Pod) error { return multiply(pod, 300) }},
	} {
		body, err := changed(k.change)
		if err != nil {
			return nil, fmt.Errorf("the review %q: %w", k.name, err)
		}
		kinds = append(kinds, Kind{k.name, [][]byte{body}})
	}
	if corpus == "" {
		return kinds, nil
	}
	bodies, err := ofCorpus(corpus)
	if err != nil {
		return nil, err
	}
	return append(kinds, Kind{"corpus", bodies}), nil
}

// Typical returns the review of a typical pod.
func Typical() []byte { return typical }

// TypicalPod returns its pod, as its creator would send it.
func TypicalPod() (*corev1.Pod, error) {
	_, pod, err := decode()
	if err != nil {
		return nil, err
	}
	pod.ManagedFields = nil
	return pod, nil
}

// Of returns the review of another pod.
func Of(pod *corev1.Pod) ([]byte, error) {
	review, _, err := decode()
	if err != nil {
		return nil, err
	}
	return encode(review, pod)
}

func decode() (*admissionv1.AdmissionReview, *corev1.Pod, error) {
	var review admissionv1.AdmissionReview
	var pod corev1.Pod
	if err := json.Unmarshal(typical, &review); err != nil {
		return nil, nil, err
	}
	return &review, &pod, json.Unmarshal(review.Request.Object.Raw, &pod)
}

// changed returns the typical review with a change to its pod.
func changed(change func(*corev1.Pod) error) ([]byte, error) {
	review, pod, err := decode()
	if err != nil {
		return nil, err
	}
	if err := change(pod); err != nil {
		return nil, err
	}
	return encode(review, pod)
}

func encode(review *admissionv1.AdmissionReview, pod any) ([]byte, error) {
	data, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	review.Request.Object = runtime.RawExtension{Raw: data}
	return json.Marshal(review)
}

// harden sets all that the profile hardened would.
func harden(pod *corev1.Pod) error {
	yes, no, user := true, false, int64(10001)
	for i := range pod.Spec.Containers {
		pod.Spec.Containers[i].SecurityContext = &corev1.SecurityContext{
			RunAsNonRoot: &yes, RunAsUser: &user, ReadOnlyRootFilesystem: &yes, AllowPrivilegeEscalation: &no,
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		}
	}
	return nil
}

// addVariables gives the container that many more environment variables, of which
// each is some 220 bytes.
func addVariables(pod *corev1.Pod, n int) error {
	return withManaged(pod, func(containers map[string]any) {
		c := &pod.Spec.Containers[0]
		env := containers[managedName(c.Name)].(map[string]any)["f:env"].(map[string]any)
		for i := range n {
			v := corev1.EnvVar{
				Name:  fmt.Sprintf("CHECKOUT_SETTING_%05d", i),
				Value: "https://settings.shop.svc.cluster.local/checkout/v2?region=eu-central-1&tier=gold",
			}
			c.Env = append(c.Env, v)
			env[managedName(v.Name)] = map[string]any{".": struct{}{}, "f:name": struct{}{}, "f:value": struct{}{}}
		}
	})
}

// multiply makes n containers of one.
func multiply(pod *corev1.Pod, n int) error {
	return withManaged(pod, func(containers map[string]any) {
		first := pod.Spec.Containers[0]
		for i := range n - 1 {
			c := *first.DeepCopy()
			c.Name = fmt.Sprintf("%s-%d", first.Name, i)
			pod.Spec.Containers = append(pod.Spec.Containers, c)
			containers[managedName(c.Name)] = containers[managedName(first.Name)]
		}
	})
}

// managedName is how managed fields name an element of a list by its name.
func managedName(name string) string { return fmt.Sprintf(`k:{"name":%q}`, name) }

// withManaged gives the change the managed fields of the containers, to be kept in step.
func withManaged(pod *corev1.Pod, change func(containers map[string]any)) error {
	managed := pod.ManagedFields[0].FieldsV1
	var fields map[string]any
	if err := json.Unmarshal(managed.GetRawBytes(), &fields); err != nil {
		return err
	}
	change(fields["f:spec"].(map[string]any)["f:containers"].(map[string]any))
	raw, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	managed.SetRawBytes(raw)
	return nil
}

// ofCorpus returns the reviews of a sample.
func ofCorpus(path string) ([][]byte, error) {
	pods, err := Pods(path)
	if err != nil {
		return nil, err
	}
	review, _, err := decode()
	if err != nil {
		return nil, err
	}
	var bodies [][]byte
	for n := 0; n < len(pods); n += 10 {
		body, err := encode(review, pods[n])
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

// Pods returns the pods of a corpus: a gzipped file of JSON objects {"pod":…}, one a line.
// There is at least one; an error says what is wrong with the file, and in which line.
func Pods(path string) ([]json.RawMessage, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the corpus: %w", err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("the corpus %s: %w", path, err)
	}
	var pods []json.RawMessage
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 4<<20)
	for n := 1; lines.Scan(); n++ {
		var line struct{ Pod json.RawMessage }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("the corpus %s, line %d: %w", path, n, err)
		}
		if !bytes.HasPrefix(line.Pod, []byte("{")) {
			return nil, fmt.Errorf(`the corpus %s, line %d: there must be a pod, as {"pod": {…}}`, path, n)
		}
		pods = append(pods, line.Pod)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("the corpus %s: %w", path, err)
	}
	if len(pods) == 0 {
		return nil, fmt.Errorf("the corpus %s: holds no pod", path)
	}
	return pods, nil
}
