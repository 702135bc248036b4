// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/distribution/reference"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/caseharden/caseharden/evidence/image/source"
	"github.com/caseharden/caseharden/internal/text"
)

// An Error says why an image could not be read, and how to fix it. Its texts are bounded, and
// have only printable characters, whatever a registry says.
type Error struct {
	Image, Reason, Fix string
	err                error
}

func (e *Error) Error() string { return e.Reason + ": " + e.Fix }

// Unwrap returns what went wrong.
func (e *Error) Unwrap() error { return e.err }

type localError struct {
	where string
	err   error
}

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

type platformError struct {
	wanted platform
	has    []string
}

func (e *platformError) Error() string {
	return fmt.Sprintf("it is not for %s, but for %s", e.wanted, visible(strings.Join(e.has, ", ")))
}

func visible(s string) string { return text.Shorten(text.Visible(s), 300) }

// explain returns an [*Error] for what went wrong with an image; nil for nil.
func explain(name string, err error) error {
	if err == nil {
		return nil
	}
	host := "the registry"
	if named, e := source.Parse(name); e == nil {
		host = reference.Domain(named)
	}
	e := &Error{Image: name, err: err}
	e.Reason, e.Fix = because(host, err)
	e.Reason, e.Fix = visible(e.Reason), visible(e.Fix)
	return e
}

// because returns the reason and the fix for an error.
func because(host string, err error) (reason, fix string) {
	var (
		response  *errcode.ErrorResponse
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		plain     *source.PlainHTTPError
		platform  *platformError
		local     *localError
		kind      *source.KindError
		stored    *storeError
		dial      *net.OpError
		dns       *net.DNSError
		sum       *source.DigestError
	)
	const offline = "or give the image with --image NAME=oci-archive:FILE"
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted", "run the command again"
	case errors.As(err, &local) && errors.Is(err, fs.ErrNotExist):
		return local.where + " does not exist", "check the path after --image"
	case errors.As(err, &local) && errors.As(err, &kind):
		return local.where + " " + kind.Is, kind.Fix
	case errors.As(err, &local):
		return local.where + ": " + err.Error(), "check what --image names"
	case errors.As(err, &stored):
		return "what its layers hold could not be saved: " + err.Error(), "free space there, or set XDG_CACHE_HOME to another directory"
	case errors.As(err, &platform):
		return err.Error(), "give the platform of your nodes with --platform"
	case errors.As(err, &sum):
		return err.Error(), "push the image again: what the registry or the archive has is damaged"
	case errors.As(err, &plain):
		return fmt.Sprintf("%s asks to go on without TLS at %s", host, plain.Host), "give --insecure-registry " + plain.Host + " if you trust the network"
	case errors.As(err, &authority):
		return "the certificate of " + host + " is signed by an unknown authority", "give the certificate of the authority with --registry-ca FILE"
	case errors.As(err, &hostname):
		return "the certificate of " + host + " is for another name", "use the name for which the certificate is"
	case source.SpeaksNoTLS(err):
		return host + " does not speak TLS", "give --insecure-registry " + host + " if you trust the network"
	case errors.Is(err, auth.ErrBasicCredentialNotFound), isRefused(err):
		return host + " refuses access, or has no such image", "run docker login " + host + ", or set DOCKER_CONFIG or REGISTRY_AUTH_FILE"
	case errors.As(err, &response) && response.StatusCode == http.StatusTooManyRequests:
		return host + " has too many requests from here", "run docker login " + host + ", or try again later"
	case errors.As(err, &response):
		return fmt.Sprintf("%s answers %d %s", host, response.StatusCode, http.StatusText(response.StatusCode)), "try again later, " + offline
	case errors.Is(err, errdef.ErrNotFound):
		return host + " has no such image", "check the name and the tag"
	case isTemporary(err):
		return err.Error(), "run the command again: what has been read is remembered"
	case errors.As(err, &dns):
		return "the name " + dns.Name + " has no address", "check the name and the network, " + offline
	case errors.As(err, &dial):
		return host + " cannot be reached: " + dial.Err.Error(), "check the network and HTTPS_PROXY, " + offline
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return host + " does not answer in time", "try again later, " + offline
	}
	return withoutURL(err).Error(), "check the image, for example with skopeo inspect"
}

// isRefused reports whether a registry wants other credentials.
func isRefused(err error) bool {
	response, ok := errors.AsType[*errcode.ErrorResponse](err)
	return ok && (response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden)
}

// withoutURL returns the cause of an error of an HTTP client, whose text begins with the address.
func withoutURL(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err
	}
	return err
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
