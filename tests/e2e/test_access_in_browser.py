"""The kiosk page of a server with tokens: what a browser does with the question for a password."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
from playwright.sync_api import Browser, Error, expect

TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def url(run_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("access") / "tokens"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    with run_server(["--token-file", path]) as server:
        yield server.url


@pytest.mark.parametrize("how", ["typed into the prompt", "in the address"])
def test_page_interface_and_camera_work_with_the_token(
    how: str, url: str, browser: Browser
) -> None:
    prompt = how == "typed into the prompt"
    answers = {"username": "edge", "password": TOKEN} if prompt else None
    with browser.new_context(http_credentials=answers) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url if prompt else url.replace("//", f"//edge:{TOKEN}@"))
        with (
            page.expect_response(re.compile("camera/snapshot")) as snapshot,
            page.expect_response(re.compile("camera/prediction")) as prediction,
        ):
            page.get_by_test_id("tab-camera").click()
        assert (snapshot.value.status, prediction.value.status) == (200, 200)
        assert complaints == []


def test_without_the_token_there_is_no_page(url: str, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
            page.goto(url)
        expect(page.get_by_test_id("tab-camera")).to_have_count(0)
