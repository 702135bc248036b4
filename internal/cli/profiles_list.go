// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/term"
)

func newProfilesListCommand() *cobra.Command {
	var dirs []string
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the profiles, with what each fills in",
		Example: `  # The built-in profiles
  caseharden profiles list

  # With those of a directory
  caseharden profiles list --profiles ./profiles

  # Only the names, for a script
  caseharden profiles list -o name`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write, found := profileLists[output]
			if !found {
				return fmt.Errorf("--output %q: must be table or name", output)
			}
			profiles, err := loadProfiles(dirs)
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), write(profiles))
			return err
		},
	}
	cmd.Flags().StringArrayVar(&dirs, "profiles", nil, profilesFlagHelp)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "form of the output: table, name")
	complete(cmd, "profiles", completeDirs)
	complete(cmd, "output", completeWords("table", "name"))
	return cmd
}

// profileLists are the forms of output.
var profileLists = map[string]func([]*defaults.Profile) string{"table": profileTable, "name": profileLines}

// profileLines lists the names, one on each line.
func profileLines(profiles []*defaults.Profile) string {
	var b strings.Builder
	for _, p := range profiles {
		b.WriteString(p.Name + "\n")
	}
	return b.String()
}

// profileTable lists the profiles with the members of their spec, in lines of at most
// 80 characters where words are short enough.
func profileTable(profiles []*defaults.Profile) string {
	const lineWidth, maxNameWidth = 80, 24 // a longer name has a line of its own
	nameWidth := len("NAME")
	for _, p := range profiles {
		nameWidth = max(nameWidth, min(len(p.Name), maxNameWidth))
	}
	var b strings.Builder
	row := func(name string, lines []string) {
		if len(name) > nameWidth {
			b.WriteString(name + "\n")
			name = ""
		}
		for _, line := range lines {
			fmt.Fprintf(&b, "%-*s   %s\n", nameWidth, name, line)
			name = ""
		}
	}
	row("NAME", []string{"FILLS IN"})
	for _, p := range profiles {
		var lines []string
		for _, member := range specOf(p) {
			lines = append(lines, term.Wrap(member, lineWidth-nameWidth-3)...)
		}
		row(p.Name, lines)
	}
	return b.String()
}

// specOf returns what a profile has, one text for each member of its spec.
func specOf(p *defaults.Profile) []string {
	var paths, all []string
	for _, w := range p.WritablePaths {
		paths = append(paths, w.Path)
	}
	for _, member := range []struct {
		name   string
		values []string
	}{{"container", fieldNames(p.Container)}, {"pod", fieldNames(p.Pod)}, {"writablePaths", paths}} {
		if len(member.values) > 0 {
			all = append(all, member.name+": "+strings.Join(member.values, ", "))
		}
	}
	if len(p.Exceptions) > 0 {
		all = append(all, fmt.Sprintf("exceptions: %d", len(p.Exceptions)))
	}
	if len(p.SelfService) > 0 {
		var names []string
		for _, f := range p.SelfService {
			names = append(names, f.Name)
		}
		all = append(all, "selfService: "+strings.Join(names, ", "))
	}
	return all
}

func fieldNames(all []defaults.Default) []string {
	var names []string
	for _, d := range all {
		names = append(names, d.Field.Name)
	}
	return names
}
