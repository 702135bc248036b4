// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"
)

// A portPicker names the TCP port on 127.0.0.1 for the next attempt.
type portPicker func() (int, error)

// freePort picks a port that is free now. It can be taken before it is used:
// hence onPort.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// errPortTaken is the cause of a start that failed because somebody else
// listens on the port.
var errPortTaken = errors.New("port taken")

// portTaken tells from its log whether a process died for want of its port: the
// text is that of EADDRINUSE, which both servers log.
func portTaken(log string) bool { return strings.Contains(log, "address already in use") }

// onPort calls start with a port of pick's, and again a few times as long as
// the port turns out to be taken.
func onPort(ctx context.Context, pick portPicker, start func(port int) error) error {
	const attempts = 5
	for i := 1; ; i++ {
		port, err := pick()
		if err != nil {
			return err
		}
		if err = start(port); !errors.Is(err, errPortTaken) || i == attempts {
			return err
		}
		// The same port may come again: give its user time to let go.
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}
