// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// Mark is the byte order mark with which a text in UTF-8 may begin.
const Mark = "\ufeff"

// decode returns the text of a file as UTF-8, with the byte order mark where it was
// UTF-8 before. Like kubectl it takes UTF-16 by its byte order mark, which is what
// PowerShell's > writes. A text that is not what its mark says is a [*documentError] with
// the line.
func decode(data []byte) (text []byte, isUTF16 bool, err error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		if err := checkUTF8(data); err != nil {
			return nil, false, err
		}
		return data, false, nil
	}
	data = data[2:]
	text = make([]byte, 0, len(data))
	for len(data) >= 2 {
		r := rune(order.Uint16(data))
		size := 2
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if len(data) >= 4 {
				low = rune(order.Uint16(data[2:]))
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				break
			}
			size = 4
		}
		text = utf8.AppendRune(text, r)
		data = data[size:]
	}
	if len(data) > 0 {
		return nil, true, &documentError{lineOf(text, len(text)), "is no text: its byte order mark says UTF-16, which it is not up to its end"}
	}
	return text, true, nil
}

func checkUTF8(data []byte) error {
	for at := 0; at < len(data); {
		if data[at] < utf8.RuneSelf && data[at] != 0 {
			at++
			continue
		}
		r, size := utf8.DecodeRune(data[at:])
		switch {
		case r == 0:
			return &documentError{lineOf(data, at), "is no text: it has a NUL byte; UTF-16 must begin with a byte order mark"}
		case r == utf8.RuneError && size == 1:
			return &documentError{lineOf(data, at), fmt.Sprintf("is no text: the byte 0x%02x is not UTF-8 here", data[at])}
		}
		at += size
	}
	return nil
}
