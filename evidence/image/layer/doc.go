// SPDX-License-Identifier: Apache-2.0

// Package layer reads the layers of container images, which are tar files of unknown authors,
// and keeps what decides how a container starts: types, owners, modes, links, capabilities,
// interpreters, and the content of some small files. An [Index] has that of one layer.
//
// Read a layer with [Read], which bounds what a layer can cost. [Index.Entries] returns what is
// in it, in the order of the tar file, because the order decides what becomes of links.
package layer

import "io/fs"

// Bounds of what is read. A layer beyond one of them is an error.
const (
	MaxEntries  = 1_000_000 // files of a layer
	MaxPath     = 4096      // bytes of a path or of a link, as in Linux (PATH_MAX)
	MaxUnpacked = 32 << 30  // bytes of a layer without compression
	MaxIndex    = 32 << 20  // bytes of an index
	maxName     = 255       // bytes of a component of a path (NAME_MAX)
	maxWindow   = 32 << 20  // bytes that zstd may look back
)

// Bounds of what is kept of files.
const (
	maxContents = 8 << 20   // bytes of all contents of a layer
	maxAccounts = 1 << 20   // bytes of /etc/passwd and /etc/group
	maxScript   = 128 << 10 // bytes of a script
	maxSettings = 32 << 10  // bytes of a configuration file
	maxHead     = 256       // bytes of other files that can be executed
	elfHead     = 20        // bytes of an ELF program: up to the processor that it is for
)

// A Kind says what an [Entry] does.
type Kind uint8

const (
	File     Kind = iota // a file of any type, also a directory
	HardLink             // another name of the file Link
	Whiteout             // the file of a lower layer is not there any more
	Opaque               // what lower layers have in this directory is not there any more
	kinds
)

// An Entry is one line of an [Index].
type Entry struct {
	Kind        Kind
	Path        string // clean, without a slash at the beginning; empty for the root
	Mode        fs.FileMode
	UID, GID    int64
	Size        int64
	Link        string // target of a symbolic link as it stands there, or the path of a hard link
	Capability  string // extended attribute security.capability, as the kernel has it
	Interpreter string
	Content     string // if HasContent
	HasContent  bool
}
