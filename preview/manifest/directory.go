// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// directory reads the manifests below a directory, which may be a stranger's: it opens
// nothing outside of the directory, wherever links lead, and no file that is not
// regular.
func (r *reader) directory(dir string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		r.fail(dir, err)
		return
	}
	defer root.Close()
	type found struct {
		name string
		link bool
	}
	var files []found
	empty := true
	_ = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(entry.Name(), ".") && name != "."
		switch {
		case err != nil:
			r.fail(filepath.Join(dir, name), err)
			empty = false
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() && isChart(root.FS(), name):
			chart := filepath.Join(dir, name)
			r.fail(chart, fmt.Errorf("is a Helm chart: preview what it renders: helm template NAME %s | caseharden preview -f -", chart))
			empty = false
			return fs.SkipDir
		case !entry.IsDir() && !hidden && (slices.Contains(manifestExtensions, filepath.Ext(name)) || isKustomization(name)):
			files = append(files, found{filepath.FromSlash(name), entry.Type()&fs.ModeSymlink != 0})
		}
		return nil
	})
	if empty && len(files) == 0 {
		r.fail(dir, errors.New("holds no file whose name ends in .yaml, .yml or .json"))
	}
	// A link to a file that is here too is that file, which a diff has to name.
	here := map[string]bool{}
	for _, f := range files {
		here[f.name] = !f.link
	}
	for _, f := range files {
		inside := f.name
		if f.link {
			// os.Root would refuse an absolute link, also one to a file that is here.
			leads, err := filepath.EvalSymlinks(filepath.Join(target(dir), f.name))
			if err != nil {
				r.fail(filepath.Join(dir, f.name), err)
				continue
			}
			relative, err := filepath.Rel(target(dir), leads)
			if err != nil || !filepath.IsLocal(relative) {
				r.fail(filepath.Join(dir, f.name), fmt.Errorf("is a link to a file outside %s: preview the file with -f %s", dir, leads))
				continue
			}
			if strings.HasPrefix(relative, ".") || strings.Contains(relative, string(filepath.Separator)+".") {
				r.fail(filepath.Join(dir, f.name), fmt.Errorf("is a link to a hidden file: preview the file with -f %s", leads))
				continue
			}
			if here[relative] {
				continue
			}
			inside = relative
		}
		r.below(root, inside, filepath.Join(dir, f.name))
	}
}

// isChart reports whether a directory is a Helm chart, whose templates are no manifests.
func isChart(files fs.FS, dir string) bool {
	info, err := fs.Stat(files, path.Join(dir, "Chart.yaml"))
	return err == nil && info.Mode().IsRegular()
}

var manifestExtensions = []string{".yaml", ".yml", ".json"}

// below reads a regular file below a directory.
func (r *reader) below(root *os.Root, path, name string) {
	if r.again(name) {
		return
	}
	// Stat comes first, as opening a device may have an effect. Between the two a pipe may
	// have come in the place of the file: O_NONBLOCK keeps open from waiting for a writer.
	info, err := root.Stat(path)
	if err == nil && info.Mode().IsRegular() {
		var file *os.File
		if file, err = root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
			defer file.Close()
			info, err = file.Stat()
		}
		if err == nil && info.Mode().IsRegular() {
			r.read(name, file, info.Size(), true)
			return
		}
	}
	if err == nil {
		err = errors.New("is no regular file")
	}
	r.fail(name, err)
}
