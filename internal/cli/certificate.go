// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/caseharden/caseharden/certs"
)

// ephemeralLifetime is longer than anybody keeps a local process running.
const ephemeralLifetime = 365 * 24 * time.Hour

func newSource(o serveOptions, logger *slog.Logger, metrics *certs.Metrics) (certs.Source, error) {
	if o.tlsCert != "" {
		files, err := certs.NewFiles(o.tlsCert, o.tlsKey, logger, metrics)
		if err != nil {
			return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
		return files, nil
	}
	if o.managed.secret != "" {
		return newManagedSource(o.managed, logger, metrics)
	}
	ephemeral, err := certs.NewEphemeral([]string{"localhost", "127.0.0.1", "::1"}, time.Now(), ephemeralLifetime, metrics)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(o.caFile, ephemeral.CAPEM(), 0o644); err != nil {
		return nil, fmt.Errorf("--ca-file %q: %w", o.caFile, withoutPath(err))
	}
	return ephemeral, nil
}

// newTLSConfig returns what the flags say of TLS. The certificate is for the
// caller to add.
func newTLSConfig(o serveOptions) (*tls.Config, error) {
	config := &tls.Config{}
	switch o.tlsMinVersion {
	case "1.2":
		config.MinVersion = tls.VersionTLS12
	case "1.3":
		config.MinVersion = tls.VersionTLS13
	default:
		return nil, fmt.Errorf("--tls-min-version %q: must be 1.2 or 1.3", o.tlsMinVersion)
	}
	if o.clientCA != "" {
		pem, err := os.ReadFile(o.clientCA)
		if err != nil {
			return nil, fmt.Errorf("--client-ca %q: %w", o.clientCA, withoutPath(err))
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--client-ca %q: holds no certificate in PEM", o.clientCA)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if names := o.clientAllowedNames; len(names) > 0 {
		// Not VerifyPeerCertificate, which resumed sessions do not call.
		config.VerifyConnection = func(state tls.ConnectionState) error {
			if name := state.PeerCertificates[0].Subject.CommonName; !slices.Contains(names, name) {
				return fmt.Errorf("client certificate: common name %q is not among --client-allowed-names", name)
			}
			return nil
		}
	}
	return config, nil
}

// withoutPath leaves out the path, which the message has already.
func withoutPath(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}
