// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Values are those that a profile may give a field: a pod that meets the Pod
// Security Standard "restricted" still meets it with any of them, and the API server
// refuses none. Nor does a kubelet, but for what its node has to have: AppArmor, a
// profile of its own, or a container runtime that can do
// supplementalGroupsPolicy: Strict.
type Values struct {
	Must string // which they are, to follow "must be"

	// Allow reports whether a value of the API's type is one of them.
	Allow func(typed any) bool
}

var (
	onlyTrue  = Values{"true", func(typed any) bool { return *typed.(*bool) }}
	onlyFalse = Values{"false", func(typed any) bool { return !*typed.(*bool) }}

	// The user 0 is root, and the group 0 is the one that owns what belongs to root.
	// The upper bound is that of IsValidUserID in k8s.io/apimachinery.
	ids = Values{"a number from 1 to 2147483647", func(typed any) bool { return isID(*typed.(*int64)) }}

	listOfIDs = Values{"a list of at most 32 numbers from 1 to 2147483647", func(typed any) bool {
		if len(typed.([]int64)) > 32 {
			return false
		}
		return len(typed.([]int64)) > 0 && !slices.ContainsFunc(typed.([]int64), func(id int64) bool { return !isID(id) })
	}}
)

func isID(id int64) bool { return id >= 1 && id <= 1<<31-1 }

// oneOf allows the listed values of a string type.
func oneOf[S ~string](allowed ...S) Values {
	var names []string
	for _, a := range allowed {
		names = append(names, string(a))
	}
	return Values{strings.Join(names, " or "), func(typed any) bool { return slices.Contains(allowed, *typed.(*S)) }}
}

// isDescending mirrors validateLocalDescendingPath of
// kubernetes/pkg/apis/core/validation.
func isDescending(file string) bool {
	return file != "" && !path.IsAbs(file) && !slices.Contains(strings.Split(file, "/"), "..") && strings.TrimSpace(file) == file
}

// windowsUser is a part of what validateWindowsSecurityContextOptions of
// kubernetes/pkg/apis/core/validation takes for a runAsUserName.
var windowsUser = regexp.MustCompile(`(?i)^(([a-z0-9][a-z0-9-]{0,14}\\)?[a-z0-9][a-z0-9._-]{0,103}|NT AUTHORITY\\(Local ?Service|Network ?Service))$`)

// isAdministrator reports whether a user of Windows may do everything in a container, or
// is an ID, of which that cannot be told.
func isAdministrator(user string) bool {
	name := strings.ToLower(user[strings.LastIndexByte(user, '\\')+1:])
	return slices.Contains([]string{"containeradministrator", "administrator", "administrators", "system", "localsystem"}, name) ||
		strings.HasPrefix(name, "s-1-")
}

var windowsSettings = Values{
	`an object of runAsUserName (USER or DOMAIN\USER, no administrator), gmsaCredentialSpecName, gmsaCredentialSpec and hostProcess (false)`,
	func(typed any) bool {
		o := typed.(*corev1.WindowsSecurityContextOptions)
		if o.HostProcess != nil && *o.HostProcess {
			return false
		}
		if name := o.RunAsUserName; name != nil && (!windowsUser.MatchString(*name) || isAdministrator(*name)) {
			return false
		}
		if name := o.GMSACredentialSpecName; name != nil && !isSubdomain(*name) {
			return false
		}
		if spec := o.GMSACredentialSpec; spec != nil && (*spec == "" || len(*spec) > 64<<10) {
			return false
		}
		return *o != (corev1.WindowsSecurityContextOptions{})
	},
}
