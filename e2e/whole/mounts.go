// SPDX-License-Identifier: Apache-2.0

//go:build linux

package whole

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// unmountAll unmounts what is mounted below the directory of the cluster: volumes, which a
// kubelet that has ended leaves. It also removes the state of containerd.
func (c *Cluster) unmountAll() error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var errs []error
	for _, line := range slices.Backward(strings.Split(string(text), "\n")) {
		fields := strings.Fields(line)
		if len(fields) < 5 || !strings.HasPrefix(fields[4], c.Dir()+"/") && !strings.HasPrefix(fields[4], containerdState+"/") {
			continue
		}
		if err := unix.Unmount(fields[4], unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmount of %s: %w", fields[4], err))
		}
	}
	return errors.Join(append(errs, os.RemoveAll(containerdState))...)
}
