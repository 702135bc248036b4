// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// Credentials are those of the user for registries, from files in the format of Docker's
// config.json. Secrets of the type kubernetes.io/dockerconfigjson have it too.
type Credentials struct{ files []*configFile }

// A configFile is the part of a config.json that says how to log in.
type configFile struct {
	Auths       map[string]login  `json:"auths"`
	CredHelpers map[string]string `json:"credHelpers"`
	CredsStore  string            `json:"credsStore"`
}

type login struct {
	Auth          string `json:"auth"` // base64 of user:password
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// LoadCredentials reads the files that exist:
//
//	$REGISTRY_AUTH_FILE                                        as for Podman and Skopeo
//	$DOCKER_CONFIG/config.json, else ~/.docker/config.json     as for Docker
//	$DOCKER_CONFIG/.dockerconfigjson                           a Secret that is mounted
//	$XDG_RUNTIME_DIR/containers/auth.json                      as for Podman
//
// The first that has something for an image counts.
func LoadCredentials(getenv func(string) string) (*Credentials, error) {
	c := &Credentials{}
	var names []string
	if name := getenv("REGISTRY_AUTH_FILE"); name != "" {
		names = append(names, name)
	}
	docker := getenv("DOCKER_CONFIG")
	if home, err := os.UserHomeDir(); docker == "" && err == nil {
		docker = filepath.Join(home, ".docker")
	}
	if docker != "" {
		names = append(names, filepath.Join(docker, "config.json"), filepath.Join(docker, ".dockerconfigjson"))
	}
	if run := getenv("XDG_RUNTIME_DIR"); run != "" {
		names = append(names, filepath.Join(run, "containers", "auth.json"))
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		file := &configFile{}
		if err := json.Unmarshal(data, file); err != nil {
			// The text of the error may repeat a password.
			return nil, fmt.Errorf("%s: must be JSON, as docker login writes it", name)
		}
		c.files = append(c.files, file)
	}
	return c, nil
}

// For returns the credential for a repository, such as docker.io/library/nginx; the empty one
// where the user has none.
func (c *Credentials) For(ctx context.Context, repository string) (auth.Credential, error) {
	if c == nil {
		return auth.EmptyCredential, nil
	}
	for _, file := range c.files {
		found, err := file.credential(ctx, repository)
		if err != nil || found != auth.EmptyCredential {
			return found, err
		}
	}
	return auth.EmptyCredential, nil
}

// dockerHub are the names under which files have the credentials of Docker Hub.
var dockerHub = []string{"https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"}

func (f *configFile) credential(ctx context.Context, repository string) (auth.Credential, error) {
	host, _, _ := strings.Cut(repository, "/")
	hosts := []string{host}
	if host == "docker.io" {
		hosts = dockerHub
	}
	for _, name := range hosts {
		if helper := f.CredHelpers[name]; helper != "" {
			return ask(ctx, helper, name)
		}
	}
	if found, ok := f.login(repository, hosts); ok {
		return found.credential(host)
	}
	if f.CredsStore != "" {
		return ask(ctx, f.CredsStore, hosts[0])
	}
	return auth.EmptyCredential, nil
}

// ask asks a credential helper, which is a program of the user's.
func ask(ctx context.Context, helper, host string) (auth.Credential, error) {
	found, err := credentials.NewNativeStore(helper).Get(ctx, host)
	if err != nil {
		return found, fmt.Errorf("docker-credential-%s, which Docker's configuration names for %s: %w", helper, host, err)
	}
	return found, nil
}

// login returns the most specific entry for a repository: that of the repository, of a
// namespace above it, or of the host. As the kubelet does, it takes stars in hosts.
func (f *configFile) login(repository string, hosts []string) (login, bool) {
	_, rest, _ := strings.Cut(repository, "/")
	var best login
	length, found := -1, false
	for key, entry := range f.Auths {
		if entry == (login{}) {
			continue // the password is in the credential store
		}
		for _, host := range hosts {
			if n, ok := specificity(key, host, rest); ok && n > length {
				best, length, found = entry, n, true
			}
		}
	}
	return best, found
}

// specificity returns how much of a repository a key of auths names, and whether it names it.
func specificity(key, host, rest string) (int, bool) {
	if key == host {
		return 1, true
	}
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	name, prefix, _ := strings.Cut(key, "/")
	prefix = strings.TrimSuffix(prefix, "/")
	exact := name == host
	if matches, err := path.Match(name, host); err != nil || !matches ||
		!exact && strings.Count(name, ".") != strings.Count(host, ".") {
		return 0, false
	}
	if prefix == "v1" || prefix == "v2" { // of the address of an API
		prefix = ""
	}
	if prefix != "" && rest != prefix && !strings.HasPrefix(rest, prefix+"/") {
		return 0, false
	}
	n := 2 * len(prefix)
	if exact {
		n++
	}
	return n, true
}

func (l login) credential(host string) (auth.Credential, error) {
	c := auth.Credential{Username: l.Username, Password: l.Password, RefreshToken: l.IdentityToken, AccessToken: l.RegistryToken}
	if l.Auth != "" {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimRight(l.Auth, "\x00"))
		user, password, ok := strings.Cut(strings.TrimRight(string(decoded), "\x00"), ":")
		if err != nil || !ok {
			return c, fmt.Errorf("the credentials for %s: auth must be base64 of user:password", host)
		}
		c.Username, c.Password = user, password
	}
	return c, nil
}
