// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A network takes what an API server dials in its cluster, the addresses of
// Services and pods, to processes here: by the proxy that an API server can be told
// to use for its cluster (an EgressSelectorConfiguration).
type network struct {
	config string // the file for --egress-selector-config-file

	mu sync.Mutex        // guards the following
	to map[string]string // addresses, by the port that is dialled
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	// Not t.TempDir: the name of a socket may have 107 bytes.
	dir, err := os.MkdirTemp("", "caseharden-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	n := &network{config: filepath.Join(dir, "egress.yaml")}
	socket := filepath.Join(dir, "proxy")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	config := fmt.Sprintf(`
apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport: {uds: {udsName: %s}}
`, socket)
	if err := os.WriteFile(n.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go n.serve(conn)
		}
	}()
	return n
}

// lead says where connections to ports go from now on.
func (n *network) lead(to map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.to = to
}

// serve answers a CONNECT, and then copies what either side sends.
func (n *network) serve(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	request, err := http.ReadRequest(reader)
	if err != nil || request.Method != http.MethodConnect {
		return
	}
	_, port, err := net.SplitHostPort(request.Host)
	if err != nil {
		return
	}
	n.mu.Lock()
	address := n.to[port]
	n.mu.Unlock()
	target, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Fprint(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	defer target.Close()
	fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(target, reader)
		target.Close()
	}()
	_, _ = io.Copy(conn, target)
}
