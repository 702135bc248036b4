# Prepares what runs a whole cluster, for test.sh and demo.sh, which say by a function
# "cannot" what to do where something is missing: gets runc and buildah, compiles the rest,
# and builds the image of caseharden. Then $dir has what they run: sandbox, the command in
# which nothing that a cluster makes outlives it, and CASEHARDEN_IMAGE names the image.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ "$(uname)" = Linux ] || cannot "needs Linux: run this in a virtual machine"
[ "$(id -u)" = 0 ] || cannot "needs root, to make namespaces and cgroups: run this with sudo"
command -v go >/dev/null || cannot "needs Go in the PATH of root: sudo env PATH=\"\$PATH\" make demo-cluster (or test-cluster)"
command -v unshare >/dev/null || cannot "needs unshare, of util-linux: install it, and run this again"
unshare --mount --pid --net --ipc --uts --cgroup --fork true ||
  cannot "needs namespaces, which this sandbox refuses: run this in a virtual machine"
grep -Eq ' cgroup2? rw' /proc/mounts ||
  cannot "needs cgroups, which are read-only here: run this in a virtual machine"

. ./testbed/programs.sh
need "a whole cluster" runc buildah

echo "== building a whole cluster: also the kubelet, the controllers, containerd and Helm (about ten minutes the first time, three after make test)"
go run ./product/release/build

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -buildvcs=false -o "$dir/sandbox" ./testbed/sandbox

echo "== building the image of caseharden, some ten seconds (one or two minutes the first time)"
mkdir "$dir/image"
TMPDIR=$dir/image unshare --mount --pid --fork --kill-child --mount-proc \
  go run ./supplychain/archive "$dir/image" "$dir/caseharden.tar" images.test/caseharden:installed
rm -rf "$dir/image"
export CASEHARDEN_IMAGE=$dir/caseharden.tar
