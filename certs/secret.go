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

// The keys of the Secret. Those of current are the ones that tools know from Secrets of
// type kubernetes.io/tls.
var (
	currentKeys = secretKeys{ca: "ca.crt", cert: corev1.TLSCertKey, key: corev1.TLSPrivateKeyKey}
	nextKeys    = secretKeys{ca: "next-ca.crt", cert: "next-" + corev1.TLSCertKey, key: "next-" + corev1.TLSPrivateKeyKey}
)

type secretKeys struct{ ca, cert, key string }

// newSecretView reads a Secret, which can be nil: there is none. What is there of no
// use is as if it was not there, and currentProblem says why.
func newSecretView(secret *corev1.Secret) secretView {
	if secret == nil {
		return secretView{currentProblem: "there is no Secret"}
	}
	v := secretView{foreign: foreignIssuer(secret.Data[corev1.TLSCertKey]), helmRecord: isHelmRecord(secret)}
	if v.foreign != "" {
		v.currentProblem = fmt.Sprintf("the Secret holds a certificate of %q, which was not made here, and is left alone: name another Secret", v.foreign)
		return v
	}
	var err error
	if v.current, err = currentKeys.read(secret.Data); err != nil {
		v.currentProblem = fmt.Sprintf("the Secret holds no certificate: %v", err)
	}
	v.next, _ = nextKeys.read(secret.Data) // another is made where it is needed
	return v
}

// foreignIssuer returns who has issued the certificate that somebody else keeps in the
// Secret; "" where there is none, or one that we have made.
func foreignIssuer(text []byte) string {
	leaf, err := pemText{"serving certificate", text}.leaf()
	if err != nil || strings.HasPrefix(leaf.Issuer.CommonName, caNamePrefix) {
		return ""
	}
	return cmp.Or(leaf.Issuer.String(), "nobody")
}

func (k secretKeys) read(data map[string][]byte) (*keyPair, error) {
	for _, key := range []string{k.ca, k.cert, k.key} {
		if len(bytes.TrimSpace(data[key])) == 0 {
			return nil, fmt.Errorf("%s is empty", key)
		}
	}
	return parseKeyPair(data[k.ca], data[k.cert], data[k.key])
}

// write puts a key pair under the keys, or takes away what is there.
func (k secretKeys) write(data map[string][]byte, c *keyPair) {
	if c != nil {
		data[k.ca], data[k.cert], data[k.key] = c.ca, c.cert, c.key
		return
	}
	for _, key := range []string{k.ca, k.cert, k.key} {
		delete(data, key)
	}
}

// withKeyPairs returns a copy of the Secret that holds these, besides what others
// have put there.
func withKeyPairs(secret *corev1.Secret, current, next *keyPair) *corev1.Secret {
	written := secret.DeepCopy()
	written.Data = maps.Clone(secret.Data)
	if written.Data == nil {
		written.Data = map[string][]byte{}
	}
	currentKeys.write(written.Data, current)
	if current == nil {
		// The API server demands the two of Secrets of type kubernetes.io/tls.
		written.Data[currentKeys.cert], written.Data[currentKeys.key] = []byte{}, []byte{}
	}
	nextKeys.write(written.Data, next)
	return written
}
