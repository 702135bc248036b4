// SPDX-License-Identifier: Apache-2.0

// Package reviews has the AdmissionReviews that are measured. Small and typical are as an API
// server sent them. The others are made from typical, managed fields included.
package reviews

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

var (
	//go:embed small.json
	small []byte // a Pod of one container that sets a name and an image
	//go:embed typical.json
	typical []byte // a Pod of a Deployment, with probes, resources, environment and volumes
)

// Hardened is the kind of review for which there is nothing to fill in.
const Hardened = "hardened"

// A Kind is a kind of review, with one body or several that are sent in turn.
type Kind struct {
	Name   string
	Bodies [][]byte
}

// Kinds returns every kind. The kind "corpus" takes every tenth Pod of the corpus, a file for
// [Pods]; without a file it is left out.
func Kinds(corpus string) ([]Kind, error) {
	kinds := []Kind{{"small", [][]byte{small}}, {"typical", [][]byte{typical}}}
	for _, k := range []struct {
		name   string
		change func(pod *corev1.Pod, managed map[string]any)
	}{
		{Hardened, harden},
		{"100 kB", addVariables(455)},
		{"1 MiB", addVariables(5060)},
		{"3 containers", addContainers(2)},
		{"300 containers", addContainers(299)},
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
	pods, err := Pods(corpus)
	if err != nil {
		return nil, err
	}
	sample := Kind{Name: "corpus"}
	for n := 0; n < len(pods); n += 10 {
		body, err := Of(pods[n])
		if err != nil {
			return nil, err
		}
		sample.Bodies = append(sample.Bodies, body)
	}
	return append(kinds, sample), nil
}

// Of returns the review of another Pod: an object, or its JSON.
func Of(pod any) ([]byte, error) {
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(typical, &review); err != nil {
		return nil, err
	}
	data, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	review.Request.Object = runtime.RawExtension{Raw: data}
	return json.Marshal(review)
}

// changed returns the typical review with a change to the Pod, and to the managed fields of its
// containers.
func changed(change func(pod *corev1.Pod, managed map[string]any)) ([]byte, error) {
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(typical, &review); err != nil {
		return nil, err
	}
	var pod corev1.Pod
	if err := json.Unmarshal(review.Request.Object.Raw, &pod); err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(pod.ManagedFields[0].FieldsV1.GetRawBytes(), &fields); err != nil {
		return nil, err
	}
	change(&pod, fields["f:spec"].(map[string]any)["f:containers"].(map[string]any))
	data, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	pod.ManagedFields[0].FieldsV1.SetRawBytes(data)
	return Of(&pod)
}

// managedName is the key of a list element in managed fields.
func managedName(name string) string { return fmt.Sprintf(`k:{"name":%q}`, name) }

// harden sets all that the profile hardened fills in.
func harden(pod *corev1.Pod, _ map[string]any) {
	pod.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{
		RunAsNonRoot: new(true), RunAsUser: new(int64(10001)), ReadOnlyRootFilesystem: new(true), AllowPrivilegeEscalation: new(false),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// addVariables adds n environment variables of about 220 bytes each, managed fields included.
func addVariables(n int) func(*corev1.Pod, map[string]any) {
	return func(pod *corev1.Pod, managed map[string]any) {
		c := &pod.Spec.Containers[0]
		env := managed[managedName(c.Name)].(map[string]any)["f:env"].(map[string]any)
		for i := range n {
			v := corev1.EnvVar{
				Name:  fmt.Sprintf("CHECKOUT_SETTING_%05d", i),
				Value: "https://settings.shop.svc.cluster.local/checkout/v2?region=eu-central-1&tier=gold",
			}
			c.Env = append(c.Env, v)
			env[managedName(v.Name)] = map[string]any{".": struct{}{}, "f:name": struct{}{}, "f:value": struct{}{}}
		}
	}
}

// addContainers adds n copies of the container.
func addContainers(n int) func(*corev1.Pod, map[string]any) {
	return func(pod *corev1.Pod, managed map[string]any) {
		first := pod.Spec.Containers[0]
		for i := range n {
			c := *first.DeepCopy()
			c.Name = fmt.Sprintf("%s-%d", first.Name, i)
			pod.Spec.Containers = append(pod.Spec.Containers, c)
			managed[managedName(c.Name)] = managed[managedName(first.Name)]
		}
	}
}

// Pods returns the Pods of a corpus, at least one: a gzipped file of JSON objects {"pod": {…}}.
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
	for decoder := json.NewDecoder(unzipped); ; {
		var object struct{ Pod json.RawMessage }
		err := decoder.Decode(&object)
		if err == io.EOF && len(pods) > 0 {
			return pods, nil
		}
		if err == nil && !bytes.HasPrefix(object.Pod, []byte("{")) {
			err = errors.New("no Pod in it")
		}
		if err != nil {
			return nil, fmt.Errorf(`the corpus %s: object %d must be {"pod": {…}}: %w`, path, len(pods)+1, err)
		}
		pods = append(pods, object.Pod)
	}
}
