// SPDX-License-Identifier: Apache-2.0

package certs

// A step is what a [Source] does to keep its certificate fresh. The attribute step of the
// log and the label step of caseharden_certificate_errors_total have the same values with
// the same meaning: what was done, or what failed.
type step string

const (
	// Of Files.
	stepRead  step = "read"  // read the two files
	stepParse step = "parse" // parse what was read

	// Of Managed.
	stepClock    step = "clock"    // compare this replica's clock with the API server's
	stepWatch    step = "watch"    // follow the Secret and the webhook configuration
	stepRestore  step = "restore"  // write what is being served into the Secret as current
	stepGenerate step = "generate" // write a new key pair into the Secret as next
	stepPublish  step = "publish"  // write the CAs into every caBundle
	stepPromote  step = "promote"  // write next into the Secret as current
	stepServe    step = "serve"    // serve current from now on
	stepClean    step = "clean"    // remove from the Secret what makes it a record of Helm
	stepRefuse   step = "refuse"   // write nothing: an operator must decide

	nothing step = "nothing" // no step: wait for a change, or for time to pass
)

var (
	filesSteps   = []step{stepRead, stepParse}
	plannedSteps = []step{stepRestore, stepGenerate, stepPublish, stepPromote, stepServe, stepClean, stepRefuse}
	managedSteps = append([]step{stepClock, stepWatch}, plannedSteps...)
)
