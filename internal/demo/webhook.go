// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// A webhook is a running caseharden serve, with a certificate of its own.
type webhook struct {
	addr   string
	client *http.Client
	stop   func()
}

// start starts the webhook and returns when it answers.
func start(ctx context.Context, binary string) (*webhook, error) {
	dir, err := os.MkdirTemp("", "caseharden-demo-")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	caFile := filepath.Join(dir, "ca.crt")
	var log bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, "serve", "--addr="+addr, "--metrics-addr=127.0.0.1:0", "--ca-file="+caFile, "--shutdown-delay=0s")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	w := &webhook{addr: addr, stop: func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		<-ended
		_ = os.RemoveAll(dir)
	}}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if w.client = clientFor(caFile); w.client != nil {
			if response, err := w.client.Get("https://" + addr); err == nil {
				return w, response.Body.Close()
			}
		}
		select {
		case err := <-ended:
			ended <- err
			return nil, fmt.Errorf("caseharden serve: %w\n%s", err, log.Bytes())
		default:
		}
		if time.Now().After(deadline) {
			w.stop()
			return nil, fmt.Errorf("caseharden serve does not answer at %s after 10 s\n%s", addr, log.Bytes())
		}
	}
}

// freeAddr returns an address of loopback at which nobody listens.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// clientFor returns a client that trusts the CA; nil while its file is not there.
func clientFor(caFile string) *http.Client {
	ca, err := os.ReadFile(caFile)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		return nil
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// An answer is what the webhook made of a pod.
type answer struct {
	pod      corev1.Pod                   // with the patch applied
	injected map[string][]string          // fields by container
	skipped  map[string]map[string]string // reasons by container and field
}

// review sends the creation of the pod to /enforce/hardened and applies the patch.
func (w *webhook) review(ctx context.Context, pod *corev1.Pod) (*answer, error) {
	object, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "demo", Operation: admissionv1.Create, Namespace: "shop",
			Kind:     metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
			Resource: metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
			Object:   runtime.RawExtension{Raw: object},
		},
	})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+w.addr+"/enforce/hardened", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := w.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(text, &review); err != nil || review.Response == nil {
		return nil, fmt.Errorf("the webhook answers %s: %s", response.Status, text)
	}
	return read(object, review.Response)
}

// read applies the patch of a response with the library of the API server.
func read(object []byte, response *admissionv1.AdmissionResponse) (*answer, error) {
	patch, err := jsonpatch.DecodePatch(response.Patch)
	if err != nil {
		return nil, err
	}
	patched, err := patch.Apply(object)
	if err != nil {
		return nil, err
	}
	var a answer
	var injected struct{ Containers map[string][]string }
	var skipped struct {
		Containers map[string]map[string]string
	}
	err = errors.Join(
		json.Unmarshal(patched, &a.pod),
		json.Unmarshal([]byte(response.AuditAnnotations["injected"]), &injected),
		json.Unmarshal([]byte(response.AuditAnnotations["skipped"]), &skipped))
	a.injected, a.skipped = injected.Containers, skipped.Containers
	return &a, err
}

func readPod(file string) (*corev1.Pod, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(text, &pod); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &pod, nil
}
