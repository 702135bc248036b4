// SPDX-License-Identifier: Apache-2.0

package gobuild

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
)

// modulePath is that of the module which this package is in: a repository's name, and that
// of a directory in it.
var modulePath = strings.TrimSuffix(reflect.TypeFor[Program]().PkgPath(), "/testbed/gobuild")

// ModuleDir returns the directory of the module that this package is in, whose go.mod says
// which versions are built. It is looked for from the working directory upwards, in the
// module's directory of each as well, and so found from anywhere in the repository. The path
// of this source file, which the compiler could give, is lost under -trimpath.
func ModuleDir() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		for _, candidate := range []string{dir, filepath.Join(dir, path.Base(modulePath))} {
			mod, err := os.ReadFile(filepath.Join(candidate, "go.mod"))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return "", err
			}
			if strings.HasPrefix(string(mod), "module "+modulePath+"\n") {
				return candidate, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("module %s: not found from %s upwards", modulePath, wd)
		}
	}
}

// RepositoryDir returns the directory of the repository, in which the module is.
func RepositoryDir() (string, error) {
	module, err := ModuleDir()
	return filepath.Dir(module), err
}

// BinDir returns the directory for compiled programs, in the user's cache, below the name
// of the repository. Each checkout has its own, so that two of them never run each other's
// programs.
func BinDir() (string, error) {
	module, err := ModuleDir()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	repository := path.Base(path.Dir(modulePath))
	return filepath.Join(cache, repository, fmt.Sprintf("%x", sha256.Sum256([]byte(module)))[:12]), nil
}
