// SPDX-License-Identifier: Apache-2.0

package layer

import (
	"encoding/binary"
	"fmt"

	"github.com/caseharden/caseharden/evidence"
)

// capabilities are the names of include/uapi/linux/capability.h, in the order of their numbers.
var capabilities = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}

// Capabilities returns what a security.capability attribute says (struct vfs_cap_data of the
// kernel). It returns nil for what the kernel ignores in a container of the host's user
// namespace: other formats, and attributes of another user namespace.
func Capabilities(attribute string) *evidence.FileCapabilities {
	const revision1, revision2, revision3, effective = 1 << 24, 2 << 24, 3 << 24, 1
	data := []byte(attribute)
	if len(data) < 4 {
		return nil
	}
	magic := binary.LittleEndian.Uint32(data)
	words := 2
	switch magic &^ effective {
	case revision1:
		words = 1
	case revision2:
	case revision3:
		if len(data) != 24 || binary.LittleEndian.Uint32(data[20:]) != 0 {
			return nil
		}
		data = data[:20]
	default:
		return nil
	}
	if len(data) != 4+8*words {
		return nil
	}
	c := &evidence.FileCapabilities{Effective: magic&effective != 0}
	for word := range words {
		at := data[4+8*word:]
		c.Permitted = append(c.Permitted, names(32*word, binary.LittleEndian.Uint32(at))...)
		c.Inheritable = append(c.Inheritable, names(32*word, binary.LittleEndian.Uint32(at[4:]))...)
	}
	return c
}

func names(first int, set uint32) []string {
	var list []string
	for bit := range 32 {
		switch n := first + bit; {
		case set&(1<<bit) == 0:
		case n < len(capabilities):
			list = append(list, capabilities[n])
		default:
			list = append(list, fmt.Sprintf("%d", n))
		}
	}
	return list
}
