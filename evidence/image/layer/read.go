// SPDX-License-Identifier: Apache-2.0

package layer

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/caseharden/caseharden/internal/text"
)

// Read indexes a layer: a tar file as it is, or compressed with gzip or zstd. It reads all of
// r, so that the caller can check the digest, and passes the tar file on to unpacked, unless
// that is nil. An error of r is returned as it is.
func Read(ctx context.Context, r io.Reader, unpacked io.Writer) (*Index, error) {
	return read(ctx, r, unpacked, limits{entries: MaxEntries, unpacked: MaxUnpacked, index: MaxIndex})
}

type limits struct {
	entries  int
	unpacked int64
	index    int
}

func read(ctx context.Context, r io.Reader, unpacked io.Writer, most limits) (*Index, error) {
	source := &bounded{r: r, ctx: ctx}
	unzipped, closing, err := Decompress(bufio.NewReaderSize(source, 64<<10))
	if err != nil {
		return nil, source.because(err)
	}
	defer closing()
	content := &bounded{r: unzipped, ctx: ctx, copyTo: unpacked, limit: most.unpacked}
	b := &builder{most: most}
	if err := b.archive(tar.NewReader(content)); err != nil {
		return nil, source.because(content.because(err))
	}
	// What follows the end of the tar file counts for the digest.
	if _, err := io.Copy(io.Discard, content); err != nil {
		return nil, source.because(content.because(err))
	}
	return &Index{Unpacked: content.n, count: b.count, body: b.body}, nil
}

// ErrCompression says that something has a compression that container runtimes do not read.
var ErrCompression = errors.New("compressed with bzip2 or xz, which container runtimes do not read either")

// Decompress returns what r holds without compression, and a function that frees the memory.
// The first bytes decide: what a manifest says of it is often wrong. A compression that is
// not read is [ErrCompression].
func Decompress(r *bufio.Reader) (io.Reader, func(), error) {
	magic, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	switch s := string(magic); {
	case strings.HasPrefix(s, "\x1f\x8b"):
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, fmt.Errorf("gzip: %w", err)
		}
		return unzipped, func() { unzipped.Close() }, nil
	case s == "\x28\xb5\x2f\xfd" || len(s) == 4 && s[0]&0xf0 == 0x50 && s[1:] == "\x2a\x4d\x18": // a frame, or one to skip
		unzipped, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, fmt.Errorf("zstd: %w", err)
		}
		return unzipped, unzipped.Close, nil
	case strings.HasPrefix(s, "BZh") || s == "\xfd7zX":
		return nil, nil, ErrCompression
	default:
		return r, func() {}, nil
	}
}

// A bounded reader ends with the context, and at its limit. It remembers its error, which
// decompression hides.
type bounded struct {
	r      io.Reader
	ctx    context.Context
	copyTo io.Writer
	limit  int64 // none if 0
	n      int64
	err    error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.err == nil {
		b.err = b.ctx.Err()
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.limit > 0 && b.n > b.limit {
		n, err = 0, fmt.Errorf("unpacks to more than %d MiB", b.limit>>20)
	}
	if b.copyTo != nil {
		if _, err := b.copyTo.Write(p[:n]); err != nil {
			b.err = err
			return 0, err
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// because returns what made the reader fail rather than what came of it.
func (b *bounded) because(err error) error {
	if b.err != nil {
		return b.err
	}
	return err
}

// A builder makes an index.
type builder struct {
	encoder
	most     limits
	count    int
	contents int // bytes
}

func (b *builder) archive(r *tar.Reader) error {
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		// Absolute names and those with ".." are names below the root, as for runtimes.
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return fmt.Errorf("not a tar file that can be read: %w", err)
		}
		e, ok, err := entryOf(h)
		if err == nil && ok && e.Kind == File && e.Mode.IsRegular() {
			err = b.inspect(&e, r)
		}
		if err == nil && ok {
			err = b.add(e)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", text.Shorten(h.Name, 200), err)
		}
	}
}

func (b *builder) add(e Entry) error {
	if b.count++; b.count > b.most.entries {
		return fmt.Errorf("the layer has more than %d files", b.most.entries)
	}
	b.encode(e)
	if len(b.body) > b.most.index {
		return fmt.Errorf("names, links, scripts and settings of the layer have more than %d MiB", b.most.index>>20)
	}
	return nil
}

// entryOf returns what a header of a tar file says, and whether a runtime would heed it.
func entryOf(h *tar.Header) (Entry, bool, error) {
	e := Entry{
		Path: strings.TrimPrefix(path.Clean("/"+h.Name), "/"), Mode: h.FileInfo().Mode() &^ fs.ModeType,
		UID: int64(h.Uid), GID: int64(h.Gid), Capability: h.PAXRecords["SCHILY.xattr.security.capability"],
	}
	// The type of a file is that of its flag: runtimes ignore a type in the mode.
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		e.Size = h.Size
	case tar.TypeDir:
		e.Mode |= fs.ModeDir
	case tar.TypeChar:
		e.Mode |= fs.ModeDevice | fs.ModeCharDevice
	case tar.TypeBlock:
		e.Mode |= fs.ModeDevice
	case tar.TypeFifo:
		e.Mode |= fs.ModeNamedPipe
	case tar.TypeSymlink:
		e.Mode |= fs.ModeSymlink
		e.Link = h.Linkname
	case tar.TypeLink:
		e.Kind, e.Link = HardLink, strings.TrimPrefix(path.Clean("/"+h.Linkname), "/")
	default:
		return e, false, nil
	}
	if err := check(e); err != nil {
		return e, false, err
	}
	return e.whiteout()
}

func check(e Entry) error {
	switch {
	case len(e.Path) > MaxPath || len(e.Link) > MaxPath:
		return fmt.Errorf("a path or link of more than %d bytes", MaxPath)
	case e.UID < 0 || e.GID < 0 || e.UID >= 1<<32 || e.GID >= 1<<32:
		return fmt.Errorf("owner %d:%d: must be 0 to 4294967295", e.UID, e.GID)
	case len(e.Capability) > 64:
		return errors.New("file capabilities of more than 64 bytes")
	case strings.ContainsRune(e.Path, 0) || strings.ContainsRune(e.Link, 0):
		return errors.New("a path or link with a zero byte")
	}
	for component := range strings.SplitSeq(e.Path, "/") {
		if len(component) > maxName {
			return fmt.Errorf("a name of more than %d bytes", maxName)
		}
	}
	return nil
}

// whiteout returns the entry as what it is by its name, and whether it counts.
func (e Entry) whiteout() (Entry, bool, error) {
	const prefix, own, opaque = ".wh.", ".wh..wh.", ".wh..wh..opq"
	dir, name := path.Split(e.Path)
	switch {
	case name == opaque:
		return Entry{Kind: Opaque, Path: strings.TrimSuffix(dir, "/")}, true, nil
	case strings.HasPrefix(e.Path, own), strings.Contains(e.Path, "/"+own):
		return e, false, nil // what AUFS keeps for itself
	case !strings.HasPrefix(name, prefix):
		return e, true, nil
	}
	hidden := strings.TrimPrefix(name, prefix)
	if hidden == "" || hidden == "." || hidden == ".." {
		return e, false, errors.New("a whiteout of no file")
	}
	return Entry{Kind: Whiteout, Path: dir + hidden}, true, nil
}
