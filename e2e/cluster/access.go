// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"
)

// access is what the API server and its administrator know each other by. All
// of it is made afresh for each control plane, in files that only their owner
// can read.
type access struct {
	token    string
	certPEM  []byte // the serving certificate and its CA
	certFile string
	keyFile  string

	tokenFile             string
	serviceAccountKeyFile string
}

func newAccess(dir string) (access, error) {
	certPEM, keyPEM, err := cert.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	if err != nil {
		return access{}, err
	}
	serviceAccountKey, err := newKeyPEM()
	if err != nil {
		return access{}, err
	}
	a := access{
		token:                 rand.Text(),
		certPEM:               certPEM,
		certFile:              filepath.Join(dir, "kube-apiserver.crt"),
		keyFile:               filepath.Join(dir, "kube-apiserver.key"),
		tokenFile:             filepath.Join(dir, "tokens.csv"),
		serviceAccountKeyFile: filepath.Join(dir, "service-account.key"),
	}
	for file, content := range map[string][]byte{
		a.certFile: certPEM,
		a.keyFile:  keyPEM,
		// token, user name, user UID, groups
		a.tokenFile:             []byte(a.token + ",admin,admin,system:masters\n"),
		a.serviceAccountKeyFile: serviceAccountKey,
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return access{}, err
		}
	}
	return a, nil
}

func newKeyPEM() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func (a access) config(url string) *rest.Config {
	return &rest.Config{
		Host:            url,
		BearerToken:     a.token,
		TLSClientConfig: rest.TLSClientConfig{CAData: a.certPEM},
		QPS:             -1, // no limit
	}
}

// writeKubeconfig writes what config returns as a file for kubectl.
func (a access) writeKubeconfig(file, url string) error {
	const name = "caseharden"
	k := clientcmdapi.NewConfig()
	k.Clusters[name] = &clientcmdapi.Cluster{Server: url, CertificateAuthorityData: a.certPEM}
	k.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: a.token}
	k.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	k.CurrentContext = name
	return clientcmd.WriteToFile(*k, file)
}
