# Gets what makes the images of the applications, and makes them: all, or those that
# applications names. The script that reads this says by a function "cannot" what to do where
# something is missing; its directory is the module's.
if ! command -v mmdebstrap >/dev/null; then
  command -v apt-get >/dev/null || cannot "needs mmdebstrap, and here is no apt-get: install it, and run this again"
  echo "== installing for the applications: apt-get install mmdebstrap"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends mmdebstrap >/dev/null; } ||
    cannot "needs mmdebstrap, and apt-get could not install it (see above)"
fi
echo "== making the images of applications from Debian's packages (minutes the first time, a second after that)"
# shellcheck disable=SC2086 # names
go run ./apps/images ${applications:-} || cannot "needs images of applications, and Debian's packages could not be made into them (see above)"
