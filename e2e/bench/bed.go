// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/cert"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
	"github.com/caseharden/caseharden/e2e/testbed/process"
)

//go:embed pod.yaml
var podYAML []byte

// A bed has all webhooks as processes on loopback, with one certificate.
type bed struct {
	dir      string // for files
	module   string // directory of the module e2e
	ca       []byte // PEM
	pod      corev1.Pod
	kinds    []reviews.Kind
	binaries map[string]string  // by contender
	servers  map[string]*server // by contender
}

var webhooks = []string{constant, checked, product, typed}

// setUp compiles and starts the webhooks. The caller must call stop, also after an error.
func (b *bed) setUp(ctx context.Context, corpus string) (err error) {
	if b.kinds, err = reviews.Kinds(corpus); err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(podYAML, &b.pod); err != nil {
		return fmt.Errorf("pod.yaml: %w", err)
	}
	if err := b.compile(ctx); err != nil {
		return err
	}
	certPEM, keyPEM, err := cert.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	if err != nil {
		return err
	}
	b.ca = certPEM
	if err := errors.Join(os.WriteFile(b.file("tls.crt"), certPEM, 0o600), os.WriteFile(b.file("tls.key"), keyPEM, 0o600)); err != nil {
		return err
	}
	// Caseharden comes first: the constants need its answers.
	for _, contender := range []string{product, constant, checked, typed} {
		if err := b.start(ctx, contender); err != nil {
			return fmt.Errorf("%s: %w", contender, err)
		}
		if contender == product {
			if err := b.writeAnswers(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bed) compile(ctx context.Context) error {
	bin, err := gobuild.BinDir()
	if err != nil {
		return err
	}
	if b.module, err = gobuild.ModuleDir(); err != nil {
		return err
	}
	if b.binaries[product], err = webhook.Compile(ctx, os.Stderr); err != nil {
		return err
	}
	for contender, source := range map[string]string{constant: "constant", checked: "constant", typed: "controllerruntime"} {
		b.binaries[contender] = filepath.Join(bin, "bench-"+source)
		err := gobuild.Compile(ctx, os.Stderr, gobuild.Program{
			Name: "the webhook " + source,
			Dir:  filepath.Join(b.module, "bench", source),
			Args: []string{"-buildvcs=false", "."},
			Out:  b.binaries[contender],
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bed) file(name string) string { return filepath.Join(b.dir, name) }

// enforcePath is where Caseharden fills in the profile hardened.
const enforcePath = "/enforce/hardened"

// path returns where a webhook answers. Constants answer each review at a path of its own.
func path(contender, review string) string {
	switch contender {
	case product:
		return enforcePath
	case typed:
		return "/mutate"
	}
	return "/" + review
}

// A server is a running webhook, with clients for it.
type server struct {
	addr    string         // host:port
	started time.Duration  // from the start of the process to the first answer
	idle    process.Memory // without requests
	process *process.Process
	clients []*http.Client
}

// settle is the time after a start before the memory of a server counts as idle.
const settle = 200 * time.Millisecond

// start runs a webhook and returns when it answers requests.
func (b *bed) start(ctx context.Context, contender string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &server{addr: listener.Addr().String(), clients: newClients(b.ca)}
	if err := listener.Close(); err != nil {
		return err
	}
	args := map[string][]string{
		product:  {"serve", "--metrics-addr=127.0.0.1:0", "--log-format=json", "--shutdown-delay=0s"},
		constant: {"--answers=" + b.file("answers.json")},
		checked:  {"--answers=" + b.file("answers.json"), "--check"},
	}[contender]
	args = append(args, "--addr="+s.addr, "--tls-cert="+b.file("tls.crt"), "--tls-key="+b.file("tls.key"))
	began := time.Now()
	if s.process, err = process.Start(contender, b.file(contender+".log"), b.binaries[contender], args...); err != nil {
		return err
	}
	b.servers[contender] = s
	err = s.process.WaitReady(ctx, func(context.Context) error {
		response, err := s.clients[0].Get("https://" + s.addr)
		if err != nil {
			return err
		}
		return response.Body.Close()
	})
	if err != nil {
		return err
	}
	s.started = time.Since(began)
	time.Sleep(settle)
	s.idle, err = s.process.Memory()
	return err
}

// stop ends the webhooks. They would wait for connections that are open.
func (b *bed) stop() error {
	var errs []error
	for _, s := range b.servers {
		for _, c := range s.clients {
			c.CloseIdleConnections()
		}
		errs = append(errs, s.process.Stop())
	}
	return errors.Join(errs...)
}

// podReview is the name of the review of the Pod that is created.
const podReview = "pod"

// writeAnswers has Caseharden answer all reviews: constants answer exactly what it answers.
func (b *bed) writeAnswers(ctx context.Context) error {
	podBody, err := reviews.Of(b.pod)
	if err != nil {
		return err
	}
	bodies := map[string][]byte{podReview: podBody}
	for _, k := range b.kinds {
		for n, body := range k.Bodies {
			bodies[reviewName(k, n)] = body
		}
	}
	s, answers := b.servers[product], map[string][]byte{}
	for name, body := range bodies {
		var answer bytes.Buffer
		if err := post(ctx, s.clients[0], "https://"+s.addr+enforcePath, "", body, &answer); err != nil {
			return fmt.Errorf("the answer to %s: %w", name, err)
		}
		answers[path(constant, name)] = answer.Bytes()
	}
	data, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	return os.WriteFile(b.file("answers.json"), data, 0o600)
}
