# Makes the images of containers that fail, of Debian's packages. The script that reads this
# says by a function "cannot" what to do where something is missing.
. ./testbed/programs.sh
need "the images of failing containers" mmdebstrap
echo "== making the images of failing containers from Debian's packages (a minute the first time)"
go run ./status/failures/image/build || cannot "needs images of failing containers, and Debian's packages could not be made into them (see above)"
