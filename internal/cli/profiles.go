// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/internal/suggest"
	"github.com/caseharden/caseharden/preview"
)

const profilesFlagHelp = "directory with profile files (*.yaml, *.yml, *.json); can be given several times"

// loadProfiles reads the profiles of the directories, and returns them together
// with the built-in ones.
func loadProfiles(dirs []string) ([]*defaults.Profile, error) {
	profiles, _, err := readProfiles(dirs)
	return profiles, err
}

// readProfiles returns what [loadProfiles] does, and the files that it read.
func readProfiles(dirs []string) ([]*defaults.Profile, []profile.File, error) {
	var files profileFiles
	if err := files.addDirs(dirs); err != nil {
		return nil, nil, err
	}
	profiles, err := files.parse()
	return profiles, files.files, err
}

// profileFiles are files to parse together, each once.
type profileFiles struct {
	files []profile.File
	infos []os.FileInfo // of each
}

// parse parses the files. Each error of each file is on a line of its own, as
// compilers write them.
func (p *profileFiles) parse() ([]*defaults.Profile, error) {
	profiles, err := profile.Parse(p.files)
	if err != nil {
		return nil, fmt.Errorf("profiles with errors:\n%w", err)
	}
	return profiles, nil
}

// addDirs adds the files of the directories that --profiles names.
func (p *profileFiles) addDirs(dirs []string) error {
	for _, dir := range dirs {
		if err := p.addDir(dir); err != nil {
			return fmt.Errorf("--profiles %w", err)
		}
	}
	return nil
}

// addDir adds the profile files of a directory, but not of those below: a mounted
// ConfigMap has its files twice, the second time below a hidden one.
func (p *profileFiles) addDir(dir string) error {
	if dir == "" {
		return errors.New(`"": must name a directory`)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("%q: %w", dir, withoutPath(err))
	}
	found := false
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") || !isProfileFile(entry.Name()) {
			continue
		}
		found = true
		if err := p.addFile(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%q: holds no profile file, whose name ends in .yaml, .yml or .json", dir)
	}
	return nil
}

func isProfileFile(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

// addFile adds a file, unless it is there already.
func (p *profileFiles) addFile(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("%q: %w", name, withoutPath(err))
	}
	if slices.ContainsFunc(p.infos, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("%q: %w", name, withoutPath(err))
	}
	p.files, p.infos = append(p.files, profile.File{Name: name, Data: data}), append(p.infos, info)
	return nil
}

func newProfilesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profiles",
		Short: "List, show, validate and export profiles",
		Long: `List, show and check profiles: what is filled in, and where not.

The profiles compatible, hardened and restricted are built in. Others are files:

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
	cmd.AddCommand(newProfilesListCommand(), newProfilesShowCommand(), newProfilesValidateCommand(), newProfilesExportCommand())
	return cmd
}

func newProfilesShowCommand() *cobra.Command {
	var dirs []string
	var knownImages bool
	var output string
	cmd := &cobra.Command{
		Use:   "show {NAME | --known [IMAGE]}",
		Short: "Print a profile, complete with what it has from its base",
		Long: `Print a profile, complete with what it has from its base.

With --known, print what public sources say of well-known images: their users,
what they write to at start, and what they need. The facts hold for the image of
its publisher, and only under its own name.`,
		Example: `  # What does hardened fill in?
  caseharden profiles show hardened

  # Of which images is something known, and what is known of one of them?
  caseharden profiles show --known
  caseharden profiles show --known postgres:17-alpine -o yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case knownImages && len(args) > 1:
				return errors.New("caseharden profiles show --known takes one image, or none for all")
			case !knownImages && len(args) != 1:
				return errors.New(`caseharden profiles show takes the name of one profile: "caseharden profiles list" lists them`)
			case !knownImages && output != "":
				return errors.New("--output is for --known: a profile is YAML")
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 || knownImages {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return completeProfiles(dirs)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if knownImages {
				return showKnown(cmd.OutOrStdout(), strings.Join(args, ""), cmp.Or(output, "table"))
			}
			profiles, err := loadProfiles(dirs)
			if err != nil {
				return err
			}
			p, err := findProfile(profiles, args[0])
			if err != nil {
				return err
			}
			data, err := profile.YAML(p)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(data)
			return err
		},
	}
	cmd.Flags().StringArrayVar(&dirs, "profiles", nil, profilesFlagHelp)
	cmd.Flags().BoolVar(&knownImages, "known", false, "show facts about well-known images instead: of one, or of all")
	cmd.Flags().StringVarP(&output, "output", "o", "", "with --known, form of the output: table (the default), name, json, yaml")
	complete(cmd, "profiles", completeDirs)
	complete(cmd, "output", completeWords("table", "name", "json", "yaml"))
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
	if closest := suggest.Closest(name, names); closest != "" {
		return nil, fmt.Errorf("there is no profile %q: did you mean %s?", name, closest)
	}
	return nil, fmt.Errorf("there is no profile %q: there are %s; --profiles adds those of a directory", name, strings.Join(names, ", "))
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
	var dirs []string
	cmd := &cobra.Command{
		Use:   "validate FILE|DIR...",
		Short: "Check profile files, and report all that is wrong in them",
		Example: `  # A file, or all of a directory, as "serve --profiles" would read them
  caseharden profiles validate legacy.yaml
  caseharden profiles validate ./profiles

  # A file whose base is in another directory
  caseharden profiles validate legacy.yaml --profiles ./profiles`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("caseharden profiles validate takes the files or directories to check")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return validateProfiles(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, dirs)
		},
	}
	cmd.Flags().StringArrayVar(&dirs, "profiles", nil, "directory with profile files to look for bases in; can be given several times")
	complete(cmd, "profiles", completeDirs)
	return cmd
}

// validateProfiles checks files and directories. Bases can also be in the dirs. An exception
// that should have been reviewed is no error, since a file that was valid stays so.
func validateProfiles(w, stderr io.Writer, names, dirs []string) error {
	var files profileFiles
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("%q: %w", name, withoutPath(err))
		}
		add := files.addFile
		if info.IsDir() {
			add = files.addDir
		}
		if err := add(name); err != nil {
			return err
		}
	}
	checked := len(files.files)
	if err := files.addDirs(dirs); err != nil {
		return err
	}
	profiles, err := files.parse()
	if err != nil {
		return err
	}
	for _, p := range profiles {
		if slices.ContainsFunc(files.files[:checked], func(file profile.File) bool { return file.Name == p.File }) {
			fmt.Fprintf(w, "profile %s is valid\n", p.Name)
		}
	}
	warned := map[string]bool{} // a base's exceptions are those of other profiles too
	for _, p := range profiles {
		for _, e := range p.Exceptions {
			if e.Overdue(today()) && !warned[e.Place] {
				warned[e.Place] = true
				fmt.Fprintf(stderr, "caseharden: warning: %s\n", preview.DescribeException(e.Place, preview.OverdueText(&e), e.Reason, e.Owner))
			}
		}
	}
	return nil
}
