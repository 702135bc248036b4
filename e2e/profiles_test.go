// SPDX-License-Identifier: Apache-2.0

package e2e

const exceptionProfiles = `apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: exceptions}
spec:
  base: hardened
`
