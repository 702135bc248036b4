// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/types"

	"github.com/caseharden/caseharden/certs"
)

const (
	defaultLifetime    = 90 * 24 * time.Hour
	defaultPropagation = time.Minute
)

// managedOptions are those of certificates that are made here.
type managedOptions struct {
	secret, configuration string
	service               string
	hosts                 []string
	lifetime, propagation time.Duration
	kubeconfig            string
}

func (o *managedOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.secret, "tls-secret", "", "Secret to keep certificates in that are made here, as NAMESPACE/NAME")
	f.StringVar(&o.configuration, "webhook-config", "", "MutatingWebhookConfiguration whose caBundles get the CAs; with --tls-secret")
	f.StringVar(&o.service, "service", "", "Service that the API server calls, as NAME.NAMESPACE; with --tls-secret")
	f.StringArrayVar(&o.hosts, "cert-host", nil, "further DNS name or IP address that the certificate is for, where the webhook configuration has a url; can be given several times")
	f.DurationVar(&o.lifetime, "cert-lifetime", defaultLifetime, "how long a certificate lives; it is rotated after two thirds of that")
	f.DurationVar(&o.propagation, "cert-propagation", defaultPropagation, "at most a sixth of the lifetime: how long a CA has to be in every caBundle before a certificate of it is served in place of one that works")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "file that says how to reach the API server; without it, as a pod does")
}

// validate also refuses what means nothing without --tls-secret.
func (o *managedOptions) validate() error {
	if o.secret == "" {
		for _, f := range []struct {
			flag string
			set  bool
		}{{"--webhook-config", o.configuration != ""}, {"--service", o.service != ""}, {"--cert-host", len(o.hosts) > 0}, {"--kubeconfig", o.kubeconfig != ""},
			{"--cert-lifetime", o.lifetime != defaultLifetime}, {"--cert-propagation", o.propagation != defaultPropagation}} {
			if f.set {
				return fmt.Errorf("%s is for certificates that are made here: set --tls-secret too", f.flag)
			}
		}
		return nil
	}
	if namespace, name, ok := strings.Cut(o.secret, "/"); !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return fmt.Errorf("--tls-secret %q: must be NAMESPACE/NAME", o.secret)
	}
	if o.configuration == "" {
		return errors.New("--tls-secret needs --webhook-config: the API server trusts a certificate only by a caBundle")
	}
	if o.service == "" && len(o.hosts) == 0 {
		return errors.New("--tls-secret needs --service (or --cert-host): a certificate needs a name")
	}
	if name, namespace, ok := strings.Cut(o.service, "."); o.service != "" && (!ok || name == "" || namespace == "" || strings.Contains(namespace, ".")) {
		return fmt.Errorf("--service %q: must be NAME.NAMESPACE", o.service)
	}
	return nil
}

// newManagedSource returns the source of certificates that are made here.
func newManagedSource(o managedOptions, logger *slog.Logger, metrics *certs.Metrics) (certs.Source, error) {
	namespace, name, _ := strings.Cut(o.secret, "/")
	api, err := certs.NewAPI(o.kubeconfig, types.NamespacedName{Namespace: namespace, Name: name}, o.configuration)
	if err != nil {
		return nil, fmt.Errorf("--kubeconfig: %w", err)
	}
	hosts := o.hosts
	if o.service != "" {
		hosts = append([]string{o.service + ".svc"}, hosts...) // as an API server calls a Service
	}
	source, err := certs.NewManaged(api, certs.ManagedOptions{Hosts: hosts, Lifetime: o.lifetime, Propagation: o.propagation}, logger, metrics)
	if err != nil {
		return nil, fmt.Errorf("--cert-lifetime, --cert-propagation, --service and --cert-host: %w", err)
	}
	return source, nil
}
