// SPDX-License-Identifier: Apache-2.0

package evidence

// What following a container may cost: images are the work of unknown authors.
const (
	maxWork     = 20_000_000 // names that are looked up, and bytes that are read
	maxTroubles = 1000       // of one run

	maxWords   = 10_000  // of the command
	maxCommand = 2 << 20 // bytes: about what a kernel passes on
	maxPATH    = 16 << 10
	maxVolumes = 1000
)

// A budget is what following a container may still cost, under all settings together. Once
// it is spent nothing more is followed, and nothing that was found is proven.
type budget struct{ left int }

// spend counts work. False is that there was too much of it.
func (b *budget) spend(n int) bool {
	b.left -= n
	return b.left >= 0
}

func (b *budget) spent() bool { return b.left < 0 }

// boundless reports whether an image or a manifest is larger than any that is meant to run.
func (s *study) boundless() bool {
	size := 0
	for _, word := range s.argv {
		size += len(word)
	}
	return len(s.argv) > maxWords || size > maxCommand || len(s.env["PATH"]) > maxPATH || len(s.config.Volumes) > maxVolumes
}
