// SPDX-License-Identifier: Apache-2.0

//go:build linux

package judge

import "github.com/caseharden/caseharden/e2e/apps/catalogue"

// causesOf are the causes that the ID of a finding speaks of. An ID that is not here names
// none of them.
var causesOf = map[string][]catalogue.Cause{
	"command-needs-root":           {catalogue.NeedsRoot, catalogue.Entrypoint},
	"directory-owner":              {catalogue.Owner},
	"directory-read-only":          {catalogue.ReadOnly},
	"entrypoint-needs-root":        {catalogue.NeedsRoot, catalogue.Entrypoint, catalogue.Capability},
	"capabilities-need-escalation": {catalogue.FileCapability, catalogue.SetUID},
	"file-capability":              {catalogue.FileCapability},
	"image-user-refused":           {catalogue.ImageUser},
	"image-user-replaced":          {catalogue.Owner},
	"image-user-unknown":           {catalogue.ImageUser},
	"no-account":                   {catalogue.NoPasswd},
	"program-not-executable":       {catalogue.Owner},
	"read-only-root":               {catalogue.ReadOnly},
	"root-loses-capabilities":      {catalogue.Capability},
	"setuid-helper":                {catalogue.SetUID},
	"user-now":                     {catalogue.Entrypoint, catalogue.NeedsRoot, catalogue.Owner},
	"volume-owner":                 {catalogue.Owner},
	"working-directory-closed":     {catalogue.Owner},
}
