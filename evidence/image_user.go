// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"strconv"
	"strings"
)

var imageUserRefused = &Cause{
	ID:       "image-user-refused",
	Title:    "Image's user refused by the kubelet",
	Settings: []string{runAsNonRoot},
	When:     "`runAsNonRoot: true` is injected, neither the manifest nor the profile gives a user, and the image's user is root, absent, or a name",
	Because:  "the kubelet does not start such a container: it accepts only a numeric user other than 0",
	Fix:      "set runAsUser to a UID other than 0 in the manifest, or runAsNonRoot: false if it has to be root",
}

// refused returns why the kubelet would not start the container for the user of its image;
// "" if it would; and whether that user is root. It has the rules of verifyRunAsNonRoot in
// kubernetes/pkg/kubelet/kuberuntime.
func refused(cfg *Config, s Security, named *int64) (why string, root bool) {
	if s.NonRoot == nil || !*s.NonRoot || s.User != nil {
		return "", false
	}
	name, _, _ := strings.Cut(cfg.User, ":")
	uid, err := strconv.ParseInt(name, 10, 64)
	switch {
	case name == "":
		return "the image names no user, which is root", true
	case err == nil && uid == 0:
		return "the image's user is 0", true
	case err == nil:
		return "", false
	case named != nil:
		return fmt.Sprintf("the image's user is the name %s (UID %d), and the kubelet needs a number", name, *named), *named == 0
	}
	return fmt.Sprintf("the image's user is the name %s, and the kubelet needs a number", name), name == "root"
}

// judgeImageUser returns the finding for an image whose user the kubelet refuses.
func judgeImageUser(c *Container, image *Image, named *int64) []Finding {
	given := profiledOf(c)
	why, root := refused(&image.Config, c.After, named)
	if already, _ := refused(&image.Config, c.Before, named); why == "" || !given.nonRoot || already != "" {
		return nil
	}
	f := Finding{
		ID: imageUserRefused.ID, Container: c.Name, Settings: []string{runAsNonRoot}, Verdict: Breaks, Severity: High,
		What:     "the kubelet does not start it under runAsNonRoot: true: " + why,
		Fix:      imageUserRefused.Fix,
		Evidence: []Item{{Source: FromImage, Text: userText(image.Config.User), Where: image.Digest}},
	}
	if named != nil && *named != 0 {
		f.Fix = fmt.Sprintf("set runAsUser: %d in the manifest", *named)
		f.Exception = userException(*named)
	} else if root {
		f.Exception = &Exception{Leave: []string{runAsNonRoot}}
	}
	return []Finding{f}
}

func userText(user string) string {
	if user == "" {
		return "the image's configuration has no User"
	}
	return "the image's configuration has User " + user
}
