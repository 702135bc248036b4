// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// temporary is the sandbox's TMPDIR, as /tmp is where go test has the programs.
const temporary = "/run/tmp"

// A mount is the arguments of mount(2).
type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

func (m mount) do() error {
	if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mount of %s: %w", m.target, err)
	}
	return nil
}

// mountAll makes what is mounted, which is a copy of the host's, the sandbox's own.
func mountAll() error {
	// Before the others hide them.
	cgroups, err := cgroupMounts()
	if err != nil {
		return err
	}
	// Nothing goes to the host.
	if err := (mount{"", "/", "", unix.MS_REC | unix.MS_PRIVATE, ""}).do(); err != nil {
		return err
	}
	// Not merely hidden: container runtimes read what is mounted where.
	for _, dir := range []string{"/sys", "/proc"} {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount of %s: %w", dir, err)
		}
	}
	err = mountEach([]mount{
		{"", "/", "", unix.MS_REC | unix.MS_SHARED, ""}, // as on a host, for mounts of volumes
		{"proc", "/proc", "proc", 0, ""},                // of the PID namespace
		{"sysfs", "/sys", "sysfs", 0, ""},               // of the network namespace
		{"run", "/run", "tmpfs", 0, "mode=755"},
	})
	if err != nil {
		return err
	}
	for _, dir := range []string{temporary, "/run/var", "/run/var-work"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	// For paths that cannot be configured, such as /var/log/containers and /var/lib/cni.
	err = mount{"var", "/var", "overlay", 0, "lowerdir=/var,upperdir=/run/var,workdir=/run/var-work"}.do()
	if err != nil {
		return err
	}
	if err := mountEach(cgroups); err != nil {
		return err
	}
	return pretendSysctls()
}

// mountEach also makes the directories to mount on.
func mountEach(mounts []mount) error {
	for _, m := range mounts {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		if err := m.do(); err != nil {
			return err
		}
	}
	return nil
}

// pretendSysctls puts files in the place of settings of the kernel which no namespace
// makes the sandbox's own, and which a kubelet insists on: setupKernelTunables in
// kubernetes/pkg/kubelet/cm. It finds them as it wants them, and the host keeps its own.
func pretendSysctls() error {
	const dir = "/run/sysctls"
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/keys/root_maxbytes": "25000000",
	} {
		file := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := (mount{file, filepath.Join("/proc/sys", name), "", unix.MS_BIND, ""}).do(); err != nil {
			return err
		}
	}
	return nil
}
