// SPDX-License-Identifier: Apache-2.0

// Package observe finds out where the processes of other containers write. It runs beside
// them, in a Pod whose containers share their processes, as the same user and without a
// capability: then the kernel lets it list /proc/PID/root, as it lets a debugger attach.
//
// It sees files that were made or changed since the process began, by their ctime, and only
// in the container's own root file system: volumes are other file systems.
package observe
