// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

func newLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	switch level {
	case "debug":
		options.Level = slog.LevelDebug
	case "info":
		options.Level = slog.LevelInfo
	case "warn":
		options.Level = slog.LevelWarn
	case "error":
		options.Level = slog.LevelError
	default:
		return nil, fmt.Errorf("--log-level %q: must be debug, info, warn or error", level)
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(printable{w}, &options)), nil
	default:
		return nil, fmt.Errorf("--log-format %q: must be text or json", format)
	}
}

// printable writes JSON without the characters that a terminal obeys or hides, such as
// those that turn the direction of text: in JSON, each can be spelt out. The text format
// quotes by the same rule ([strconv.IsPrint]). Package slog spells out only what JSON
// demands.
type printable struct{ w io.Writer }

// Write writes lines of JSON, in which such characters stand in strings only.
func (p printable) Write(lines []byte) (int, error) {
	if ascii(lines) {
		return p.w.Write(lines)
	}
	escaped := make([]byte, 0, 2*len(lines))
	for rest := lines; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == '\n' || strconv.IsPrint(r):
			escaped = append(escaped, rest[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, high, low)
		default:
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		}
		rest = rest[size:]
	}
	if _, err := p.w.Write(escaped); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// ascii reports whether a text has only printable characters of ASCII, and line ends.
func ascii(text []byte) bool {
	for _, b := range text {
		if (b < ' ' || b > '~') && b != '\n' {
			return false
		}
	}
	return true
}
