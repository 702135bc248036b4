// SPDX-License-Identifier: Apache-2.0

//go:build image

package release

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

const krew = "sigs.k8s.io/krew/cmd/krew@v0.4.3"

// krew installs the plugin from the manifest and the archive of this machine, and refuses
// another archive.
func TestKrew(t *testing.T) {
	dir := t.TempDir()
	install := func(archive string) error {
		_, err := output(t.Context(), repository, "KREW_ROOT="+dir, "go", "run", krew, "install",
			"--manifest="+filepath.Join(files, "krew.yaml"), "--archive="+filepath.Join(files, archive))
		return err
	}
	if err := install("caseharden_" + version + "_darwin_arm64.tar.gz"); err == nil || !strings.Contains(err.Error(), "checksum does not match") {
		t.Errorf("krew installed an archive of another checksum: %v", err)
	}
	if err := install("caseharden_" + version + "_linux_" + runtime.GOARCH + ".tar.gz"); err != nil {
		t.Fatal(err)
	}
	if got := mustRun(t, filepath.Join(dir, "bin", "kubectl-caseharden"), "preview", "--help"); !strings.Contains(got, "kubectl caseharden preview -f") {
		t.Errorf("the plugin: %s", got)
	}
}

// The GitHub Action previews with the binary of the release, and refuses one that was changed.
func TestAction(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "files")
	if err := os.CopyFS(dir, os.DirFS(files)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	result := filepath.Join(t.TempDir(), "output")
	action := func(variables ...string) (log, outputs string, err error) {
		_ = os.Remove(result)
		log, err = output(t.Context(), repository, append(append([]string{
			"CASEHARDEN_DOWNLOAD=" + server.URL, "VERSION=" + version, "RUNNER_TEMP=" + t.TempDir(), "GITHUB_OUTPUT=" + result,
			"FILES=docs/examples/shop\n", "PROFILE=hardened", "PROFILES=", "FAIL_ON=risk", "MIN_SEVERITY=",
		}, variables...), "deploy/action.sh")...)
		data, _ := os.ReadFile(result)
		return log, string(data), err
	}
	log, outputs, err := action()
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`^sarif=(\S+)\ncode=2\n$`).FindStringSubmatch(outputs)
	if match == nil || !strings.Contains(log, "Deployment   shop/web") {
		t.Fatalf("outputs %q of\n%s", outputs, log)
	}
	var sarif struct{ Runs []struct{ Results []any } }
	if err := json.Unmarshal(read(t, match[1]), &sarif); err != nil || len(sarif.Runs) != 1 || len(sarif.Runs[0].Results) == 0 {
		t.Errorf("SARIF: %v, %v", sarif, err)
	}
	if _, outputs, err := action("FAIL_ON="); err != nil || !strings.HasSuffix(outputs, "\ncode=0\n") {
		t.Errorf("nothing fails the job: %q, %v", outputs, err)
	}
	if _, _, err := action("FILES=not/there"); err == nil || !strings.Contains(err.Error(), "the preview failed") {
		t.Errorf("no manifests: %v", err)
	}
	change(t, filepath.Join(dir, "caseharden_"+version+"_linux_"+runtime.GOARCH+".tar.gz"))
	if _, _, err := action(); err == nil || !strings.Contains(err.Error(), "is not the file that checksums.txt names") {
		t.Errorf("a changed archive: %v", err)
	}
}
