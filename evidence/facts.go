// SPDX-License-Identifier: Apache-2.0

package evidence

import "io/fs"

// Facts are what is known of a container beyond its manifest. Nil is not known.
type Facts struct {
	Status   *Status
	Known    *Known
	Image    *Image
	ImageErr error  // why Image is nil although it was asked for
	Runtime  string // container runtime of the nodes, such as containerd://2.2.0
}

// Status is what the runtime reports of a running container.
type Status struct {
	User                 *User // status.containerStatuses[].user.linux
	ImageID              string
	Ready                bool
	Restarts             int32
	Waiting, WaitMessage string // reason and message
	ExitCode             *int32 // of the last termination
	TermReason           string // such as OOMKilled
}

// User is who a process is.
type User struct {
	UID, GID int64
}

// Image is what an image says about the containers that are made of it.
type Image struct {
	Reference string // as the manifest names it
	Digest    string // of the image's manifest for Platform, sha256:…
	Platform  string // such as linux/amd64
	Config    Config
	Files     Files // nil if only the configuration was read
}

// Config is the part of an OCI image configuration that decides how a container starts.
type Config struct {
	User                string // as it stands there: "", "101", "nginx", "1000:1000"
	Entrypoint, Command []string
	Env                 []string // NAME=value
	WorkingDir          string
	Volumes             []string // absolute paths
	ExposedPorts        []string // such as 80/tcp
}

// Files is the file system of an image, all layers applied. Paths are absolute and clean.
// No method follows a link out of the root.
type Files interface {
	// Stat describes what is at the path itself, and follows no link there.
	Stat(path string) (File, bool)
	// Children returns the names in a directory, sorted.
	Children(path string) []string
	// Content returns the content of a small file that decides how a container starts:
	// /etc/passwd, /etc/group, scripts, and configuration below /etc. Of a program it
	// returns the first bytes.
	Content(path string) ([]byte, bool)
}

// A File is a file of an image.
type File struct {
	Mode         fs.FileMode // type, permissions, setuid, setgid, sticky
	UID, GID     int64
	Link         string // target of a symbolic link, as it stands there
	Capabilities *FileCapabilities
	Interpreter  string // of a program: from ELF's PT_INTERP or from #!

	Layer string // digest of the layer that has it
}

// FileCapabilities is what the extended attribute security.capability holds.
type FileCapabilities struct {
	Permitted, Inheritable []string // such as NET_BIND_SERVICE
	Effective              bool
}
