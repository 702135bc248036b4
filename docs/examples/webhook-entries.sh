#!/bin/sh
# Prints deploy/webhook.yaml with entries for further profiles, named as arguments:
# after each entry for the profile restricted a copy for each of them. The order
# matters: all that enforces stays before all that warns and audits.
set -eu
exec awk -v profiles="$*" '
  function flush(  i, n, name, entry) {
    n = split(profiles, name, " ")
    for (i = 1; i <= n && copy != ""; i++) {
      entry = copy
      gsub(/restricted/, name[i], entry)
      printf "%s", entry
    }
    copy = ""
  }
  /^[-#]/ { flush(); copying = /^- name: [a-z]*-restricted[.]/ }
  { print }
  copying { copy = copy $0 "\n" }
  END { flush() }
' "$(dirname "$0")/../../deploy/webhook.yaml"
