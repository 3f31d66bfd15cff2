# shellcheck shell=bash
# Starts a version that is installed nowhere yet, beside the one that serves, and asks it whether it is ready.
# The caller sets what is read here.
# shellcheck disable=SC2154

rehearsal=edge-server-rehearsal.service rehearsal_file=/run/systemd/system/edge-server-rehearsal.service rehearsing=''

# The whole new version with its model and settings, in the sandbox of its unit; only the camera is left to the
# server that runs, and the port is another one.
rehearse() {
  local rehearsal_port since
  rehearsal_port=$(free_port) since=$(date +%s)
  set_setting "$work/rehearsal.env" EDGE_HOST 127.0.0.1
  set_setting "$work/rehearsal.env" EDGE_PORT "$rehearsal_port"
  set_setting "$work/rehearsal.env" EDGE_CAMERA none
  if booted; then
    rehearsing=$rehearsal
    sed -e "s|^ExecStart=.*|ExecStart=$release/venv/bin/edge-server|" -e "s|^EnvironmentFile=.*|EnvironmentFile=$work/rehearsal.env|" \
      -e 's|^Restart=.*|Restart=no|' -e '/^\[Install\]/,$d' "$source_dir/systemd/edge-server.service" >"$rehearsal_file"
    systemctl daemon-reload
    systemctl start "$rehearsal" || true
  else
    local model_here models_here
    model_here=$(get_setting "$work/rehearsal.env" EDGE_MODEL '')
    models_here=$(get_setting "$work/rehearsal.env" EDGE_MODELS '')
    EDGE_CONFIG=-$toml_file setpriv --reuid="$user" --regid="$user" --init-groups "$release/venv/bin/edge-server" --host 127.0.0.1 --port "$rehearsal_port" --camera none \
      ${model_here:+--model "$model_here"} ${models_here:+--models "$models_here"} &
    rehearsing=$!
  fi
  wait_ready "$rehearsing" 127.0.0.1 "$rehearsal_port" || {
    ! booted || show_journal "$rehearsal" "$since"
    fail 'The new version does not start with this model and these settings: mend what is said above, then run this again; nothing was changed.'
  }
  stop_rehearsal
}

stop_rehearsal() {
  case $rehearsing in
    '') ;;
    *.service)
      systemctl stop "$rehearsing"
      rm -f "$rehearsal_file"
      systemctl daemon-reload
      systemctl reset-failed "$rehearsing" 2>/dev/null || true
      ;;
    *)
      kill "$rehearsing" 2>/dev/null || true
      wait "$rehearsing" || true
      ;;
  esac
  rehearsing=''
}

stop_forgotten_rehearsal() { # of an installation that was killed
  if [[ -e $rehearsal_file ]]; then
    rehearsing=$rehearsal
    stop_rehearsal
  fi
}
