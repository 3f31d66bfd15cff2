"""Pages of another origin, in a real browser: what they may ask is decided by --cors."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
from playwright.sync_api import Browser

TOKEN = "0123456789abcdef"
FETCH = """async ([address, options]) => {
  try {
    const answer = await fetch(address, options);
    return [answer.status, await answer.json(), answer.headers.get('X-Request-ID') !== null];
  } catch (error) {
    return error.name;
  }
}"""


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another site</title>")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def other_origin() -> Iterator[str]:
    """The origin of a site of somebody else."""
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{site.server_port}"
    site.shutdown()
    thread.join()
    site.server_close()


@pytest.fixture
def token_file(tmp_path: Any) -> Any:
    path = tmp_path / "tokens"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("named", [True, False])
def test_a_page_of_another_origin_reads_answers_only_where_it_is_named(
    named: bool, other_origin: str, run_server: Any, token_file: Any, browser: Browser
) -> None:
    cors = ["--cors", other_origin] if named else []
    with (
        run_server(["--camera", "none", "--token-file", token_file, *cors]) as server,
        browser.new_context() as context,
    ):
        page = context.new_page()
        page.goto(other_origin)
        login = {"headers": {"Authorization": f"Bearer {TOKEN}", "Content-Type": "image/png"}}
        post = {"method": "POST", "body": "no image", **login}
        health = page.evaluate(FETCH, [server.url + "/healthz", {}])
        prediction = page.evaluate(FETCH, [server.url + "/predict", post])
        without = page.evaluate(FETCH, [server.url + "/predict", {"method": "POST", "body": "x"}])
        if named:
            assert health == [200, {"status": "alive"}, True]
            assert (prediction[0], prediction[2]) == (415, True)
            assert without[0] == 401
        else:
            assert [health, prediction, without] == ["TypeError"] * 3
