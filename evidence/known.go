// SPDX-License-Identifier: Apache-2.0

package evidence

// Known is what public sources say of a well-known image. A list that is empty says that
// the sources name nothing, and not that there is nothing.
type Known struct {
	Image    string   `json:"image"`              // repository, such as docker.io/library/nginx; its last component may be *
	Also     []string `json:"also,omitempty"`     // other repositories in which the publisher offers the image
	Tags     []string `json:"tags,omitempty"`     // globs of the tags that these facts are about; empty is all other tags
	Versions string   `json:"versions,omitempty"` // for which it was read, such as 1.25 to 1.29
	Source   []string `json:"source"`             // addresses of the Dockerfile and the entrypoint

	UID  *int64 `json:"uid,omitempty"`  // as whom the main program runs in the end
	GID  *int64 `json:"gid,omitempty"`  // its group
	User string `json:"user,omitempty"` // USER of the image; empty is root

	Base         bool `json:"base,omitempty"`         // it is made to run programs of others, of which nothing is known
	StartsAsRoot bool `json:"startsAsRoot,omitempty"` // it needs root to start unless Guarded, and changes to UID itself
	Guarded      bool `json:"guarded,omitempty"`      // it skips what needs root when it does not run as root
	AnyUser      bool `json:"anyUser,omitempty"`      // its files are prepared for any UID in group 0, the group of a UID without a passwd line

	Writes   []string `json:"writes,omitempty"`   // directories that it writes to at start, where an emptyDir helps
	Rewrites []string `json:"rewrites,omitempty"` // directories whose files it changes or needs, and where it writes at start: an emptyDir hides them
	Data     []string `json:"data,omitempty"`     // directories of data that belong to UID
	Volumes  []string `json:"volumes,omitempty"`  // VOLUME of the image: writable with containerd, also where the root file system is read-only

	ReadOnlyRoot bool `json:"readOnlyRoot,omitempty"` // its own manifests run it with a read-only root file system, and nothing writable at /tmp

	FileCapabilities []string `json:"fileCapabilities,omitempty"` // of its main program, with the effective bit
	Capabilities     []string `json:"capabilities,omitempty"`     // that it needs at run time, started as User
	LowPorts         []int    `json:"lowPorts,omitempty"`         // below 1024 that it listens on
	Note             string   `json:"note,omitempty"`             // what else decides, in one sentence
}
