// SPDX-License-Identifier: Apache-2.0

package layer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
)

// An Index is what is kept of a layer. It is immutable.
type Index struct {
	Unpacked int64 // bytes of the layer without compression
	count    int
	body     []byte // entries, one after the other, each as what it has that the one before has not
}

// Len returns the number of entries.
func (i *Index) Len() int { return i.count }

// What an entry has, beside its kind. The order of the flags is that of the fields.
const (
	hasOwner      = 1 << (iota + 2) // another mode or owner than the entry before
	hasSize                         // other than 0
	hasLink                         //
	hasCapability                   //
	hasProgram                      // an interpreter
	hasContent                      //
	kindMask      = 1<<2 - 1
)

// An encoder writes entries.
type encoder struct {
	body     []byte
	previous Entry
}

func (w *encoder) encode(e Entry) {
	if e.Kind == Whiteout || e.Kind == Opaque || e.Kind == HardLink {
		e.Mode, e.UID, e.GID = w.previous.Mode, w.previous.UID, w.previous.GID // not theirs
	}
	flags := byte(e.Kind)
	set := func(flag byte, holds bool) {
		if holds {
			flags |= flag
		}
	}
	set(hasOwner, e.Mode != w.previous.Mode || e.UID != w.previous.UID || e.GID != w.previous.GID)
	set(hasSize, e.Size != 0)
	set(hasLink, e.Link != "")
	set(hasCapability, e.Capability != "")
	set(hasProgram, e.Interpreter != "")
	set(hasContent, e.HasContent)
	shared := 0
	for shared < min(len(e.Path), len(w.previous.Path)) && e.Path[shared] == w.previous.Path[shared] {
		shared++
	}
	w.body = append(w.body, flags)
	w.number(uint64(shared))
	w.text(e.Path[shared:])
	if flags&hasOwner != 0 {
		w.number(uint64(e.Mode))
		w.number(uint64(e.UID))
		w.number(uint64(e.GID))
	}
	if flags&hasSize != 0 {
		w.number(uint64(e.Size))
	}
	for _, s := range []struct {
		flag byte
		text string
	}{{hasLink, e.Link}, {hasCapability, e.Capability}, {hasProgram, e.Interpreter}, {hasContent, e.Content}} {
		if flags&s.flag != 0 {
			w.text(s.text)
		}
	}
	w.previous = e
}

func (w *encoder) number(n uint64) { w.body = binary.AppendUvarint(w.body, n) }

func (w *encoder) text(s string) {
	w.number(uint64(len(s)))
	w.body = append(w.body, s...)
}

// Entries returns the entries in the order of the tar file.
func (i *Index) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		d := decoder{rest: i.body}
		for d.next() {
			if !yield(d.entry) {
				return
			}
		}
	}
}

// A decoder reads what an encoder wrote.
type decoder struct {
	rest  []byte
	entry Entry
	err   error
}

var errCorrupt = errors.New("not an index of a layer")

// next reads an entry. It returns false at the end, and after an error.
func (d *decoder) next() bool {
	if len(d.rest) == 0 || d.err != nil {
		return false
	}
	flags := d.rest[0]
	d.rest = d.rest[1:]
	previous := d.entry
	e := Entry{Kind: Kind(flags & kindMask), Mode: previous.Mode, UID: previous.UID, GID: previous.GID}
	shared := d.number(uint64(len(previous.Path)))
	if suffix := d.text(MaxPath - int(shared)); d.err == nil {
		e.Path = previous.Path[:shared] + suffix
	}
	if flags&hasOwner != 0 {
		e.Mode = fs.FileMode(d.number(1<<32 - 1))
		e.UID, e.GID = int64(d.number(1<<32-1)), int64(d.number(1<<32-1))
	}
	if flags&hasSize != 0 {
		e.Size = int64(d.number(1<<63 - 1))
	}
	if flags&hasLink != 0 {
		e.Link = d.text(MaxPath)
	}
	if flags&hasCapability != 0 {
		e.Capability = d.text(64)
	}
	if flags&hasProgram != 0 {
		e.Interpreter = d.text(MaxPath)
	}
	if flags&hasContent != 0 {
		e.Content, e.HasContent = d.text(maxContents), true
	}
	if d.err == nil && (!isClean(e.Path) || e.Kind == HardLink && !isClean(e.Link) || !hasOneType(e.Mode)) {
		d.err = errCorrupt
	}
	if d.err == nil {
		d.err = check(e)
	}
	d.entry = e
	return d.err == nil
}

// hasOneType reports whether a mode is of one type of file.
func hasOneType(mode fs.FileMode) bool {
	switch mode.Type() {
	case 0, fs.ModeDir, fs.ModeSymlink, fs.ModeNamedPipe, fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice:
		return true
	}
	return false
}

func isClean(name string) bool { return path.Clean("/"+name) == "/"+name }

func (d *decoder) number(most uint64) uint64 {
	n, size := binary.Uvarint(d.rest)
	if d.err != nil || size <= 0 || n > most {
		d.err = errCorrupt
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) text(most int) string {
	n := int(d.number(uint64(max(0, most))))
	if d.err != nil || n > len(d.rest) {
		d.err = errCorrupt
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

// MarshalBinary returns the index as [Unmarshal] reads it.
func (i *Index) MarshalBinary() ([]byte, error) {
	head := binary.AppendUvarint(nil, uint64(i.Unpacked))
	return append(binary.AppendUvarint(head, uint64(i.count)), i.body...), nil
}

// Unmarshal reads an index, and checks all of it.
func Unmarshal(data []byte) (*Index, error) {
	d := decoder{rest: data}
	i := &Index{Unpacked: int64(d.number(MaxUnpacked)), count: int(d.number(MaxEntries))}
	if d.err != nil {
		return nil, d.err
	}
	i.body = d.rest
	n, contents := 0, 0
	for d.next() {
		n++
		contents += len(d.entry.Content)
	}
	if d.err != nil {
		return nil, d.err
	}
	if n != i.count || contents > maxContents || len(i.body) > MaxIndex {
		return nil, fmt.Errorf("%w: other sizes than it says", errCorrupt)
	}
	return i, nil
}
