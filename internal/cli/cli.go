// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line: flags in, exit code out. Each command has a file.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Run executes a command line and returns the exit code: 0; 1 after stderr said what is
// wrong; or the codes that a command has of its own.
func Run(ctx context.Context, build Build, args []string, stdout, stderr io.Writer) int {
	root := Root(build)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if exit, ok := errors.AsType[exitError](err); ok {
		return int(exit)
	}
	if err != nil {
		fmt.Fprintf(stderr, "caseharden: %s\n", err)
		return 1
	}
	return 0
}

// Root returns the command with all commands below it.
func Root(build Build) *cobra.Command {
	build = build.orFromBinary()
	root := &cobra.Command{
		Use:           "caseharden",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: commandName(os.Args[0])},
		Short:         "Fill in the security settings that the authors of pods left unset",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.Version = build.Version
	root.SetVersionTemplate("caseharden {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newKRMCommand(), newObserveCommand(), newPreviewCommand(), newProfilesCommand(), newServeCommand(build), newStatusCommand(), newTestCommand(), newTrialCommand(), newVersionCommand(build))
	return root
}

// commandName returns what users call the command: installed as kubectl-caseharden
// it is a plugin of kubectl.
func commandName(executable string) string {
	if strings.HasPrefix(filepath.Base(executable), "kubectl-") {
		return "kubectl caseharden"
	}
	return "caseharden"
}

// knownCommand is for commands that only have others below them.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		cmd.SuggestionsMinimumDistance = 2 // as cobra has it where it suggests by itself
		if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
			return fmt.Errorf("%q is not a command: did you mean %s?", args[0], strings.Join(similar, " or "))
		}
		return fmt.Errorf("%q is not a command: %q lists them", args[0], cmd.CommandPath()+" --help")
	}
	return nil
}

// flagError says which flag is wrong, and what would be right.
func flagError(cmd *cobra.Command, err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		wanted := map[string]string{"duration": "a duration, such as 10s", "int": "a whole number", "stringToString": "KEY=VALUE"}
		f := invalid.GetFlag()
		return fmt.Errorf("--%s %q: must be %s", f.Name, invalid.GetValue(), cmp.Or(wanted[f.Value.Type()], "a "+f.Value.Type()))
	}
	return fmt.Errorf("%w: %q lists the flags", err, cmd.CommandPath()+" --help")
}

// noArguments is for commands that take flags only.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("argument %q: %s takes none", args[0], cmd.CommandPath())
	}
	return nil
}
