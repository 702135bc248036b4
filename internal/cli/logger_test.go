// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// In both formats a line shows all that is in it, whatever a request says: no character
// moves a cursor, hides, or turns the direction of text. JSON keeps the value.
func TestLogIsPrintable(t *testing.T) {
	all := "plain \"quoted\" \\ <é漢> \u202e\u2066\u200b\ufeff\u0085\u009b\u2028\U000e0041\U0001f600\u00ad\u00a0\x7f"
	for r := range ' ' {
		all += string(r)
	}
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			var log bytes.Buffer
			logger, err := newLogger(&log, "info", format)
			if err != nil {
				t.Fatal(err)
			}
			logger.Info("review", "name", all, "injected", json.RawMessage(`{"profile":`+mustQuote(t, all)+`}`))
			line := log.String()
			if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
				t.Errorf("not one line: %q", line)
			}
			for _, r := range strings.TrimSuffix(line, "\n") {
				if !strconv.IsPrint(r) || r == utf8.RuneError {
					t.Errorf("%U is in the line", r)
				}
			}
			if !strings.Contains(line, "é漢") || !strings.Contains(line, "😀") {
				t.Errorf("printable characters are spelt out: %s", line)
			}
			if format == "text" {
				return
			}
			var got struct {
				Name     string
				Injected struct{ Profile string }
			}
			if err := json.Unmarshal(log.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if got.Name != all || got.Injected.Profile != all {
				t.Errorf("got %q and %q, want %q", got.Name, got.Injected.Profile, all)
			}
		})
	}
}

func mustQuote(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}
