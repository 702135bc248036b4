// SPDX-License-Identifier: Apache-2.0

package source

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
)

// maxMembers is how many files an archive of an image may have.
const maxMembers = 100_000

// An archive is a tar file whose files can be read in any order.
type archive struct {
	file      *os.File
	members   map[string]member
	temporary bool // the file is to be removed
}

type member struct {
	offset, size int64
	link         string // another member
}

// openArchive finds out where the files are in an archive. It reads no more than their names,
// unless the archive is compressed: that is unpacked into a temporary file first.
func openArchive(name string) (*archive, error) {
	given, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	f, err := unpack(given, maxUnpacked)
	if err != nil {
		return nil, err
	}
	a := &archive{file: f, members: map[string]member{}}
	if f != given {
		a.temporary = os.Remove(f.Name()) != nil // some systems remove no file that is open
	}
	if err := a.scan(); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func openRegular(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	switch info, err := f.Stat(); {
	case err != nil:
		f.Close()
		return nil, err
	case info.IsDir():
		f.Close()
		return nil, &KindError{"is a directory, not an archive", "write oci:" + name}
	case !info.Mode().IsRegular():
		f.Close()
		return nil, errors.New("must be a regular file")
	}
	return f, nil
}

func (a *archive) scan() error {
	for r := tar.NewReader(a.file); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return fmt.Errorf("not a tar file that can be read: %w", err)
		}
		name := path.Clean("/" + h.Name)[1:]
		switch h.Typeflag {
		case tar.TypeReg:
			// The reader has no buffer: the content begins where the file is.
			offset, err := a.file.Seek(0, io.SeekCurrent)
			if err != nil {
				return err
			}
			a.members[name] = member{offset: offset, size: h.Size}
		case tar.TypeSymlink:
			a.members[name] = member{link: path.Join("/", path.Dir(name), h.Linkname)[1:]}
		case tar.TypeLink:
			a.members[name] = member{link: path.Clean("/" + h.Linkname)[1:]}
		}
		if len(a.members) > maxMembers {
			return fmt.Errorf("has more than %d files", maxMembers)
		}
	}
}

func (a *archive) open(name string) (io.ReadCloser, error) {
	m, ok := a.members[name]
	for links := 0; ok && m.link != "" && links < 10; links++ {
		m, ok = a.members[m.link]
	}
	if !ok || m.link != "" {
		return nil, notThere(name)
	}
	return io.NopCloser(io.NewSectionReader(a.file, m.offset, m.size)), nil
}

func (a *archive) Close() error {
	err := a.file.Close()
	if a.temporary {
		err = errors.Join(err, os.Remove(a.file.Name()))
	}
	return err
}
