// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/caseharden/caseharden/certs"
	"github.com/caseharden/caseharden/internal/server"
)

type serveOptions struct {
	addr, metricsAddr    string
	tlsCert, tlsKey      string
	managed              managedOptions
	caFile               string
	clientCA             string
	clientAllowedNames   []string
	tlsMinVersion        string
	shutdownDelay        time.Duration
	logLevel, logFormat  string
	metricsMaxNamespaces int
	profiles             []string
}

func newServeCommand(build Build) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the webhook",
		Long: `Serve the webhook: AdmissionReviews are POSTed over TLS to
/enforce/PROFILE, /warn/PROFILE and /audit/PROFILE.

The certificate comes from --tls-cert and --tls-key, which are read again when
they change; or, with --tls-secret and --webhook-config, it is made here, shared
by all replicas through the Secret, trusted through the caBundle of the webhook
configuration, and rotated; or, with --ca-file, it is made at each start, for
local use.

The profiles compatible, hardened and restricted are built in; --profiles adds
those of a directory. They are read once, so that a bad one keeps a new replica
from starting and never reaches one that serves.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// A variable that is not set must not turn client certificates off.
			if cmd.Flags().Changed("client-ca") && o.clientCA == "" {
				return errors.New(`--client-ca "": must name a file; to ask for no client certificate leave the flag out`)
			}
			if names := o.clientAllowedNames; cmd.Flags().Changed("client-allowed-names") && (len(names) == 0 || slices.Contains(names, "")) {
				return errors.New(`--client-allowed-names: a name is empty; to allow every name leave the flag out`)
			}
			if err := o.validate(); err != nil {
				return err
			}
			logger, err := newLogger(cmd.ErrOrStderr(), o.logLevel, o.logFormat)
			if err != nil {
				return err
			}
			// The first signal ends serve in good order, a second one at once. Signals end
			// all other commands at once.
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			context.AfterFunc(ctx, stop)
			return o.serve(ctx, build, logger)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.addr, "addr", ":8443", "address to serve the webhook on, over TLS")
	f.StringVar(&o.metricsAddr, "metrics-addr", ":8080", "address to serve /metrics, /healthz and /readyz on, without TLS")
	f.StringVar(&o.tlsCert, "tls-cert", "", "file with the serving certificate, PEM; read again when it changes")
	f.StringVar(&o.tlsKey, "tls-key", "", "file with the key of --tls-cert, PEM; read again when it changes")
	o.managed.addFlags(f)
	f.StringVar(&o.caFile, "ca-file", "", "file to write the CA of an ephemeral certificate to, PEM; for local use, without --tls-cert")
	f.StringVar(&o.clientCA, "client-ca", "", "PEM file with the CAs that sign client certificates; clients must present one; read at start")
	f.StringSliceVar(&o.clientAllowedNames, "client-allowed-names", nil, "common names of which the certificate of --client-ca must have one; every name is allowed if the flag is left out")
	f.StringVar(&o.tlsMinVersion, "tls-min-version", "1.2", "lowest version of TLS to accept: 1.2 or 1.3")
	f.DurationVar(&o.shutdownDelay, "shutdown-delay", 10*time.Second, "how long to keep serving, unready, after SIGTERM while endpoints catch up")
	f.StringArrayVar(&o.profiles, "profiles", nil, profilesFlagHelp+"; read at start")
	f.StringVar(&o.logLevel, "log-level", "info", "lowest level to log: debug, info, warn or error")
	f.StringVar(&o.logFormat, "log-format", "text", "format of the log: text or json")
	f.IntVar(&o.metricsMaxNamespaces, "metrics-max-namespaces", 1000, "how many namespaces get metric series of their own; pods of the others are counted under "+server.Other)
	complete(cmd, "profiles", completeDirs)
	complete(cmd, "tls-min-version", completeWords("1.2", "1.3"))
	complete(cmd, "log-level", completeWords("debug", "info", "warn", "error"))
	complete(cmd, "log-format", completeWords("text", "json"))
	return cmd
}

func (o serveOptions) validate() error {
	switch {
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return errors.New("--tls-cert and --tls-key go together: set both")
	case o.tlsCert != "" && o.managed.secret != "":
		return errors.New("--tls-cert and --tls-secret are two ways to a certificate: leave one out")
	case o.tlsCert != "" && o.caFile != "":
		return errors.New("--ca-file is for an ephemeral certificate: leave it out with --tls-cert")
	case o.managed.secret != "" && o.caFile != "":
		return errors.New("--ca-file is for an ephemeral certificate: leave it out with --tls-secret")
	case o.tlsCert == "" && o.caFile == "" && o.managed.secret == "":
		return errors.New("no certificate to serve: set --tls-cert and --tls-key, or --tls-secret and --webhook-config, or, for local use, --ca-file to have one made")
	case o.clientAllowedNames != nil && o.clientCA == "":
		return errors.New("--client-allowed-names is for client certificates: set --client-ca too")
	case o.addr == "":
		return errors.New(`--addr "": must be HOST:PORT or :PORT`)
	case o.metricsAddr == "":
		return errors.New(`--metrics-addr "": must be HOST:PORT or :PORT`)
	case o.addr == o.metricsAddr && !strings.HasSuffix(o.addr, ":0"):
		return fmt.Errorf("--addr and --metrics-addr are both %q: choose another for one of them", o.addr)
	case o.shutdownDelay < 0:
		return fmt.Errorf("--shutdown-delay %s: must not be negative", o.shutdownDelay)
	case o.metricsMaxNamespaces < 0:
		return fmt.Errorf("--metrics-max-namespaces %d: must not be negative", o.metricsMaxNamespaces)
	}
	return o.managed.validate()
}

// serve serves the webhook until a signal comes.
func (o serveOptions) serve(ctx context.Context, build Build, logger *slog.Logger) error {
	profiles, err := loadProfiles(o.profiles)
	if err != nil {
		return err
	}
	tlsConfig, err := newTLSConfig(o)
	if err != nil {
		return err
	}
	webhook, err := listen("--addr", o.addr)
	if err != nil {
		return err
	}
	defer webhook.Close()
	plain, err := listen("--metrics-addr", o.metricsAddr)
	if err != nil {
		return err
	}
	defer plain.Close()
	registry := prometheus.NewRegistry()
	// Only now, when nobody else listens there: a process that cannot start must
	// not overwrite the --ca-file of one that runs.
	source, err := newSource(o, logger, certs.NewMetrics(registry))
	if err != nil {
		return err
	}
	return server.Serve(ctx, server.Options{
		Profiles: profiles,
		Webhook:  webhook, TLS: tlsConfig, Source: source,
		Plain: plain, Registry: registry, MaxNamespaces: o.metricsMaxNamespaces,
		ShutdownDelay: o.shutdownDelay,
		Version:       build.Version, Revision: build.Revision,
	}, logger)
}
