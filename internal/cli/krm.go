// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/caseharden/caseharden/internal/krm"
	"github.com/caseharden/caseharden/preview"
)

func newKRMCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "krm",
		Short: "Preview as a function of kustomize and kpt: a ResourceList in, a ResourceList out",
		Long: `Read a ResourceList on standard input, and write it with what a profile adds to its
items and with the findings as results. kustomize and kpt call this command; its
settings are the functionConfig, which is a ConfigMap or a Profile of your own.

The data of the ConfigMap:
  profile      the profile: hardened, if it is not set
  mode         fill adds the settings; check only reports. fill, if it is not set
  failOn       breaks or risk: findings that are errors. breaks, if it is not set
  minSeverity  leave out findings below this severity

For kustomize, name it under transformers, also with mode check.

Exit codes: 0; 1 if a result is an error, while the output is complete, or if the
ResourceList could not be read.`,
		Example: `  # The configuration of the function, harden.yaml, named under transformers: in kustomization.yaml
  apiVersion: v1
  kind: ConfigMap
  metadata:
    name: harden
    annotations:
      config.kubernetes.io/function: |
        exec: {path: caseharden, args: [krm]}
  data: {profile: restricted}

  kustomize build --enable-alpha-plugins --enable-exec .`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			input, err := io.ReadAll(cmd.InOrStdin())
			if err != nil {
				return fmt.Errorf("standard input: %w", err)
			}
			output, errs, err := krm.Run(input, preview.Options{Today: today(), Known: knownImage})
			if err != nil {
				return err
			}
			if _, err := cmd.OutOrStdout().Write(output); err != nil {
				return err
			}
			for _, e := range errs { // kustomize shows no results
				fmt.Fprintf(cmd.ErrOrStderr(), "caseharden: %s\n", e)
			}
			if len(errs) > 0 {
				return exitError(1)
			}
			return nil
		},
	}
}
