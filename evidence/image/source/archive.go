// SPDX-License-Identifier: Apache-2.0

package source

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// maxMembers is how many files an archive of an image may have.
const maxMembers = 100_000

// An archive is a tar file whose files can be read in any order.
type archive struct {
	file    *os.File
	members map[string]member
}

type member struct {
	offset, size int64
	link         string // another member
}

// openArchive finds out where the files are in an archive. It reads no more than their names.
func openArchive(name string) (*archive, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	a := &archive{file: f, members: map[string]member{}}
	if err := a.scan(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

func (a *archive) scan() error {
	if info, err := a.file.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, errors.New("must be a regular file"))
	}
	magic := make([]byte, 4)
	if n, _ := a.file.ReadAt(magic, 0); n == 4 {
		if s := string(magic); strings.HasPrefix(s, "\x1f\x8b") || s == "\x28\xb5\x2f\xfd" {
			return errors.New("is compressed: unpack it with gunzip or unzstd first")
		}
	}
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

func (a *archive) Close() error { return a.file.Close() }
