# need installs the Debian packages that have the programs of these names, unless the
# programs are there. The first argument says what they are for. Who sources this file says
# by a function "cannot" what to do where that is not possible.
need() {
  local what=$1 missing=() program
  shift
  for program in "$@"; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || cannot "needs ${missing[*]}, and here is no apt-get: install what is missing, and run this again"
  echo "== installing for $what: apt-get install ${missing[*]}"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${missing[@]}" >/dev/null; } ||
    cannot "needs ${missing[*]}, and apt-get could not install them (see above)"
}
