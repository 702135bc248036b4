// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// everything.yaml sets every value, and each has an effect: with another one, something
// else is rendered.
func TestEveryValueHasAnEffect(t *testing.T) {
	// In the shadow of another in everything.yaml: rendered with what brings them to light.
	light := map[string]string{
		"image.tag":                             "image.digest=",
		"certificates.propagation":              "certificates.mode=self-managed",
		"networkPolicy.apiServerPorts":          "certificates.mode=self-managed",
		"networkPolicy.apiServerCIDRs":          "certificates.mode=self-managed",
		"rbac.create":                           "certificates.mode=self-managed",
		"accountGuard.enabled":                  "certificates.mode=self-managed",
		"podAntiAffinity":                       "affinity=null",
		"replicas":                              "autoscaling.enabled=false",
		"serviceAccount.annotations":            "serviceAccount.create=true",
		"podDisruptionBudget.maxUnavailable":    "podDisruptionBudget.minAvailable=null",
		"image.registry":                        "global.imageRegistry=",
		"strategy.rollingUpdate.maxUnavailable": "strategy.type=RollingUpdate",
		"strategy.rollingUpdate.maxSurge":       "strategy.type=RollingUpdate",
		"clientCA":                              "clientAllowedNames=null",
		"auditWebhook":                          "engine=policy",
		"webhook.failurePolicy":                 "engine=webhook",
	}
	defaults, all := values(t, filepath.Join(chartDir(), "values.yaml")), values(t, everything)
	leaves, _ := knownValues(t)
	for _, leaf := range leaves {
		if leaf.path == "enabled" {
			continue // TestDependency
		}
		t.Run(leaf.path, func(t *testing.T) {
			t.Parallel()
			set, found := lookUp(all, leaf.path)
			if !found {
				t.Fatalf("%s does not set it", everything)
			}
			unset, found := lookUp(defaults, leaf.path)
			switch leaf.path {
			case "podDisruptionBudget.enabled", "podMonitor.enabled":
				unset = set != true // where it is set it is the default
			case "certificates.caBundle":
				unset = oneCA
			default:
				if !found {
					unset = "other" // of an issuer, which has no default
				}
				if reflect.DeepEqual(set, unset) {
					t.Fatalf("%s has the default", everything)
				}
			}
			args := []string{"--values=" + everything}
			if other := light[leaf.path]; other != "" {
				args = append(args, "--set="+other)
			}
			switch {
			case leaf.path == "podMonitor.enabled":
				args = append(args, "--set=serviceMonitor.enabled=false")
			case strings.HasPrefix(leaf.path, "podMonitor."):
				args = append(args, "--set=serviceMonitor.enabled=false,podMonitor.enabled=true")
			case leaf.path == "certificates.caBundle":
				args = append(args, "--set=certificates.mode=provided", "--set-json=certificates.caBundle="+strconv.Quote(oneCA+"\n"+oneCA))
			}
			without, err := json.Marshal(unset)
			if err != nil {
				t.Fatal(err)
			}
			if template(t, args...) == template(t, append(args, "--set-json="+leaf.path+"="+string(without))...) {
				t.Errorf("to set it to %v changes nothing", set)
			}
		})
	}
}
