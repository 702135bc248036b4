// SPDX-License-Identifier: Apache-2.0

// Command controllerruntime is a webhook that fills in what Caseharden's profile
// hardened does, written the usual way: a typed defaulter of controller-runtime, in its
// webhook server, with that library's defaults. It is what benchmarks compare with, in a
// module of its own, so that nothing of it reaches the product or the tests.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "controllerruntime:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	addr := flag.String("addr", "127.0.0.1:9443", "where to serve, HOST:PORT")
	certFile := flag.String("tls-cert", "", "file with the certificate, PEM")
	keyFile := flag.String("tls-key", "", "file with the key, PEM")
	flag.Parse()

	host, portText, err := net.SplitHostPort(*addr)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return err
	}
	if port == 0 {
		return errors.New("--addr: the library would take port 0 for its default: name a port")
	}
	certificate, err := tls.LoadX509KeyPair(*certFile, *keyFile)
	if err != nil {
		return err
	}
	// The library logs nothing either while no logger is set, but says so with a stack
	// after half a minute.
	log.SetLogger(logr.Discard())
	server := webhook.NewServer(webhook.Options{
		Host: host,
		Port: port,
		TLSOpts: []func(*tls.Config){func(config *tls.Config) {
			config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil }
		}},
	})
	server.Register("/mutate", admission.WithDefaulter(scheme.Scheme, hardener{}))
	return server.Start(ctx)
}

// A hardener fills in the six settings in each container of a pod, as far as neither the
// container nor the pod sets them and nothing speaks against them.
type hardener struct{}

// Default implements admission.Defaulter.
func (hardener) Default(_ context.Context, pod *corev1.Pod) error {
	if pod.Spec.OS != nil && pod.Spec.OS.Name == corev1.Windows {
		return nil
	}
	inherited := pod.Spec.SecurityContext
	if inherited == nil {
		inherited = &corev1.PodSecurityContext{}
	}
	for i := range pod.Spec.InitContainers {
		harden(&pod.Spec.InitContainers[i].SecurityContext, inherited)
	}
	for i := range pod.Spec.Containers {
		harden(&pod.Spec.Containers[i].SecurityContext, inherited)
	}
	for i := range pod.Spec.EphemeralContainers {
		harden(&pod.Spec.EphemeralContainers[i].SecurityContext, inherited)
	}
	return nil
}

func harden(own **corev1.SecurityContext, inherited *corev1.PodSecurityContext) {
	if *own == nil {
		*own = &corev1.SecurityContext{}
	}
	s := *own
	privileged := s.Privileged != nil && *s.Privileged

	if s.AllowPrivilegeEscalation == nil && !privileged && !adds(s, "CAP_SYS_ADMIN") {
		s.AllowPrivilegeEscalation = new(false)
	}
	if (s.Capabilities == nil || s.Capabilities.Drop == nil) && !privileged && !adds(s, "ALL") {
		if s.Capabilities == nil {
			s.Capabilities = &corev1.Capabilities{}
		}
		s.Capabilities.Drop = []corev1.Capability{"ALL"}
	}
	if s.ReadOnlyRootFilesystem == nil {
		s.ReadOnlyRootFilesystem = new(true)
	}
	if s.RunAsUser == nil && inherited.RunAsUser == nil {
		s.RunAsUser = new(int64(10001))
	}
	if s.RunAsNonRoot == nil && inherited.RunAsNonRoot == nil && !runsAsRoot(s, inherited) {
		s.RunAsNonRoot = new(true)
	}
	if s.SeccompProfile == nil && inherited.SeccompProfile == nil && !privileged {
		s.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	}
}

func adds(s *corev1.SecurityContext, capability string) bool {
	return s.Capabilities != nil && slices.ContainsFunc(s.Capabilities.Add, func(added corev1.Capability) bool {
		return strings.EqualFold(string(added), capability)
	})
}

func runsAsRoot(s *corev1.SecurityContext, inherited *corev1.PodSecurityContext) bool {
	user := s.RunAsUser
	if user == nil {
		user = inherited.RunAsUser
	}
	return user != nil && *user == 0
}
