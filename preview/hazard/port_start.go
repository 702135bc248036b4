// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// sysctlName spells a sysctl with dots: slashes are allowed too.
func sysctlName(s corev1.Sysctl) string { return strings.ReplaceAll(s.Name, "/", ".") }

const (
	portStartSysctl = "net.ipv4.ip_unprivileged_port_start"

	defaultPortStart = 1024 // the kernel's, in a new network namespace too
)

// unprivilegedPortStart is the first port that needs no capability, by the
// pod's own sysctls.
func unprivilegedPortStart(spec *corev1.PodSpec) int32 {
	for _, sysctl := range podSecurityContext(spec).Sysctls {
		if sysctlName(sysctl) != portStartSysctl {
			continue
		}
		if start, err := strconv.ParseInt(sysctl.Value, 10, 32); err == nil {
			return int32(start)
		}
	}
	return defaultPortStart
}
