// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"net"
	"os"
	"path/filepath"

	"k8s.io/client-go/util/cert"
)

const (
	// NodeName is the name of the node, where there is one.
	NodeName = "node"

	// ServiceAddress is that of the Service kubernetes, by which pods know the API
	// server: the first one of --service-cluster-ip-range. A node has to route it
	// to this machine.
	ServiceAddress = "10.0.0.1"

	// servicePort is that of the Service. Where there is a node the API server serves
	// there too: without a kube-proxy, ports stay what they are.
	servicePort = 443
)

// The users that a node and the controllers of a cluster authenticate as. RBAC and the
// Node authorizer give each what it needs.
const (
	UserControllerManager = "system:kube-controller-manager"
	UserScheduler         = "system:kube-scheduler"
	UserNode              = "system:node:" + NodeName
)

// KubeconfigOf is the path of a kubeconfig of one of these users, where there is a node.
func (c *ControlPlane) KubeconfigOf(user string) string { return c.file(user + ".kubeconfig") }

// CAFile is the path of what the API server's certificate is verified by, in PEM.
func (c *ControlPlane) CAFile() string { return c.access.certFile }

// KubeletCAFile is the path of what a kubelet verifies the API server's own certificate
// by, in PEM, where there is a node.
func (c *ControlPlane) KubeletCAFile() string { return c.access.kubeletCertFile }

// ServiceAccountKeyFile is the path of the key that signs the tokens of ServiceAccounts.
func (c *ControlPlane) ServiceAccountKeyFile() string { return c.access.serviceAccountKeyFile }

// nodeFlags are flags of the API server where there is a node: they replace those of the
// same name.
func (c *ControlPlane) nodeFlags() []string {
	return []string{
		"--bind-address=0.0.0.0",
		"--advertise-address=" + c.nodeAddress,
		"--endpoint-reconciler-type=lease",
		// To Services by the addresses of their pods, as there is no kube-proxy.
		"--enable-aggregator-routing=true",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--disable-admission-plugins=", // none of those that are on by default
		// Logs, exec and port-forward are the kubelet's.
		"--kubelet-client-certificate=" + c.access.kubeletCertFile,
		"--kubelet-client-key=" + c.access.kubeletKeyFile,
		"--kubelet-preferred-address-types=InternalIP",
	}
}

// addKubelet makes the certificate by which a kubelet knows the API server.
func (a *access) addKubelet(dir string) error {
	key, keyPEM, err := newKey()
	if err != nil {
		return err
	}
	// It is its own CA.
	c, err := cert.NewSelfSignedCACert(cert.Config{
		CommonName:   "kube-apiserver-kubelet-client",
		Organization: []string{"system:masters"},
	}, key)
	if err != nil {
		return err
	}
	certPEM, err := cert.EncodeCertificates(c)
	if err != nil {
		return err
	}
	a.kubeletCertFile = filepath.Join(dir, "kubelet-client.crt")
	a.kubeletKeyFile = filepath.Join(dir, "kubelet-client.key")
	if err := os.WriteFile(a.kubeletCertFile, certPEM, 0o600); err != nil {
		return err
	}
	return os.WriteFile(a.kubeletKeyFile, keyPEM, 0o600)
}

// servingNames are what the API server's certificate is for in addition to 127.0.0.1.
func servingNames(nodeAddress string) (ips []net.IP, names []string) {
	if nodeAddress == "" {
		return nil, nil
	}
	return []net.IP{net.ParseIP(nodeAddress), net.ParseIP(ServiceAddress)},
		[]string{"kubernetes.default.svc", "kubernetes.default", "kubernetes"}
}
