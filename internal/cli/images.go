// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caseharden/caseharden/evidence/image"
	"github.com/caseharden/caseharden/evidence/image/source"
	"github.com/caseharden/caseharden/evidence/image/store"
)

// imagesOptions are the flags of preview that say which images are read, and from where.
type imagesOptions struct {
	read        string
	local       []string
	platform    string
	authorities string
	insecure    []string
}

// What --images may say.
const (
	imagesNone   = "none"
	imagesConfig = "config"
	imagesLayers = "layers"
)

var imagesValues = []string{imagesLayers, imagesConfig, imagesNone}

func (o *imagesOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.read, "images", imagesNone, "read the images that the manifests name: layers (all that findings need), config (only configurations), or none")
	f.Lookup("images").NoOptDefVal = imagesLayers
	f.StringArrayVar(&o.local, "image", nil, "with --images, read an image from local content: NAME=oci:DIR, NAME=oci-archive:FILE or NAME=docker-archive:FILE; can be given several times")
	f.StringVar(&o.platform, "platform", "", "with --images, platform of the images, such as linux/arm64 (default that of the Nodes among the manifests, else linux/amd64)")
	f.StringVar(&o.authorities, "registry-ca", "", "with --images, file of certificates in PEM to trust for registries, in addition to those of the system")
	f.StringArrayVar(&o.insecure, "insecure-registry", nil, "with --images, host that may be spoken to without TLS, as loopback addresses may; can be given several times")
	complete(cmd, "images", completeWords(imagesValues...))
}

// open returns a reader of images, or nil if none are to be read.
func (o *imagesOptions) open() (*image.Reader, error) {
	switch {
	case !slices.Contains(imagesValues, o.read):
		return nil, fmt.Errorf("--images=%s: must be layers, config or none", o.read)
	case o.read == imagesNone:
		for _, flag := range []struct {
			name  string
			given bool
		}{
			{"image", len(o.local) > 0}, {"platform", o.platform != ""},
			{"registry-ca", o.authorities != ""}, {"insecure-registry", len(o.insecure) > 0},
		} {
			if flag.given {
				return nil, fmt.Errorf("--%s: no image is read: give --images too", flag.name)
			}
		}
		return nil, nil
	}
	options := image.Options{ConfigOnly: o.read == imagesConfig, Platform: o.platform, Insecure: o.insecure}
	var err error
	if options.Local, err = o.localContent(); err != nil {
		return nil, err
	}
	if o.authorities != "" {
		if options.Authorities, err = os.ReadFile(o.authorities); err != nil {
			return nil, fmt.Errorf("--registry-ca: %w", err)
		}
	}
	if options.Credentials, err = source.LoadCredentials(os.Getenv); err != nil {
		return nil, err
	}
	if options.CacheDir, err = store.DefaultDir(); err != nil {
		options.CacheDir = "" // a temporary directory
	}
	reader, err := image.New(options)
	if wrong, ok := errors.AsType[*image.OptionError](err); ok {
		return nil, o.wrong(wrong)
	}
	return reader, err
}

// wrong says which flag is wrong.
func (o *imagesOptions) wrong(e *image.OptionError) error {
	switch e.Option {
	case "Platform":
		return fmt.Errorf("--platform %w", e.Err)
	case "Local":
		return fmt.Errorf("--image %w", e.Err)
	case "Insecure":
		return fmt.Errorf("--insecure-registry %w", e.Err)
	case "Authorities":
		return fmt.Errorf("--registry-ca %s: %w", o.authorities, e.Err)
	}
	return fmt.Errorf("--images: %w", e.Err)
}

func (o *imagesOptions) localContent() (map[string]string, error) {
	local := map[string]string{}
	for _, given := range o.local {
		name, where, ok := strings.Cut(given, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--image %q: must be NAME=oci:DIR, NAME=oci-archive:FILE or NAME=docker-archive:FILE", given)
		}
		if _, twice := local[name]; twice {
			return nil, fmt.Errorf("--image %s: given twice", name)
		}
		local[name] = where
	}
	return local, nil
}
