// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// A Build says which source the binary was built from. What is empty is read from the
// binary.
type Build struct{ Version, Revision string }

// orFromBinary fills in what Go has noted in the binary, or "unknown".
func (b Build) orFromBinary() Build {
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version = cmp.Or(b.Version, info.Main.Version)
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				b.Revision = cmp.Or(b.Revision, setting.Value)
			}
		}
	}
	return Build{cmp.Or(b.Version, "unknown"), cmp.Or(b.Revision, "unknown")}
}

func newVersionCommand(build Build) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "caseharden %s (revision %s, %s, %s/%s)\n",
				build.Version, build.Revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
