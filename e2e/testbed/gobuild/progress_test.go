// SPDX-License-Identifier: Apache-2.0

package gobuild

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress(t *testing.T) {
	for name, tt := range map[string]struct {
		lasts time.Duration
		want  string
	}{
		"short": {4 * time.Second, ""},
		"long": {11 * time.Second, "building x: 3 of 9, 5s\n" +
			"building x: 3 of 9, 10s\n" +
			"building x: ended after 11s\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				p := startProgress(&out, "building x")
				p.set("%d of %d", 3, 9)
				time.Sleep(tt.lasts)
				p.end()
				if out.String() != tt.want {
					t.Errorf("progress:\n%swant:\n%s", out.String(), tt.want)
				}
			})
		})
	}
}
