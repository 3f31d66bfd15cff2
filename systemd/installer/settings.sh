# shellcheck shell=bash
# Reads and changes single settings in a file of systemd's EnvironmentFile format; keeps every other line as it is.
# Reads single settings of a TOML file without tables, as edge-server.toml is.
# Knows no setting by name.

get_setting() { # FILE KEY DEFAULT
  local value
  value=$(sed -n "s/^$2=//p" "$1" 2>/dev/null | tail -n 1) || true
  case $value in
    \"*\")
      value=${value:1:-1}
      value=${value//\\\"/\"}
      value=${value//\\\\/\\}
      ;;
    \'*\') value=${value:1:-1} ;;
  esac
  printf '%s' "${value:-$3}"
}

get_toml() { # FILE KEY DEFAULT; a number or a text in one line
  local value
  value=$(sed -nE "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*(\"([^\"]*)\"|'([^']*)'|([^\"'#[:space:]]+)).*/\2\3\4/p" "$1" 2>/dev/null | tail -n 1) || true
  printf '%s' "${value:-$3}"
}

unset_setting() { # FILE KEY; what was set stays as a comment
  local edited
  edited=$(sed "s/^$2=/#&/" "$1")
  printf '%s\n' "$edited" >"$1"
}

set_setting() { # FILE KEY VALUE; takes the place of KEY=... or else of the commented-out #KEY=...
  local quoted=${3//\\/\\\\} edited
  quoted=${quoted//\"/\\\"}
  edited=$(KEY=$2 LINE="$2=\"$quoted\"" awk '
    index($0, ENVIRON["KEY"] "=") == 1 || (!done && index($0, "#" ENVIRON["KEY"] "=") == 1) {
      if (!done) print ENVIRON["LINE"]
      done = 1
      next
    }
    { print }
    END { if (!done) print ENVIRON["LINE"] }' "$1")
  printf '%s\n' "$edited" >"$1" # not by a rename: the file keeps its owner and mode
}
