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
// a few KiB from the page cache is cheap.
//
// Files polls the contents instead of using inotify. A Kubernetes volume is updated by
// renaming a symlink to a directory, after which a watch on the file sees a deletion and
// nothing more. A network file system reports nothing, and a watch needs a dependency.
const pollInterval = time.Second

// maxFileBytes bounds what is read each second when a path is wrong. These files usually
// come from a Secret, which holds at most 1 MiB.
const maxFileBytes = 1 << 20

// Files is a [Source] that serves a certificate and a key from two PEM files, as
// cert-manager or any other issuer mounts them, and loads them again when their contents
// change.
type Files struct {
	served

	certFile, keyFile string
	logger            *slog.Logger
	metrics           *Metrics
	notices           map[step]*notice

	loaded digest // of what is being served; only NewFiles and then Run use it
}

var _ Source = (*Files)(nil)

// A digest identifies the contents of the two files without a second copy of the private
// key.
type digest struct {
	cert, key [sha256.Size]byte
}

// NewFiles loads the certificate at once. A file that is missing or not whole is an
// error. A certificate that has expired or is not yet valid is served, and [Files.Ready]
// returns an error.
func NewFiles(certFile, keyFile string, logger *slog.Logger, metrics *Metrics) (*Files, error) {
	logger = logger.With("file", certFile)
	f := &Files{certFile: certFile, keyFile: keyFile, logger: logger, metrics: metrics, notices: newNotices(logger, metrics, filesSteps)}
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
	metrics.reconciled(time.Now())
	return f, nil
}

// Run reads the files once a second until ctx is done, and then returns nil. Run never
// returns an error: while the files are wrong, the current certificate is served.
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
//	one cannot be read                  keep the current certificate, report
//	the contents are being served       nothing
//	the contents are not whole          keep the current certificate, report
//	otherwise                           load the new certificate
//
// Two files cannot be read in one instant. If one of them changes in between, or is
// written later than the other, the two do not match and are not whole. The next tick
// reads both again.
func (f *Files) poll() {
	cert, key, err := f.read()
	if err != nil {
		f.notices[stepRead].set(err.Error(), "error", err)
		return
	}
	f.notices[stepRead].set("")
	if contents := digestOf(cert, key); contents != f.loaded {
		certificate, err := parseCertificate(cert, key)
		if err != nil {
			// The same error in other contents is another problem.
			f.notices[stepParse].set(fmt.Sprint(contents, err), "error", err)
			return
		}
		f.load(certificate, contents)
		f.metrics.rotations.Inc()
	}
	f.notices[stepParse].set("")
	f.metrics.reconciled(time.Now())
}

// load serves a certificate from now on.
func (f *Files) load(certificate *tls.Certificate, contents digest) {
	f.certificate.Store(certificate)
	f.loaded = contents
	f.metrics.setValidity(roleServing, certificate.Leaf)

	logger := f.logger.With("serial", certificate.Leaf.SerialNumber.Text(16),
		"notBefore", certificate.Leaf.NotBefore, "notAfter", certificate.Leaf.NotAfter)
	if err := f.Ready(time.Now()); err != nil {
		logger.Warn("serving certificate loaded, but not valid now", "error", err)
		return
	}
	logger.Info("serving certificate loaded")
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

// readFile returns the contents of a file. Its errors do not have the path, which the
// caller adds.
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
