// SPDX-License-Identifier: Apache-2.0

package layer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// elfInterpreter returns the interpreter that an ELF program names (PT_INTERP); "" for one that
// needs none, and for one that no kernel would execute. It reads r, which continues head, only
// forwards and no further than it must: the program itself is not kept.
func elfInterpreter(head []byte, r io.Reader) (string, error) {
	f := &forward{kept: head, r: r}
	programs, err := f.programHeaders()
	if err != nil || programs == nil {
		return "", err
	}
	for _, p := range programs {
		const ptInterp = 3
		if p.kind != ptInterp || p.size == 0 || p.size > MaxPath {
			continue
		}
		name, err := f.at(p.offset, p.size)
		if err != nil || name == nil {
			return "", err
		}
		name, _, _ = bytes.Cut(name, []byte{0})
		return string(name), nil
	}
	return "", nil
}

type programHeader struct {
	kind         uint32
	offset, size uint64
}

// programHeaders returns nil where the file is none that can be executed.
func (f *forward) programHeaders() ([]programHeader, error) {
	header, err := f.at(0, 64)
	if err != nil || header == nil {
		return nil, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if header[5] == 2 {
		order = binary.BigEndian
	}
	var at uint64
	var size, count, minSize int
	wide := header[4] == 2
	if wide {
		at, size, count, minSize = order.Uint64(header[32:]), int(order.Uint16(header[54:])), int(order.Uint16(header[56:])), 56
	} else {
		at, size, count, minSize = uint64(order.Uint32(header[28:])), int(order.Uint16(header[42:])), int(order.Uint16(header[44:])), 32
	}
	if size < minSize || size*count > 64<<10 { // as Linux has it
		return nil, nil
	}
	table, err := f.at(at, uint64(size*count))
	if err != nil || table == nil {
		return nil, err
	}
	var programs []programHeader
	for ; len(table) >= size && size > 0; table = table[size:] {
		if wide {
			programs = append(programs, programHeader{order.Uint32(table), order.Uint64(table[8:]), order.Uint64(table[32:])})
		} else {
			programs = append(programs, programHeader{order.Uint32(table), uint64(order.Uint32(table[4:])), uint64(order.Uint32(table[16:]))})
		}
	}
	return programs, nil
}

// A forward reader returns parts of a file that comes as a stream. It keeps the first bytes.
type forward struct {
	kept    []byte
	r       io.Reader
	skipped uint64 // bytes after kept that are gone
}

// at returns the bytes at an offset, and nil where the file ends before, or where they are gone.
func (f *forward) at(offset, size uint64) ([]byte, error) {
	const maxKept = 64 << 10
	end := offset + size
	if end < offset {
		return nil, nil
	}
	if end <= maxKept && f.skipped == 0 && end > uint64(len(f.kept)) {
		more := make([]byte, end-uint64(len(f.kept)))
		n, err := io.ReadFull(f.r, more)
		f.kept = append(f.kept[:len(f.kept):len(f.kept)], more[:n]...)
		if err != nil && !isEnd(err) {
			return nil, err
		}
	}
	if end <= uint64(len(f.kept)) {
		return f.kept[offset:end], nil
	}
	position := uint64(len(f.kept)) + f.skipped
	if offset < position || end <= maxKept || offset > 1<<40 {
		return nil, nil
	}
	part := make([]byte, size)
	skipped, err := io.CopyN(io.Discard, f.r, int64(offset-position))
	f.skipped += uint64(skipped)
	if err == nil {
		var n int
		n, err = io.ReadFull(f.r, part)
		f.skipped += uint64(n)
	}
	if isEnd(err) {
		return nil, nil
	}
	return part, err
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
