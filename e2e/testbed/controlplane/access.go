// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"
)

// access is what the API server and its administrator know each other by. All
// of it is made afresh for each control plane, in files that only their owner
// can read.
type access struct {
	tokens   map[string]string // by user
	certPEM  []byte            // the serving certificate and its CA
	certFile string
	keyFile  string

	tokenFile             string
	serviceAccountKeyFile string

	// Where there is a node.
	kubeletCertFile string
	kubeletKeyFile  string
}

const userAdmin = "admin"

// groups are those of the users, beside the one of all that are authenticated.
var groups = map[string]string{
	userAdmin:             "system:masters",
	UserControllerManager: "",
	UserScheduler:         "",
	UserNode:              "system:nodes",
}

func newAccess(dir, nodeAddress string) (access, error) {
	ips, names := servingNames(nodeAddress)
	certPEM, keyPEM, err := cert.GenerateSelfSignedCertKey("127.0.0.1", ips, names)
	if err != nil {
		return access{}, err
	}
	_, serviceAccountKey, err := newKey()
	if err != nil {
		return access{}, err
	}
	tokens := map[string]string{}
	var tokenLines strings.Builder
	for user, group := range groups {
		tokens[user] = rand.Text()
		// token, user name, user UID, and groups if there are any
		line := fmt.Sprintf("%s,%s,%s,%s", tokens[user], user, user, group)
		fmt.Fprintln(&tokenLines, strings.TrimSuffix(line, ","))
	}
	a := access{
		tokens:                tokens,
		certPEM:               certPEM,
		certFile:              filepath.Join(dir, "kube-apiserver.crt"),
		keyFile:               filepath.Join(dir, "kube-apiserver.key"),
		tokenFile:             filepath.Join(dir, "tokens.csv"),
		serviceAccountKeyFile: filepath.Join(dir, "service-account.key"),
	}
	for file, content := range map[string][]byte{
		a.certFile:              certPEM,
		a.keyFile:               keyPEM,
		a.tokenFile:             []byte(tokenLines.String()),
		a.serviceAccountKeyFile: serviceAccountKey,
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return access{}, err
		}
	}
	if nodeAddress != "" {
		err = a.addKubelet(dir)
	}
	return a, err
}

func newKey() (key *ecdsa.PrivateKey, keyPEM []byte, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func (a access) config(url string) *rest.Config {
	return &rest.Config{
		Host:            url,
		BearerToken:     a.tokens[userAdmin],
		TLSClientConfig: rest.TLSClientConfig{CAData: a.certPEM},
		QPS:             -1, // no limit
	}
}

// writeKubeconfig writes a file for kubectl and the programs of a cluster, which has the
// API server take them for the user.
func (a access) writeKubeconfig(file, url, user string) error {
	const name = "testbed"
	k := clientcmdapi.NewConfig()
	k.Clusters[name] = &clientcmdapi.Cluster{Server: url, CertificateAuthorityData: a.certPEM}
	k.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: a.tokens[user]}
	k.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	k.CurrentContext = name
	return clientcmd.WriteToFile(*k, file)
}
