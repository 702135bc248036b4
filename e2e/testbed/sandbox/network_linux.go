// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// address is the sandbox's: one of those for documentation, which nobody has (RFC 5737).
// A kubelet refuses one of loopback.
const address = "192.0.2.1"

// makeNetwork brings loopback up, and an interface with the address: one end of a pair
// whose other end is here too, and which ends with the sandbox.
func makeNetwork() error {
	const name, peer = "eth0", "eth0-peer"
	err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: peer})
	if err != nil {
		return fmt.Errorf("network: veth: %w", err)
	}
	addr, err := netlink.ParseAddr(address + "/24")
	if err != nil {
		return err
	}
	for _, name := range []string{"lo", name, peer} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return fmt.Errorf("network: %s: %w", name, err)
		}
		if name == "eth0" {
			if err := netlink.AddrAdd(link, addr); err != nil {
				return fmt.Errorf("network: address of %s: %w", name, err)
			}
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("network: %s: %w", name, err)
		}
	}
	return nil
}
