// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"
)

// pollInterval is how often the two files are read. A renewed certificate comes
// weeks before the old one expires, so that a second is soon enough, and reading
// a few KiB from the page cache is cheap enough.
//
// It polls contents rather than watching with inotify: a Kubernetes volume is
// updated by renaming a symlink to a directory, after which a watch on the file
// sees a deletion and nothing more; a network file system reports nothing at
// all; and a watch needs a dependency.
const pollInterval = time.Second

// maxFileBytes bounds what is read each second when a path is wrong. A Secret,
// where these files usually come from, holds at most 1 MiB in all.
const maxFileBytes = 1 << 20

// Files is a [Source] that serves a certificate and a key from two PEM files, as
// cert-manager or any other issuer mounts them, and loads the certificate again when their
// contents change.
type Files struct {
	served

	certFile, keyFile string
	logger            *slog.Logger
	metrics           *Metrics

	// Only NewFiles and then Run use these; there is no lock.
	loaded   digest  // of what is being served
	reported failure // the last one that was reported; zero once all is well
}

var _ Source = (*Files)(nil)

// A digest identifies the contents of the two files, so that no second copy of
// the private key is kept for the comparison.
type digest struct {
	cert, key [sha256.Size]byte
}

// A failure is what must differ for an error to be reported once more.
type failure struct {
	step     step
	contents digest // zero where they could not be read
	message  string
}

// NewFiles loads the certificate at once. A file that is missing or not whole is an
// error; a certificate that has expired or is not yet valid is not: it is served,
// and [Files.Ready] says so.
func NewFiles(certFile, keyFile string, logger *slog.Logger, metrics *Metrics) (*Files, error) {
	f := &Files{certFile: certFile, keyFile: keyFile, logger: logger, metrics: metrics}
	cert, key, err := f.read()
	if err != nil {
		return nil, err
	}
	certificate, err := parseCertificate(cert, key)
	if err != nil {
		return nil, err
	}
	metrics.addReconcile()
	f.load(certificate, digestOf(cert, key))
	return f, nil
}

// Run reads the files once a second until ctx is done, and then returns nil. It
// never returns an error: whatever is wrong with the files, the certificate loaded
// last is still served.
func (f *Files) Run(ctx context.Context) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			f.poll()
		}
	}
}

// poll reads the files once.
//
//	one cannot be read              keep the certificate, report
//	contents are those being served nothing to do
//	contents are not whole          keep the certificate, report
//	otherwise                       load the new certificate
//
// Two files cannot be read in one instant. When one of them changes in between,
// or is written later than the other, the two do not match, which is one more
// case of "not whole": the next tick reads both again.
func (f *Files) poll() {
	cert, key, err := f.read()
	if err != nil {
		f.report(stepRead, digest{}, err)
		return
	}
	contents := digestOf(cert, key)
	if contents == f.loaded {
		f.metrics.reconciled(time.Now())
		f.recovered()
		return
	}
	certificate, err := parseCertificate(cert, key)
	if err != nil {
		f.report(stepParse, contents, err)
		return
	}
	f.load(certificate, contents)
	f.metrics.rotations.Inc()
}

func (f *Files) load(certificate *tls.Certificate, contents digest) {
	f.certificate.Store(certificate)
	f.loaded, f.reported = contents, failure{}
	f.metrics.setValidity(roleServing, certificate.Leaf)
	f.metrics.reconciled(time.Now())

	logger := f.logger.With("file", f.certFile, "serial", certificate.Leaf.SerialNumber.Text(16),
		"notBefore", certificate.Leaf.NotBefore, "notAfter", certificate.Leaf.NotAfter)
	if err := f.Ready(time.Now()); err != nil {
		logger.Warn("serving certificate loaded, but not valid now", "error", err)
		return
	}
	logger.Info("serving certificate loaded")
}

// report counts and logs a failure, unless the poll before met the same one.
func (f *Files) report(s step, contents digest, err error) {
	now := failure{step: s, contents: contents, message: err.Error()}
	if now == f.reported {
		return
	}
	f.reported = now
	f.metrics.errors.WithLabelValues(string(s)).Inc()
	f.logger.Warn("serving certificate not reloaded, the one before is still served", "step", s, "error", err)
}

// recovered ends a failure after which the files are again as they were.
func (f *Files) recovered() {
	if f.reported == (failure{}) {
		return
	}
	f.reported = failure{}
	f.logger.Info("serving certificate files are again those being served", "file", f.certFile)
}

func (f *Files) read() (cert, key pemText, err error) {
	cert.name = fmt.Sprintf("certificate file %q", f.certFile)
	if cert.text, err = readFile(f.certFile); err != nil {
		return pemText{}, pemText{}, fmt.Errorf("%s: %w", cert.name, err)
	}
	key.name = fmt.Sprintf("key file %q", f.keyFile)
	if key.text, err = readFile(f.keyFile); err != nil {
		return pemText{}, pemText{}, fmt.Errorf("%s: %w", key.name, err)
	}
	return cert, key, nil
}

// readFile returns errors without the path, which the caller has given already.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("larger than %d bytes", maxFileBytes)
	}
	return text, nil
}

func withoutPath(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

func digestOf(cert, key pemText) digest {
	return digest{cert: sha256.Sum256(cert.text), key: sha256.Sum256(key.text)}
}
