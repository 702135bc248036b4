// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
)

// measure finds the truth of one application.
func (a *appRunner) measure(ctx context.Context) (*catalogue.AppTruth, error) {
	asItIs, err := a.run(ctx, catalogue.With())
	if err != nil {
		return nil, err
	}
	if !asItIs.Outcome.Works {
		return nil, fmt.Errorf("%s does not serve as it is: %s\n%s", a.app.Name, asItIs.Outcome.How, asItIs.Outcome.Log)
	}
	var live bytes.Buffer
	if err := json.Indent(&live, asItIs.Live, "", " "); err != nil {
		return nil, err
	}
	if err := a.app.WriteLive(live.Bytes()); err != nil {
		return nil, err
	}
	truth := &catalogue.AppTruth{
		Name: a.app.Name, Digest: a.app.Digest(), HeldOut: a.app.HeldOut(),
		Packages: a.image.Packages, Works: map[string]bool{catalogue.With().String(): true},
	}
	try := func(variants ...catalogue.Variant) ([]bool, error) {
		works, err := a.try(ctx, variants...)
		for i, v := range variants {
			truth.Works[v.String()] = works[i]
		}
		return works, err
	}
	first := []catalogue.Variant{catalogue.Without()}
	for _, setting := range catalogue.Settings {
		first = append(first, catalogue.With(setting), catalogue.Without(setting))
	}
	if _, err := try(first...); err != nil {
		return nil, err
	}
	uid, err := a.app.UID(a.image)
	if err != nil {
		return nil, err
	}
	c := choices{account: uid, keepUser: numeric(a.app.Image.User)}
	if !truth.Works[catalogue.Without().String()] {
		users := []int64{0}
		if uid != 0 {
			users = append(users, uid)
		}
		if c.paths, err = a.pathSets(ctx, asItIs.Written.and(a.volumes()), users...); err != nil {
			return nil, err
		}
	}
	// What a filter of system calls forbids depends on the capabilities, which it takes away
	// with them and not more.
	if truth.Works[catalogue.With(catalogue.SeccompProfile).String()] {
		c.harmless = []string{catalogue.SeccompProfile}
	}
	if truth.Smallest, err = smallest(c, try); err != nil {
		return nil, err
	}
	if truth.Smallest == nil {
		return nil, fmt.Errorf("%s serves under no profile that was tried", a.app.Name)
	}
	return truth, a.explain(truth, try)
}

// explain says of each setting in which the smallest profile differs how it ends with that
// setting as profile hardened has it.
func (a *appRunner) explain(truth *catalogue.AppTruth, try func(...catalogue.Variant) ([]bool, error)) error {
	smallest := truth.Smallest[0]
	for _, setting := range smallest.Differs() {
		restored := smallest.Restore(setting)
		if _, err := try(restored); err != nil {
			return err
		}
		e, _ := a.journal.get(a.app, restored)
		d := catalogue.Difference{Setting: setting, How: short(e.Outcome.How), Log: deciding(e.Outcome.Log)}
		if setting == catalogue.ReadOnlyRootFilesystem && len(smallest.WritablePaths) > 0 {
			// Is it the read-only root that the paths answer, or the user, or both?
			writable := catalogue.With(slices.DeleteFunc(slices.Clone(restored.Settings), func(s string) bool { return s == catalogue.ReadOnlyRootFilesystem })...)
			writable.User = restored.User
			root := catalogue.With(slices.DeleteFunc(slices.Clone(restored.Settings), func(s string) bool { return s == catalogue.RunAsUser || s == catalogue.RunAsNonRoot })...)
			works, err := try(writable, root)
			if err != nil {
				return err
			}
			switch {
			case !works[0] && works[1]:
				d.Setting, d.Also = catalogue.RunAsUser, catalogue.ReadOnlyRootFilesystem
			case !works[0]:
				d.Also = catalogue.RunAsUser
			}
		}
		truth.Differs = append(truth.Differs, d)
	}
	return nil
}

// volumes returns the volumes of the image at which the author mounts nothing: what is
// written there is not in the file system of the container.
func (a *appRunner) volumes() []string {
	d, err := a.app.Deployment()
	if err != nil {
		return nil // which the first run has said
	}
	return slices.DeleteFunc(slices.Clone(a.app.Image.Volumes), func(volume string) bool {
		return slices.ContainsFunc(d.Spec.Template.Spec.Containers[0].VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == volume })
	})
}

// numeric reports whether the kubelet can see that a user of an image is not root.
func numeric(user string) bool {
	number, _, _ := strings.Cut(user, ":")
	return number != "" && number != "0" && strings.Trim(number, "0123456789") == ""
}

var complains = regexp.MustCompile(`(?i)denied|not permitted|read-only|cannot|can't|unable|fail|error|fatal|no such|must be|not allowed|invalid|could not|does not exist|no new privileges`)

// deciding returns the last line of a log that complains, or else the last one.
func deciding(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if complains.MatchString(lines[i]) {
			return short(lines[i])
		}
	}
	return short(lines[len(lines)-1])
}

// ids are those of pods and containers, which are new in each run.
var ids = regexp.MustCompile(`[0-9a-f]{32,}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]+|\(pod: [^)]*\)|[a-z-]+-[0-9a-f]{6,10}-[a-z0-9]{5}`)

func short(text string) string {
	text = strings.TrimSpace(ids.ReplaceAllString(text, "…"))
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}
