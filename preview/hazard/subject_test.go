// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"slices"
	"testing"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/imagetest"
)

// What was read or runs beats what the manifest lets one guess.
func TestGuessesYield(t *testing.T) {
	const (
		plain      = `{spec: {containers: [{name: c, image: x}]}}`
		temporary  = `{spec: {volumes: [{name: v, emptyDir: {}}], containers: [{name: c, image: x, volumeMounts: [{name: v, mountPath: /tmp}]}]}}`
		declared   = `{spec: {securityContext: {runAsNonRoot: true}, containers: [{name: c, image: x}]}}`
		allowed    = `{spec: {securityContext: {runAsNonRoot: false}, containers: [{name: c, image: x}]}}`
		adds       = `{spec: {containers: [{name: c, image: x, securityContext: {capabilities: {add: [NET_ADMIN]}}}]}}`
		privileged = `{spec: {containers: [{name: c, image: x, securityContext: {privileged: true}}]}}`
		claim      = `{spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: v}}], containers: [{name: c, image: x, volumeMounts: [{name: v, mountPath: /data}]}]}}`
		chowns     = `{spec: {containers: [{name: c, image: x, command: [sh, -ec, "chown 7 /data; exec server"]}]}}`
	)
	numeric := &evidence.Image{Config: evidence.Config{User: "101", Entrypoint: []string{"server"}}}
	read := &evidence.Image{Config: numeric.Config, Files: imagetest.New(t, "d 755 0:0 /data\nf 755 0:0 /usr/bin/server\nf 755 0:0 /bin/sh", nil)}
	asRoot := &evidence.Image{Config: evidence.Config{Entrypoint: []string{"server"}}, Files: read.Files}
	ten := int64(10001)
	for _, tt := range []struct {
		id, pod, profile string
		to, not          evidence.Facts
	}{
		{"image-user-unknown", plain, "restricted", evidence.Facts{Image: numeric}, evidence.Facts{}},
		{"image-user-replaced", declared, "hardened", evidence.Facts{Image: read}, evidence.Facts{Image: numeric}},
		{"read-only-root", temporary, "hardened", evidence.Facts{Image: read}, evidence.Facts{Image: numeric}},
		{"read-only-root", temporary, "hardened", evidence.Facts{Known: &evidence.Known{UID: &ten}}, evidence.Facts{Known: &evidence.Known{Base: true}}},
		{"read-only-root", plain, "hardened", evidence.Facts{Known: &evidence.Known{UID: &ten, ReadOnlyRoot: true}}, evidence.Facts{Known: &evidence.Known{UID: &ten}}},
		{"read-only-root", plain, "hardened", evidence.Facts{Known: &evidence.Known{UID: &ten, Writes: []string{"/run/x"}}}, evidence.Facts{Image: read}},
		{"root-allowed", allowed, "hardened", evidence.Facts{Image: read}, evidence.Facts{}},
		{"added-capabilities-non-root", adds, "hardened", evidence.Facts{Image: numeric}, evidence.Facts{Image: asRoot}},
		{"added-capabilities-non-root", adds, "hardened",
			evidence.Facts{Status: &evidence.Status{User: &evidence.User{UID: 7}}}, evidence.Facts{Status: &evidence.Status{User: &evidence.User{}}}},
		{"privileged-non-root", privileged, "hardened", evidence.Facts{Image: numeric}, evidence.Facts{Image: asRoot}},
		{"volume-owner", claim, "hardened",
			evidence.Facts{Status: &evidence.Status{User: &evidence.User{UID: 10001}, Ready: true}}, evidence.Facts{Status: &evidence.Status{User: &evidence.User{UID: 7}, Ready: true}}},
		{"command-needs-root", chowns, "hardened", evidence.Facts{Image: asRoot}, evidence.Facts{Image: numeric}},
	} {
		for facts, want := range map[*evidence.Facts]bool{&tt.to: false, &tt.not: true} {
			c := hazardCase{pod: tt.pod, profile: tt.profile}
			found := find(c.pair(t), func(*Subject) evidence.Facts { return *facts })
			if got := slices.ContainsFunc(found, func(f evidence.Finding) bool { return f.ID == tt.id }); got != want {
				t.Errorf("%s with %+v is found: %t, want %t", tt.id, *facts, got, want)
			}
		}
	}
}

// Where an image or facts of it tell of nothing that it writes, nothing shows that it needs a
// place for it.
func TestNoPlaceForTemporaryFiles(t *testing.T) {
	ten := int64(10001)
	read := &evidence.Image{Config: evidence.Config{User: "101", Entrypoint: []string{"server"}}, Files: imagetest.New(t, "f 755 0:0 /usr/bin/server", nil)}
	for _, tt := range []struct {
		facts evidence.Facts
		want  evidence.Verdict
	}{
		{evidence.Facts{}, evidence.Risk},
		{evidence.Facts{Image: &evidence.Image{Config: read.Config}}, evidence.Risk},
		{evidence.Facts{Known: &evidence.Known{UID: &ten}}, evidence.Unknown},
		{evidence.Facts{Image: read}, evidence.Unknown},
	} {
		c := hazardCase{pod: `{spec: {containers: [{name: c, image: x}]}}`, profile: "hardened"}
		found := find(c.pair(t), func(*Subject) evidence.Facts { return tt.facts })
		i := slices.IndexFunc(found, func(f evidence.Finding) bool { return f.ID == "read-only-root" })
		if i < 0 || found[i].Verdict != tt.want {
			t.Errorf("with %+v: found %+v, want read-only-root with verdict %s", tt.facts, found, tt.want)
		}
	}
}
