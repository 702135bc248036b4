// SPDX-License-Identifier: Apache-2.0

//go:build linux

package debian

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/caseharden/caseharden/e2e/testbed/oci"
)

// writeLayer writes what is in a directory, the upper one of an overlay or a whole file
// system, as the layer of an image.
func writeLayer(dir, file string) (layer oci.Layer, err error) {
	f, err := os.Create(file)
	if err != nil {
		return layer, err
	}
	defer f.Close()
	compressed, plain := sha256.New(), sha256.New()
	var size counter
	zip, err := gzip.NewWriterLevel(io.MultiWriter(f, compressed, &size), gzip.BestSpeed)
	if err != nil {
		return layer, err
	}
	w := layerWriter{root: dir, tar: tar.NewWriter(io.MultiWriter(zip, plain)), links: map[uint64]string{}}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		return w.add(path)
	})
	if err = errors.Join(err, w.tar.Close(), zip.Close(), f.Close()); err != nil {
		return layer, err
	}
	return oci.Layer{File: file, Digest: sum(compressed), DiffID: sum(plain), Size: int64(size)}, nil
}

func sum(h hash.Hash) digest.Digest { return digest.NewDigest(digest.SHA256, h) }

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

type layerWriter struct {
	root  string
	tar   *tar.Writer
	links map[uint64]string // names of files that have several, by inode
}

func (w *layerWriter) add(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(w.root, path)
	if err != nil {
		return err
	}
	stat := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode()&fs.ModeSocket != 0:
		return nil // no layer can have it
	case info.Mode()&fs.ModeCharDevice != 0 && stat.Rdev == 0: // how an overlay has a deleted file
		return w.empty(filepath.Join(filepath.Dir(name), ".wh."+filepath.Base(name)))
	}
	var target string
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name, header.Uname, header.Gname = name, "", ""
	header.Format = tar.FormatPAX
	if info.IsDir() {
		header.Name += "/"
	}
	if capability := attribute(path, "security.capability"); capability != "" {
		header.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": capability}
	}
	if info.Mode().IsRegular() && stat.Nlink > 1 {
		if first, found := w.links[stat.Ino]; found {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
			return w.tar.WriteHeader(header)
		}
		w.links[stat.Ino] = name
	}
	if err := w.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if info.IsDir() && attribute(path, "trusted.overlay.opaque") == "y" {
		return w.empty(filepath.Join(name, ".wh..wh..opq"))
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w.tar, f)
	return err
}

func (w *layerWriter) empty(name string) error {
	return w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644})
}

// attribute returns an extended attribute, or an empty string.
func attribute(path, name string) string {
	var value [256]byte
	n, err := unix.Lgetxattr(path, name, value[:])
	if err != nil {
		return ""
	}
	return string(value[:n])
}
