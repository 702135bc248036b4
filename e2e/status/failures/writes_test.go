// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package failures

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/status/failures/image"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// The kubelet tells which containers have written nothing.
func TestWrites(t *testing.T) {
	t.Parallel()
	ns := bedtest.Namespace(t, c, "writes", map[string]string{"caseharden.io/warn": "hardened"})
	for name, text := range map[string]string{
		"nothing": "exec sleep 3600",
		"volume":  "head -c 2000000 /dev/zero > /work/x; exec sleep 3600",
		"much":    "head -c 2000000 /dev/zero > /var/x; exec sleep 3600",
		"files":   "mkdir /var/x; for i in $(seq 20); do echo $i > /var/x/$i; done; exec sleep 3600",
	} {
		bedtest.Apply(t, c, ns, application{name: name, image: image.Root, command: script(text)}.manifest())
	}
	want := []string{"nothing", "volume"}
	bedtest.Within(t, soon, "what the kubelet says", func() error {
		var got []string
		for _, w := range status(t, "-n", ns, "--writes").Clusters[0].Writes {
			name, _, _ := strings.Cut(w.Pod, "-")
			got = append(got, name)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("containers that have written nothing (-want +got):\n%s", diff)
		}
		return nil
	})
}
