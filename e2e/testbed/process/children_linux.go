// SPDX-License-Identifier: Apache-2.0

package process

import "syscall"

// childAttributes has the kernel kill the child when its parent dies, however
// that happens: neither a panic nor a SIGKILL runs a deferred Stop.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
