// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/caseharden/caseharden/evidence/image/layer"
)

// maxUnpacked is how large an archive may be without compression: all of it is on disk, and a
// few kilobytes can be made to unpack to that.
const maxUnpacked = 16 << 30

// unpack returns an archive as a file that can be read at any place: the file itself, or a
// temporary one with what it holds without compression. It closes the file if it returns
// another or an error.
func unpack(f *os.File, limit int64) (*os.File, error) {
	r, free, err := layer.Decompress(bufio.NewReader(f))
	if err != nil {
		f.Close()
		if errors.Is(err, layer.ErrCompression) {
			return nil, &KindError{"is compressed with xz or bzip2", "unpack it with unxz or bunzip2: gzip and zstd need no unpacking"}
		}
		return nil, err
	}
	defer free()
	if _, same := r.(*bufio.Reader); same {
		_, err := f.Seek(0, io.SeekStart)
		return f, err
	}
	defer f.Close()
	to, err := os.CreateTemp("", "caseharden-*.tar")
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(to, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("unpacks to more than %d MiB", limit>>20)
	}
	if err == nil {
		_, err = to.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, to.Close(), os.Remove(to.Name()))
	}
	return to, nil
}
