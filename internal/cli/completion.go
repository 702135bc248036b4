// SPDX-License-Identifier: Apache-2.0

package cli

import "github.com/spf13/cobra"

// complete says what a shell offers as the value of a flag.
func complete(cmd *cobra.Command, flag string, values func() ([]string, cobra.ShellCompDirective)) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) { return values() })
	if err != nil {
		panic("internal error: " + err.Error())
	}
}

func completeDirs() ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// completeWords offers the words.
func completeWords(words ...string) func() ([]string, cobra.ShellCompDirective) {
	return func() ([]string, cobra.ShellCompDirective) { return words, cobra.ShellCompDirectiveNoFileComp }
}
