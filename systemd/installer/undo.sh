# shellcheck shell=bash
# Replaces files one by one so that all of them can be put back together. Knows nothing of what the files mean.
# The caller sets `saved`, an empty directory on a disk (not in memory: a model may be large).
# shellcheck disable=SC2154

replaced=()

put() { # NEW TARGET: whoever reads TARGET sees the old or the new one, never a half
  rm -rf "$2.incoming"
  cp -a "$1" "$2.incoming"
  mv -fT "$2.incoming" "$2"
}

replace() { # NEW TARGET: files or symbolic links; remembers what stood at TARGET
  mkdir -p "$(dirname "$2")"
  replaced+=("$2")
  if [[ -e $2 || -L $2 ]]; then cp -a "$2" "$saved/${#replaced[@]}"; fi
  put "$1" "$2"
}

put_back() {
  local number target
  for ((number = ${#replaced[@]}; number > 0; number--)); do
    target=${replaced[number - 1]}
    if [[ -e $saved/$number || -L $saved/$number ]]; then put "$saved/$number" "$target"; else rm -f "$target"; fi
  done
  replaced=()
}
