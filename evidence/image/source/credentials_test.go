// SPDX-License-Identifier: Apache-2.0

package source

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// write writes files below a directory.
func write(t *testing.T, dir string, contents map[string]string) {
	t.Helper()
	for name, content := range contents {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCredentials(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	const (
		hub    = `{"auths":{"https://index.docker.io/v1/":{"auth":"aHViOnB3"}}}`
		names  = `{"auths":{"quay.io":{"auth":"aG9zdDpwdw=="},"quay.io/team":{"auth":"dGVhbTpwdw=="},"quay.io/team/app":{"username":"app","password":"pw"},"*.example.com":{"username":"star","password":"pw"},"https://old.example.org/v2/":{"username":"old","password":"pw"},"store.io":{}}}`
		tokens = `{"auths":{"a.io":{"identitytoken":"refresh"},"b.io":{"registrytoken":"access"}}}`
	)
	for name, c := range map[string]struct {
		files      map[string]string
		env        map[string]string
		repository string
		want       string // user, or token
	}{
		"no file":                          {repository: "quay.io/x"},
		"Docker Hub":                       {files: map[string]string{".docker/config.json": hub}, repository: "docker.io/library/nginx", want: "hub"},
		"not for another host":             {files: map[string]string{".docker/config.json": hub}, repository: "quay.io/x"},
		"DOCKER_CONFIG":                    {files: map[string]string{"d/config.json": hub}, env: map[string]string{"DOCKER_CONFIG": "d"}, repository: "docker.io/x/y", want: "hub"},
		"DOCKER_CONFIG, and not home":      {files: map[string]string{".docker/config.json": hub}, env: map[string]string{"DOCKER_CONFIG": "d"}, repository: "docker.io/x/y"},
		"a Secret that is mounted":         {files: map[string]string{"d/.dockerconfigjson": hub}, env: map[string]string{"DOCKER_CONFIG": "d"}, repository: "docker.io/x/y", want: "hub"},
		"REGISTRY_AUTH_FILE":               {files: map[string]string{"auth.json": names, ".docker/config.json": hub}, env: map[string]string{"REGISTRY_AUTH_FILE": "auth.json"}, repository: "quay.io/x/y", want: "host"},
		"the next file where one has none": {files: map[string]string{"auth.json": names, ".docker/config.json": hub}, env: map[string]string{"REGISTRY_AUTH_FILE": "auth.json"}, repository: "docker.io/x", want: "hub"},
		"XDG_RUNTIME_DIR":                  {files: map[string]string{"run/containers/auth.json": names}, env: map[string]string{"XDG_RUNTIME_DIR": "run"}, repository: "quay.io/x", want: "host"},
		"a namespace":                      {files: map[string]string{".docker/config.json": names}, repository: "quay.io/team/other", want: "team"},
		"a repository":                     {files: map[string]string{".docker/config.json": names}, repository: "quay.io/team/app", want: "app"},
		"no part of a name":                {files: map[string]string{".docker/config.json": names}, repository: "quay.io/teams/app", want: "host"},
		"a star":                           {files: map[string]string{".docker/config.json": names}, repository: "eu.example.com/app", want: "star"},
		"a star for one label":             {files: map[string]string{".docker/config.json": names}, repository: "a.eu.example.com/app"},
		"the address of an API":            {files: map[string]string{".docker/config.json": names}, repository: "old.example.org/app", want: "old"},
		"a port is another host":           {files: map[string]string{".docker/config.json": names}, repository: "quay.io:5000/app"},
		"an identity token":                {files: map[string]string{".docker/config.json": tokens}, repository: "a.io/x", want: "refresh"},
		"a token":                          {files: map[string]string{".docker/config.json": tokens}, repository: "b.io/x", want: "access"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.RemoveAll(home); err != nil {
				t.Fatal(err)
			}
			write(t, home, c.files)
			credentials, err := LoadCredentials(func(name string) string {
				if c.env[name] == "" {
					return ""
				}
				return filepath.Join(home, c.env[name])
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := credentials.For(t.Context(), c.repository)
			if err != nil {
				t.Fatal(err)
			}
			if user := got.Username + got.RefreshToken + got.AccessToken; user != c.want || got.Username != "" && got.Password != "pw" {
				t.Errorf("%+v, want %q", got, c.want)
			}
		})
	}
}

// The helpers of Docker are programs: that of a registry, and the one for all others.
func TestCredentialHelpers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper of the test is a shell script")
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"docker-credential-one": "#!/bin/sh\nread server\necho '{\"Username\":\"'$1-$server'\",\"Secret\":\"pw\"}'\n",
		"docker-credential-all": "#!/bin/sh\nread server\ncase $server in none.io) echo credentials not found in native keychain; exit 1;; bad.io) echo broken; exit 1;; esac\n" +
			"echo '{\"Username\":\"<token>\",\"Secret\":\"'$server'\"}'\n",
		"config.json": `{"credHelpers":{"gcr.io":"one","index.docker.io":"one"},"credsStore":"all","auths":{"quay.io":{}}}`,
	})
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	credentials, err := LoadCredentials(func(name string) string {
		return map[string]string{"DOCKER_CONFIG": dir}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	for repository, want := range map[string]string{
		"gcr.io/x": "get-gcr.io", "quay.io/x": "quay.io", "docker.io/library/x": "get-index.docker.io", "none.io/x": "",
	} {
		got, err := credentials.For(t.Context(), repository)
		if err != nil || got.Username+got.RefreshToken != want {
			t.Errorf("%s: %+v, %v, want %q", repository, got, err, want)
		}
	}
	_, err = credentials.For(t.Context(), "bad.io/x")
	if want := "docker-credential-all, which Docker's configuration names for bad.io: broken"; err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
}

// An error never repeats what is in a file of passwords.
func TestBadCredentials(t *testing.T) {
	dir := t.TempDir()
	getenv := func(name string) string { return map[string]string{"DOCKER_CONFIG": dir}[name] }
	write(t, dir, map[string]string{"config.json": `{"auths":{"quay.io":{"auth":c2VjcmV0}}}`})
	_, err := LoadCredentials(getenv)
	if err == nil || strings.Contains(err.Error(), "c2Vj") || !strings.HasPrefix(err.Error(), dir) {
		t.Errorf("error %v", err)
	}
	for _, auth := range []string{"%%%secret", "c2VjcmV0"} {
		write(t, dir, map[string]string{"config.json": `{"auths":{"quay.io":{"auth":"` + auth + `"}}}`})
		credentials, err := LoadCredentials(getenv)
		if err != nil {
			t.Fatal(err)
		}
		_, err = credentials.For(t.Context(), "quay.io/x")
		if want := "the credentials for quay.io: auth must be base64 of user:password"; err == nil || err.Error() != want {
			t.Errorf("error %v", err)
		}
	}
}
