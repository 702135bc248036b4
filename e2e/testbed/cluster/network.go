// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"

	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

const bridgeName = "cni0"

// cniConfig is the network of pods: a bridge, which is their way to each other and, as it
// has an address too, to the node.
const cniConfig = `{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [{
    "type": "bridge", "bridge": "` + bridgeName + `", "isGateway": true, "hairpinMode": true,
    "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}
  }]
}
`

// makeNetwork configures the network of pods, in dir, and gives this machine the address
// of the Service kubernetes, where the API server serves: what a kube-proxy would do.
func makeNetwork(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "pods.conflist"), []byte(cniConfig), 0o600); err != nil {
		return err
	}
	lo, address, err := serviceAddress()
	if err != nil {
		return err
	}
	return netlink.AddrAdd(lo, address)
}

func removeNetwork() error {
	lo, address, err := serviceAddress()
	if err != nil {
		return err
	}
	err = netlink.AddrDel(lo, address)
	bridge, missing := netlink.LinkByName(bridgeName)
	if missing != nil {
		return err // no pod has been here
	}
	return errors.Join(err, netlink.LinkDel(bridge))
}

func serviceAddress() (netlink.Link, *netlink.Addr, error) {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, nil, err
	}
	address, err := netlink.ParseAddr(controlplane.ServiceAddress + "/32")
	return lo, address, err
}
