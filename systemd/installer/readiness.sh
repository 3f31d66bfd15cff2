# shellcheck shell=bash
# Whether a server can listen, runs, and is ready. Knows a server only by its unit or process and its address.
# The caller sets `python`, and `timeout` in seconds.
# shellcheck disable=SC2154

ready() { # HOST PORT: does GET /readyz answer 200, over HTTP or else HTTPS?
  "$python" - "$1" "$2" <<'PYTHON'
import http.client
import ssl
import sys

host, port = sys.argv[1], int(sys.argv[2])
# The certificate is for the name by which others reach this machine, and nothing secret is asked here.
unchecked = ssl._create_unverified_context()
plain = http.client.HTTPConnection(host, port, timeout=5)
secure = http.client.HTTPSConnection(host, port, timeout=5, context=unchecked)
for server in (plain, secure):
    try:
        server.request("GET", "/readyz")
        if server.getresponse().status == 200:
            sys.exit(0)
    except (OSError, http.client.HTTPException):
        pass
sys.exit(1)
PYTHON
}

can_listen() { # HOST PORT; says on standard error why not
  "$python" - "$1" "$2" <<'PYTHON'
import socket
import sys

try:
    family, kind, _, _, address = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen()
except (OSError, OverflowError, ValueError) as error:
    sys.exit(f"{sys.argv[1]} port {sys.argv[2]}: {error}")
PYTHON
}

free_port() {
  "$python" -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'
}

reachable() { # HOST: where this machine itself reaches a server that listens on HOST
  case $1 in
    0.0.0.0) printf 127.0.0.1 ;;
    ::) printf ::1 ;;
    *) printf '%s' "$1" ;;
  esac
}

address() { # HOST PORT [SCHEME]: the address to type into a browser
  local name=$1
  if [[ $1 == *:* ]]; then name="[$1]"; fi
  printf '%s://%s:%s/' "${3:-http}" "$name" "$2"
}

main_process() { # UNIT or process number; prints 0 when it does not run
  case $1 in
    *.service) systemctl show --property=MainPID --value "$1" ;;
    *) if kill -0 "$1" 2>/dev/null; then printf '%s' "$1"; else printf 0; fi ;;
  esac
}

wait_ready() { # UNIT|PROCESS HOST PORT; ends at once when the server does, even if systemd starts it again
  local host process deadline=$((SECONDS + timeout))
  host=$(reachable "$2")
  process=$(main_process "$1")
  while [[ $process != 0 && $(main_process "$1") == "$process" ]] && ((SECONDS < deadline)); do
    # Asked again after the answer: another program on that port must not be taken for the server.
    if ready "$host" "$3" && [[ $(main_process "$1") == "$process" ]]; then return 0; fi
    sleep 0.5
  done
  return 1
}

show_journal() { # UNIT SINCE, in Unix seconds
  journalctl --unit="$1" --since="@$2" --lines=20 --no-pager --quiet --output=short >&2 || true
}
