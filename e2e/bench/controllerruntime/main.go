// SPDX-License-Identifier: Apache-2.0

// Command controllerruntime is a webhook that fills in what Caseharden's profile hardened
// fills in, written the usual way: a typed defaulter in controller-runtime's webhook server,
// with the defaults of that library. Benchmarks compare with it. It is a module of its own, so
// that none of its dependencies reaches the product or the tests.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "controllerruntime:", err)
		os.Exit(1)
	}
}

func run() error {
	addr := flag.String("addr", "", "IP:PORT to serve at")
	certFile := flag.String("tls-cert", "", "file with the certificate, PEM")
	keyFile := flag.String("tls-key", "", "file with the key, PEM, in the same directory")
	flag.Parse()
	at, err := netip.ParseAddrPort(*addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	// Without a logger the library logs nothing either, but prints a stack trace after 30 s.
	log.SetLogger(logr.Discard())
	server := webhook.NewServer(webhook.Options{
		Host: at.Addr().String(), Port: int(at.Port()),
		CertDir: filepath.Dir(*certFile), CertName: filepath.Base(*certFile), KeyName: filepath.Base(*keyFile),
	})
	server.Register("/mutate", admission.WithDefaulter(scheme.Scheme, hardener{}))
	return server.Start(context.Background())
}

// A hardener fills in the six settings in each container of a Pod, unless the container or the
// Pod sets them or they conflict with other settings.
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
	user := cmp.Or(s.RunAsUser, inherited.RunAsUser)
	if user == nil {
		s.RunAsUser = new(int64(10001))
	}
	if s.RunAsNonRoot == nil && inherited.RunAsNonRoot == nil && (user == nil || *user != 0) {
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
