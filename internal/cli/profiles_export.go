// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caseharden/caseharden/mutate"
	"github.com/caseharden/caseharden/policy"
)

func newProfilesExportCommand() *cobra.Command {
	var dirs, modes, excluded []string
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Print a profile as admission policies, which need no webhook",
		Long: `Print a profile as admission policies and their bindings. The API server then fills in
the settings by itself, for namespaces with the same labels as for the webhook.

Mode enforce is a MutatingAdmissionPolicy, and needs Kubernetes 1.36 or later. The modes
warn and audit are ValidatingAdmissionPolicies, and need 1.30. What is lost compared with
the webhook is listed at the beginning of the output.`,
		Example: `  # The profile hardened, for all modes
  caseharden profiles export hardened | kubectl apply -f -

  # A profile of a directory, to enforce it only
  caseharden profiles export legacy-java --profiles ./profiles --mode enforce`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New(`caseharden profiles export takes the name of one profile: "caseharden profiles list" lists them`)
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return completeProfiles(dirs)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen, err := parseModes(modes)
			if err != nil {
				return err
			}
			profiles, err := loadProfiles(dirs)
			if err != nil {
				return err
			}
			p, err := findProfile(profiles, args[0])
			if err != nil {
				return err
			}
			text, err := policy.Export(p, chosen, excluded)
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), text)
			return err
		},
	}
	cmd.Flags().StringSliceVar(&modes, "mode", modeNames(), "modes to export: enforce, warn, audit")
	cmd.Flags().StringSliceVar(&excluded, "exclude-namespaces", []string{"kube-system"}, "namespaces in which nothing is filled in, whatever their labels say")
	cmd.Flags().StringArrayVar(&dirs, "profiles", nil, profilesFlagHelp)
	complete(cmd, "profiles", completeDirs)
	complete(cmd, "mode", completeWords(modeNames()...))
	return cmd
}

func modeNames() []string {
	var names []string
	for _, mode := range mutate.Modes() {
		names = append(names, string(mode))
	}
	return names
}

// parseModes returns the modes of the names, in the order of mutate.Modes.
func parseModes(names []string) ([]mutate.Mode, error) {
	for _, name := range names {
		if !slices.Contains(modeNames(), name) {
			return nil, fmt.Errorf("--mode %q: must be %s", name, strings.Join(modeNames(), ", "))
		}
	}
	modes := slices.DeleteFunc(mutate.Modes(), func(mode mutate.Mode) bool { return !slices.Contains(names, string(mode)) })
	if len(modes) == 0 {
		return nil, errors.New("--mode: must name at least one mode")
	}
	return modes, nil
}
