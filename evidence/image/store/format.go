// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/caseharden/caseharden/evidence/image/layer"
)

// header begins every file, so that people see what it is.
const header = "caseharden index of an image layer\n"

// EncodeAll and DecodeAll of these may be called by several goroutines.
var (
	compressor = sync.OnceValue(func() *zstd.Encoder {
		return must(zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithEncoderLevel(zstd.SpeedFastest)))
	})
	decompressor = sync.OnceValue(func() *zstd.Decoder {
		return must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(layer.MaxIndex+1<<10)))
	})
)

func must[T any](value T, err error) T {
	if err != nil {
		panic("internal error: " + err.Error()) // the options are constants
	}
	return value
}

// A file is the header, the SHA-256 of what follows, and, compressed, the digest of the layer
// in a line and the index.
func encode(digest string, index *layer.Index) ([]byte, error) {
	body, err := index.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return seal(digest, body), nil
}

func seal(digest string, body []byte) []byte {
	compressed := compressor().EncodeAll(append([]byte(digest+"\n"), body...), nil)
	sum := sha256.Sum256(compressed)
	return slices.Concat([]byte(header), sum[:], compressed)
}

var errDamaged = errors.New("damaged")

func decode(digest string, data []byte) (*layer.Index, error) {
	rest, ok := bytes.CutPrefix(data, []byte(header))
	if !ok || len(rest) < sha256.Size {
		return nil, errDamaged
	}
	sum, compressed := rest[:sha256.Size], rest[sha256.Size:]
	if actual := sha256.Sum256(compressed); !bytes.Equal(sum, actual[:]) {
		return nil, errDamaged
	}
	body, err := decompressor().DecodeAll(compressed, nil)
	if err != nil {
		return nil, err
	}
	body, ok = bytes.CutPrefix(body, []byte(digest+"\n"))
	if !ok {
		return nil, errDamaged
	}
	return layer.Unmarshal(body)
}
