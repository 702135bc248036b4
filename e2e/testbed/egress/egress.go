// SPDX-License-Identifier: Apache-2.0

// Package egress takes what an API server dials in its cluster to processes outside of it.
package egress

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// A Network takes what an API server dials in its cluster, the addresses of Services
// and pods, to processes here: by the proxy that an API server can be told to use for
// its cluster (an EgressSelectorConfiguration).
type Network struct {
	dir      string
	listener net.Listener

	mu   sync.Mutex // guards the following
	to   map[string][]string
	turn int
}

// New returns a network that leads nowhere yet. The caller must call Close.
func New() (*Network, error) {
	// Not the temporary directory of a test: the name of a socket may have 107 bytes.
	dir, err := os.MkdirTemp("", "egress-")
	if err != nil {
		return nil, err
	}
	n := &Network{dir: dir}
	socket := filepath.Join(dir, "proxy")
	config := fmt.Sprintf(`
apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport: {uds: {udsName: %s}}
`, socket)
	if err := os.WriteFile(n.configFile(), []byte(config), 0o600); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if n.listener, err = net.Listen("unix", socket); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	go func() {
		for {
			conn, err := n.listener.Accept()
			if err != nil {
				return // closed
			}
			go n.serve(conn)
		}
	}()
	return n, nil
}

func (n *Network) configFile() string { return filepath.Join(n.dir, "egress.yaml") }

// Flag is the one that an API server uses this network by.
func (n *Network) Flag() string { return "--egress-selector-config-file=" + n.configFile() }

// Close ends the network: what is connected stays so.
func (n *Network) Close() {
	n.listener.Close()
	os.RemoveAll(n.dir)
}

// Lead says where new connections to ports go from now on, to each of the addresses in
// turn.
func (n *Network) Lead(to map[string][]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.to = to
}

// dial connects to the next of the addresses for a port.
func (n *Network) dial(port string) (net.Conn, error) {
	n.mu.Lock()
	addresses := n.to[port]
	n.turn++
	turn := n.turn
	n.mu.Unlock()
	if len(addresses) == 0 {
		return nil, fmt.Errorf("nothing is ready for port %s", port)
	}
	return net.Dial("tcp", addresses[turn%len(addresses)])
}

// serve answers a CONNECT, and then copies what either side sends.
func (n *Network) serve(conn net.Conn) {
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
	target, err := n.dial(port)
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
