// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listen opens a listener on the address that a flag gives.
func listen(flag, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		return listener, nil
	}
	if opErr, ok := errors.AsType[*net.OpError](err); ok {
		err = opErr.Err // without the address, which the message has already
	}
	if addrErr, ok := errors.AsType[*net.AddrError](err); ok {
		return nil, fmt.Errorf("%s %q: %s: must be HOST:PORT or :PORT", flag, address, addrErr.Err)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s %q: something listens there already: choose another address, or end it", flag, address)
	}
	return nil, fmt.Errorf("%s %q: %w", flag, address, err)
}
