// SPDX-License-Identifier: Apache-2.0

// Package store remembers the indexes of layers by their digests, in a directory of the user's
// cache. Several processes may use it at the same time.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caseharden/caseharden/evidence/image/layer"
)

// The name of a file ends in the version of its format: another version is another file.
const suffix = ".1"

// MaxSize is how much a store keeps, in bytes.
const MaxSize = 512 << 20

// A Store is a directory of indexes.
type Store struct {
	dir       string
	temporary bool
	maxSize   int64

	mu   sync.Mutex
	used map[string]bool // names of files that this process needs
}

// Open opens the store in a directory, and makes the directory. Where that is not possible,
// the store is a temporary directory, which Close removes.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir, maxSize: MaxSize, used: map[string]bool{}}
	err := errors.New("no directory is named")
	if dir != "" {
		if err = errors.Join(os.MkdirAll(dir, 0o700), writable(dir)); err == nil {
			return s, nil
		}
	}
	s.temporary = true
	var temporary error
	if s.dir, temporary = os.MkdirTemp("", "caseharden-layers-"); temporary != nil {
		return nil, fmt.Errorf("no place to remember what layers hold: %w; %w", err, temporary)
	}
	return s, nil
}

// DefaultDir returns the directory in the user's cache.
func DefaultDir() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "caseharden", "layers"), err
}

func writable(dir string) error {
	f, err := os.CreateTemp(dir, "new-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Close removes what was used longest ago, until the store keeps to its size.
func (s *Store) Close() error {
	if s.temporary {
		return os.RemoveAll(s.dir)
	}
	return s.trim(time.Now())
}

// file returns the path for a digest such as sha256:0123….
func (s *Store) file(digest string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(digest, ":", "-")+suffix)
}

// Get returns the index of a layer, if it is remembered. A file that is damaged counts as none.
func (s *Store) Get(digest string) (*layer.Index, bool) {
	name := s.file(digest)
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, false
	}
	index, err := decode(digest, data)
	if err != nil {
		return nil, false
	}
	s.uses(name)
	return index, true
}

// uses makes the file one that was used last. A day is precise enough, and spares writes.
func (s *Store) uses(name string) {
	s.mu.Lock()
	s.used[filepath.Base(name)] = true
	s.mu.Unlock()
	now := time.Now()
	if info, err := os.Stat(name); err == nil && now.Sub(info.ModTime()) > 24*time.Hour {
		_ = os.Chtimes(name, now, now) // the worst is that it is read again some day
	}
}

// Put remembers the index of a layer. Others see all of it or nothing.
func (s *Store) Put(digest string, index *layer.Index) (err error) {
	data, err := encode(digest, index)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(s.dir, "new-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temporary.Name())
		}
	}()
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	name := s.file(digest)
	if err := os.Rename(temporary.Name(), name); err != nil {
		return err
	}
	s.uses(name)
	return nil
}

// trim removes files that were used longest ago and that this process does not need, until all
// together have at most the size of the store. It removes what a process left that was killed.
func (s *Store) trim(now time.Time) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	total := int64(0)
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // another process has removed it
		}
		if strings.HasPrefix(info.Name(), "new-") && now.Sub(info.ModTime()) > time.Hour {
			os.Remove(filepath.Join(s.dir, info.Name()))
			continue
		}
		files = append(files, info)
		total += info.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, info := range files {
		if total <= s.maxSize {
			break
		}
		if s.used[info.Name()] || strings.HasPrefix(info.Name(), "new-") {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, info.Name())); err == nil {
			total -= info.Size()
		}
	}
	return nil
}
