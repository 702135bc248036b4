// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
)

// version and revision are set by the linker, -ldflags "-X main.version=1.2.3", as the
// build of an image does not see the repository.
var version, revision string

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, r := buildVersion()
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "caseharden %s (revision %s, %s, %s/%s)\n", v, r, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// buildVersion returns the version and the revision of the source that this
// binary was built from, as far as they are known.
func buildVersion() (v, r string) {
	v, r = version, revision
	if info, ok := debug.ReadBuildInfo(); ok {
		v = cmp.Or(v, info.Main.Version)
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				r = cmp.Or(r, setting.Value)
			}
		}
	}
	return cmp.Or(v, "unknown"), cmp.Or(r, "unknown")
}

func registerBuildInfo(registerer prometheus.Registerer) {
	v, r := buildVersion()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "caseharden_build_info",
		Help:        "Always 1; the labels say what is running.",
		ConstLabels: prometheus.Labels{"version": v, "revision": r, "goversion": runtime.Version()},
	})
	info.Set(1)
	registerer.MustRegister(info)
}
