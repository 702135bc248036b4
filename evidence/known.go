// SPDX-License-Identifier: Apache-2.0

package evidence

// Known is what public sources say of a well-known image.
type Known struct {
	Image    string   `json:"image"`              // repository, such as docker.io/library/nginx
	Versions string   `json:"versions,omitempty"` // for which it was read, such as 1.25 to 1.29
	Source   []string `json:"source"`             // addresses of the Dockerfile and the entrypoint

	UID  *int64 `json:"uid,omitempty"`  // as whom the main program runs in the end
	GID  *int64 `json:"gid,omitempty"`  // its group
	User string `json:"user,omitempty"` // USER of the image; empty is root

	StartsAsRoot bool     `json:"startsAsRoot,omitempty"` // it needs root to start unless Guarded, and changes to UID itself
	Guarded      bool     `json:"guarded,omitempty"`      // its entrypoint skips what needs root when it does not run as root
	Writes       []string `json:"writes,omitempty"`       // directories that it writes to at start
	Data         []string `json:"data,omitempty"`         // directories of data that belong to UID

	FileCapabilities []string `json:"fileCapabilities,omitempty"` // of its main program, with the effective bit
	Capabilities     []string `json:"capabilities,omitempty"`     // that it needs at run time
	LowPorts         []int    `json:"lowPorts,omitempty"`         // below 1024 that it listens on
	Note             string   `json:"note,omitempty"`             // what else decides, in one sentence
}
