// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
)

// assetsVariable names a directory with etcd and kube-apiserver, and maybe kubectl, as for
// the tests of controller-runtime. Where it is set, these are not compiled.
const assetsVariable = "KUBEBUILDER_ASSETS"

// assets returns the control plane of the directory that the environment names, and
// whether it names one.
func assets() (Binaries, bool, error) {
	dir := os.Getenv(assetsVariable)
	if dir == "" {
		return Binaries{}, false, nil
	}
	b := Binaries{Etcd: filepath.Join(dir, "etcd"), APIServer: filepath.Join(dir, "kube-apiserver")}
	for _, program := range []string{b.Etcd, b.APIServer} {
		if !isExecutable(program) {
			return Binaries{}, true, fmt.Errorf("%s: there is no program %s: unset the variable, and it is compiled", assetsVariable, program)
		}
	}
	return b, true, nil
}

// assetKubectl returns the kubectl of that directory, if it has one.
func assetKubectl() (string, bool) {
	kubectl := filepath.Join(os.Getenv(assetsVariable), "kubectl")
	return kubectl, os.Getenv(assetsVariable) != "" && isExecutable(kubectl)
}

func isExecutable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
