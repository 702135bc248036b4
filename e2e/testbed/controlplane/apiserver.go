// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/caseharden/caseharden/e2e/testbed/process"
)

const auditPolicyFile = "audit-policy.yaml"

// auditPolicy records each request once, when it has been answered.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

// writeAuditPolicy writes policy, or the one above if it is empty.
func (c *ControlPlane) writeAuditPolicy(policy string) error {
	if policy == "" {
		policy = auditPolicy
	}
	return os.WriteFile(c.file(auditPolicyFile), []byte(policy), 0o600)
}

// startAPIServer is the first start: it settles the address.
func (c *ControlPlane) startAPIServer(ctx context.Context, pick portPicker) error {
	return c.runAPIServer(ctx, func() (int, error) {
		port, err := pick()
		c.apiServer = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		return port, err
	})
}

// samePort picks the port of the first start again.
func (c *ControlPlane) samePort() (int, error) { return portOf(c.apiServer) }

func portOf(address string) (int, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

// runAPIServer starts kube-apiserver on a port of pick's and waits until it is
// ready. The caller must hold c.mu, unless nobody else knows c yet.
func (c *ControlPlane) runAPIServer(ctx context.Context, pick portPicker) error {
	return onPort(ctx, pick, func(port int) error {
		client, err := rest.HTTPClientFor(c.Config())
		if err != nil {
			return err
		}
		defer client.CloseIdleConnections()
		p, err := process.Start("kube-apiserver", c.file("kube-apiserver.log"), c.binaries.APIServer,
			c.apiServerFlags(port)...)
		if err != nil {
			return err
		}
		err = waitReady(ctx, p, func(ctx context.Context) error {
			if err := getOK(ctx, client, c.URL()+"/readyz"); err != nil {
				return err
			}
			// The server creates its namespaces in the background, and is ready
			// before: without this a first pod could find no namespace.
			return getOK(ctx, client, c.URL()+"/api/v1/namespaces/default")
		})
		if err != nil {
			p.Kill()
			return err
		}
		c.api = p
		return nil
	})
}

func (c *ControlPlane) apiServerFlags(port int) []string {
	flags := []string{
		"--etcd-servers=" + c.etcdURL,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		// Said outright, as it is otherwise guessed from the default route, and a
		// sandbox may have none.
		"--advertise-address=127.0.0.1",
		// Nobody uses the Service "kubernetes", and a loopback address would be
		// refused in its endpoints.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--tls-cert-file=" + c.access.certFile,
		"--tls-private-key-file=" + c.access.keyFile,

		"--token-auth-file=" + c.access.tokenFile,
		"--authorization-mode=RBAC",
		// Required flags, though nobody asks for a token here.
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.access.serviceAccountKeyFile,
		"--service-account-signing-key-file=" + c.access.serviceAccountKeyFile,
		// Without a controller manager no namespace gets its ServiceAccount
		// "default", for lack of which this plugin would refuse every pod.
		"--disable-admission-plugins=ServiceAccount",
		// Whether a pod may be privileged is for admission to say, as in a
		// cluster; the flag's default would refuse it at validation.
		"--allow-privileged=true",

		"--audit-policy-file=" + c.file(auditPolicyFile),
		"--audit-log-path=" + c.AuditLog(),
		"--audit-log-maxsize=0", // one file, whose readers find it where the others were
		"--audit-log-mode=blocking",
	}
	if c.nodeAddress != "" {
		flags = override(flags, c.nodeFlags())
	}
	return override(flags, c.flags)
}

// override returns base, in which each flag that extra names too is replaced,
// followed by extra. Appending alone would not do: of a flag that holds a list
// the API server would take both values.
func override(base, extra []string) []string {
	named := map[string]bool{}
	for _, f := range extra {
		name, _, _ := strings.Cut(f, "=")
		named[name] = true
	}
	var flags []string
	for _, f := range base {
		if name, _, _ := strings.Cut(f, "="); !named[name] {
			flags = append(flags, f)
		}
	}
	return append(flags, extra...)
}
