// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/caseharden/caseharden/defaults"
)

const profilesFlagHelp = "directory with profile files (*.yaml, *.yml, *.json); can be given several times"

// loadProfiles reads the profiles of the directories, and returns them together
// with the built-in ones.
func loadProfiles(dirs []string) ([]*defaults.Profile, error) {
	var files []defaults.ProfileFile
	for i, dir := range dirs {
		if slices.Contains(dirs[:i], dir) {
			continue // shell completion gives flags twice
		}
		found, err := readProfileDir(dir)
		if err != nil {
			return nil, fmt.Errorf("--profiles %w", err)
		}
		files = append(files, found...)
	}
	return parseProfiles(files)
}

// parseProfiles reads files; the errors of all of them come each on a line of its
// own, as compilers have it.
func parseProfiles(files []defaults.ProfileFile) ([]*defaults.Profile, error) {
	profiles, err := defaults.ParseProfiles(files)
	if err != nil {
		return nil, fmt.Errorf("profiles with errors:\n%w", err)
	}
	return profiles, nil
}

// readProfileDir reads the profile files of a directory, but not of those below:
// a mounted ConfigMap has its files twice, the second time below a hidden one.
func readProfileDir(dir string) ([]defaults.ProfileFile, error) {
	if dir == "" {
		return nil, errors.New(`"": must name a directory`)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", dir, withoutPath(err))
	}
	var files []defaults.ProfileFile
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") || !isProfileFile(entry.Name()) {
			continue
		}
		file, err := readProfileFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%q: holds no profile file, whose name ends in .yaml, .yml or .json", dir)
	}
	return files, nil
}

func isProfileFile(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

func readProfileFile(name string) (defaults.ProfileFile, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return defaults.ProfileFile{}, fmt.Errorf("%q: %w", name, withoutPath(err))
	}
	return defaults.ProfileFile{Name: name, Data: data}, nil
}

func newProfilesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profiles",
		Short: "List, show and check profiles",
		Long: `List, show and check profiles: what is filled in, and where not.

The profiles hardened and restricted are built in. Others are files:

  apiVersion: caseharden.io/v1alpha1
  kind: Profile
  metadata:
    name: legacy-java
  spec:
    base: hardened              # start from another profile
    container:                  # a SecurityContext; null removes a field of the base
      runAsUser: 1000
      readOnlyRootFilesystem: null`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newProfilesListCommand(), newProfilesShowCommand(), newProfilesValidateCommand())
	return cmd
}

func newProfilesListCommand() *cobra.Command {
	var dirs []string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the profiles, with what each fills in",
		Example: `  # The built-in profiles
  caseharden profiles list

  # With those of a directory
  caseharden profiles list --profiles ./profiles`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			profiles, err := loadProfiles(dirs)
			if err != nil {
				return err
			}
			return listProfiles(cmd.OutOrStdout(), profiles)
		},
	}
	cmd.Flags().StringArrayVar(&dirs, "profiles", nil, profilesFlagHelp)
	return cmd
}

func listProfiles(w io.Writer, profiles []*defaults.Profile) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tCONTAINER\tPOD\tWRITABLE PATHS\tEXCEPTIONS")
	for _, p := range profiles {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\n", p.Name, fieldNames(p.Container), fieldNames(p.Pod), pathNames(p.WritablePaths), len(p.Exceptions))
	}
	return table.Flush()
}

func fieldNames(all []defaults.Default) string {
	var names []string
	for _, d := range all {
		names = append(names, d.Field.Name)
	}
	return orDash(names)
}

func pathNames(paths []defaults.WritablePath) string {
	var names []string
	for _, p := range paths {
		names = append(names, p.Path)
	}
	return orDash(names)
}

func orDash(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ",")
}

func newProfilesShowCommand() *cobra.Command {
	var dirs []string
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Print a profile, complete with what it has from its base",
		Example: `  # What does hardened fill in?
  caseharden profiles show hardened`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New(`caseharden profiles show takes the name of one profile: "caseharden profiles list" lists them`)
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
			profiles, err := loadProfiles(dirs)
			if err != nil {
				return err
			}
			p, err := findProfile(profiles, args[0])
			if err != nil {
				return err
			}
			data, err := p.YAML()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(data)
			return err
		},
	}
	cmd.Flags().StringArrayVar(&dirs, "profiles", nil, profilesFlagHelp)
	return cmd
}

// findProfile returns the profile of a name, or an error that lists the names.
func findProfile(profiles []*defaults.Profile, name string) (*defaults.Profile, error) {
	var names []string
	for _, p := range profiles {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return nil, fmt.Errorf("there is no profile %q: there are %s; --profiles adds those of a directory", name, strings.Join(names, ", "))
}

// profileNames returns the names of profiles, for the log.
func profileNames(profiles []*defaults.Profile) string {
	var names []string
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return strings.Join(names, ",")
}

// completeProfiles returns the names of profiles for a shell.
func completeProfiles(dirs []string) ([]string, cobra.ShellCompDirective) {
	profiles, err := loadProfiles(dirs)
	if err != nil {
		cobra.CompErrorln(err.Error())
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func newProfilesValidateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE|DIR...",
		Short: "Check profile files, and report all that is wrong in them",
		Example: `  # A file, or all of a directory, as "serve --profiles" would read them
  caseharden profiles validate legacy.yaml
  caseharden profiles validate ./profiles`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("caseharden profiles validate takes the files or directories to check")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return validateProfiles(cmd.OutOrStdout(), args) },
	}
}

func validateProfiles(w io.Writer, names []string) error {
	var files []defaults.ProfileFile
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("%q: %w", name, withoutPath(err))
		}
		if info.IsDir() {
			found, err := readProfileDir(name)
			if err != nil {
				return err
			}
			files = append(files, found...)
			continue
		}
		file, err := readProfileFile(name)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	builtin, err := defaults.Builtin()
	if err != nil {
		return err
	}
	profiles, err := parseProfiles(files)
	if err != nil {
		return err
	}
	for _, p := range profiles {
		if !slices.ContainsFunc(builtin, func(b *defaults.Profile) bool { return b.Name == p.Name }) {
			fmt.Fprintf(w, "profile %s is valid\n", p.Name)
		}
	}
	return nil
}
