// SPDX-License-Identifier: Apache-2.0

package evidence

// A Container is a container as its manifest has it, and as it would be under the whole
// profile. It has of a pod what decides how the container starts, and no more, so that
// many can be kept until their images are read.
type Container struct {
	Name, Image   string
	Command, Args []string // as in the manifest
	WorkingDir    string
	Env           map[string]string // with the values that the manifest shows
	OpenEnv       bool              // it has others from ConfigMaps or Secrets
	Ports         []int             // containerPorts
	PortStart     int               // the first port that needs no capability, by the pod's own sysctls; else 1024

	Before, After Security // as the manifest has it, and with what the profile injects
	Groups        []int64  // fsGroup and supplementalGroups
	StrictGroups  bool     // supplementalGroupsPolicy: Strict
	HostNetwork   bool
	Sandboxed     bool    // by a RuntimeClass or a user namespace: the node's kernel may not decide
	Mounts        []Mount // with those of the profile
}

// Security are the effective security settings of a container: its own, else the pod's.
// Nil is unset.
type Security struct {
	User, Group  *int64
	NonRoot      *bool
	Privileged   bool
	NoNewPrivs   bool // allowPrivilegeEscalation: false
	ReadOnlyRoot bool
	Add, Drop    []string // capabilities, spelt as the manifest does
}

// A Mount is a volume that is mounted in a container.
type Mount struct {
	Path     string // in the container, clean
	Writable bool   // not mounted read-only
	Profile  bool   // the profile's, for one of its writablePaths
}
