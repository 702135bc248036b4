# Gets what makes the images of the applications, and makes them: all, or those that
# applications names. The script that reads this says by a function "cannot" what to do where
# something is missing; its directory is the module's.
. ./testbed/programs.sh
need "the applications" mmdebstrap
echo "== making the images of applications from Debian's packages (minutes the first time, a second after that)"
# shellcheck disable=SC2086 # names
go run ./apps/images ${applications:-} || cannot "needs images of applications, and Debian's packages could not be made into them (see above)"
