// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// The keys of the Secret. Those of current are the keys of Secrets of type
// kubernetes.io/tls.
var (
	currentKeys = secretKeys{ca: "ca.crt", cert: corev1.TLSCertKey, key: corev1.TLSPrivateKeyKey}
	nextKeys    = secretKeys{ca: "next-ca.crt", cert: "next-" + corev1.TLSCertKey, key: "next-" + corev1.TLSPrivateKeyKey}
)

type secretKeys struct{ ca, cert, key string }

// newSecretView reads a Secret, or nil if there is none. A key pair that is not whole counts
// as none, and currentProblem has the reason.
func newSecretView(secret *corev1.Secret) secretView {
	if secret == nil {
		return secretView{currentProblem: "there is no Secret"}
	}
	v := secretView{foreign: foreignIssuer(secret.Data[corev1.TLSCertKey]), helmRecord: isHelmRecord(secret)}
	if v.foreign != "" {
		v.currentProblem = fmt.Sprintf("the Secret holds a certificate of %q, which Caseharden did not make: use another Secret", v.foreign)
		return v
	}
	var err error
	if v.current, err = currentKeys.read(secret.Data); err != nil {
		v.currentProblem = fmt.Sprintf("the Secret holds no certificate: %v", err)
	}
	v.next, _ = nextKeys.read(secret.Data) // if one is needed, another is made
	return v
}

// foreignIssuer returns the issuer of a certificate that this package did not make; "" if
// it made the certificate, or there is none.
func foreignIssuer(text []byte) string {
	leaf, err := pemText{"serving certificate", text}.leaf()
	if err != nil || strings.HasPrefix(leaf.Issuer.CommonName, caNamePrefix) {
		return ""
	}
	return cmp.Or(leaf.Issuer.String(), "nobody")
}

// read returns the key pair under the keys.
func (k secretKeys) read(data map[string][]byte) (*keyPair, error) {
	for _, key := range []string{k.ca, k.cert, k.key} {
		if len(bytes.TrimSpace(data[key])) == 0 {
			return nil, fmt.Errorf("%s is empty", key)
		}
	}
	return parseKeyPair(data[k.ca], data[k.cert], data[k.key])
}

// write puts a key pair under the keys, or removes the keys if it is nil.
func (k secretKeys) write(data map[string][]byte, c *keyPair) {
	if c != nil {
		data[k.ca], data[k.cert], data[k.key] = c.ca, c.cert, c.key
		return
	}
	for _, key := range []string{k.ca, k.cert, k.key} {
		delete(data, key)
	}
}

// withKeyPairs returns a copy of the Secret that holds these key pairs. Other keys stay.
func withKeyPairs(secret *corev1.Secret, current, next *keyPair) *corev1.Secret {
	written := secret.DeepCopy()
	written.Data = maps.Clone(secret.Data)
	if written.Data == nil {
		written.Data = map[string][]byte{}
	}
	currentKeys.write(written.Data, current)
	if current == nil {
		// The API server requires both keys in Secrets of type kubernetes.io/tls.
		written.Data[currentKeys.cert], written.Data[currentKeys.key] = []byte{}, []byte{}
	}
	nextKeys.write(written.Data, next)
	return written
}
