// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"

	"github.com/caseharden/caseharden/evidence"
)

var deviceOwner = rule{
	Cause: evidence.Cause{
		ID:       "device-owner",
		Title:    "Block device of root",
		Settings: words("runAsUser"),
		Severity: evidence.High,
		When:     "a container has `volumeDevices`; `runAsUser` is injected",
		Because:  "the device in the container belongs to root, unless the runtime is configured with `device_ownership_from_security_context`",
		Fix:      "set runAsUser: 0 in the manifest, or configure the runtime of the nodes with device_ownership_from_security_context",
	},
	OfContainer: func(_ *Pair, c *containerPair) (what, fix string) {
		if !c.newUser() || len(c.After.VolumeDevices) == 0 {
			return "", ""
		}
		var devices []string
		for _, d := range c.After.VolumeDevices {
			devices = append(devices, d.DevicePath)
		}
		return fmt.Sprintf("as %s it may not be able to open the block device %s, which belongs to root", c.asUser(), few(devices)), ""
	},
}
