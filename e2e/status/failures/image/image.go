// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package image has the images whose containers fail: Debian's own programs, with a file
// capability, the setuid bit, and files of a user of the image.
package image

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/caseharden/caseharden/e2e/testbed/debian"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// The names of the images. Both have the same files.
const (
	Root = "images.test/failures/root:1" // starts as root
	App  = "images.test/failures/app:1"  // starts as user app, which is 999
)

// The files of user app are closed to everybody else. User 10001 has an account, without which
// sudo does not work.
const setup = `
echo 'app:x:999:999::/data:/bin/sh' >> /etc/passwd
useradd --no-create-home --uid 10001 web
echo 'ALL ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/all
setcap cap_net_raw+ep /bin/ping
mkdir -p /data/bin
echo secret > /data/bin/secret
for program in /usr/local/bin/private /data/bin/tool; do
  printf '#!/bin/sh\nexec sleep 3600\n' > $program
  chmod 700 $program
done
chmod 700 /data /data/bin
chown -R 999:999 /data /usr/local/bin/private
`

func recipes() map[string]debian.Recipe {
	of := func(user string) debian.Recipe {
		return debian.Recipe{Packages: []string{"iputils-ping", "libcap2-bin", "sudo"}, Setup: setup, Image: debian.Config{User: user}}
	}
	return map[string]debian.Recipe{Root: of(""), App: of("app")}
}

// Build makes the images, unless the user's cache has them. It needs a mirror of Debian.
func Build(ctx context.Context) error {
	builder, err := builder()
	if err != nil {
		return err
	}
	for name, recipe := range recipes() {
		if _, err := builder.Build(ctx, name, recipe); err != nil {
			return err
		}
	}
	return nil
}

// Find returns the archives of the images by their names, which Build must have made.
func Find() (map[string]string, error) {
	builder, err := builder()
	if err != nil {
		return nil, err
	}
	archives := map[string]string{}
	for name, recipe := range recipes() {
		image, found, err := builder.Find(name, recipe)
		if err == nil && !found {
			err = fmt.Errorf("image %s: run go run ./status/failures/image/build in e2e", name)
		}
		if err != nil {
			return nil, err
		}
		archives[name] = image.Archive
	}
	return archives, nil
}

func builder() (debian.Builder, error) {
	bin, err := gobuild.BinDir()
	return debian.Builder{Cache: filepath.Join(filepath.Dir(bin), "images")}, err
}
