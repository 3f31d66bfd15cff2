"""Who is let in: with a file of tokens everything but health asks for one."""

from __future__ import annotations

import logging

import pytest
import requests

from edge_server import services as services_module
from edge_server.app import create_app
from edge_server.guard.access import operators_only
from edge_server.settings import Settings

TOKEN, OTHER = "0123456789abcdef", "a-token-of-somebody-else"
HEALTH = {"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"}


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(f"# kiosk\n{TOKEN}\n# Home Assistant\n{OTHER}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def guarded(application, token_file):
    return application(camera="none", token_file=token_file).client


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_every_route_but_health_asks_for_a_token(guarded):
    """Routes that are yet to be written as well."""
    asked = set()
    for rule in guarded.application.url_map.iter_rules():
        path = rule.rule.replace("<path:filename>", "kiosk.js")
        for method in rule.methods - ({"OPTIONS"} if path == "/" else set()):
            answer = guarded.open(path, method=method)
            if answer.status_code == 401:
                asked.add(path)
            else:
                assert path in HEALTH, (method, path, answer.status_code)
    assert {"/", "/predict", "/camera/stream.mjpg", "/static/kiosk.js"} <= asked
    assert guarded.get("/nothing").status_code == 401


@pytest.mark.parametrize("token", [TOKEN, OTHER])
def test_each_token_of_the_file_lets_in(guarded, digit, token):
    data, label = digit(0)
    answer = guarded.post("/predict", data=data, headers=bearer(token))
    assert answer.get_json()["prediction"] == label
    assert guarded.get("/", headers={"Authorization": f"bearer {token}"}).status_code == 200


@pytest.mark.parametrize("user", ["edge", "", "anybody"])
def test_the_token_is_the_password_of_http_basic(guarded, user):
    assert guarded.get("/", auth=(user, TOKEN)).status_code == 200
    assert guarded.get("/", auth=(TOKEN, user)).status_code == 401


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer # kiosk",
        f"Token {TOKEN}",
        TOKEN,
        "Basic",
        "Basic !!!!",
        "Basic ZWRnZQ==",
        'Digest username="edge"',
        "Bearer \xff\xfe",
    ],
)
def test_anything_else_is_refused(guarded, value):
    answer = guarded.get("/", headers={"Authorization": value})
    assert answer.status_code == 401
    assert answer.get_json()["error"].endswith(".")


def test_a_refusal_says_what_to_send_and_a_browser_asks_for_a_password(guarded):
    answer = guarded.get("/predict")
    assert "Authorization: Bearer TOKEN" in answer.get_json()["error"]
    # On a line each: Chromium takes what follows a comma for a part of the first.
    assert answer.headers.getlist("WWW-Authenticate") == [
        'Bearer realm="edge-server"',
        'Basic realm="edge-server", charset="UTF-8"',
    ]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_health_is_for_everybody_and_its_details_for_those_with_a_token(guarded):
    assert guarded.get("/healthz").get_json() == {"status": "alive"}
    assert guarded.get("/readyz").get_json() == {"ready": True}
    assert guarded.get("/readyz", headers=bearer("wrong")).get_json() == {"ready": True}
    assert "model" in guarded.get("/readyz", headers=bearer(TOKEN)).get_json()


def test_the_base_address_is_health_for_programs_and_the_page_for_browsers(guarded):
    assert guarded.get("/", headers={"Accept": "*/*"}).get_json() == {"status": "alive"}
    browser = {"Accept": "text/html,*/*;q=0.8"}
    assert guarded.get("/", headers=browser).status_code == 401
    assert "<h1>" in guarded.get("/", headers=browser | bearer(TOKEN)).text


def test_a_wrong_token_is_logged_with_its_client_and_never_itself(guarded, caplog):
    caplog.set_level(logging.INFO)
    guarded.get("/", headers=bearer("wrong-but-secret-too"))
    guarded.get("/", headers=bearer(TOKEN))
    (warning,) = (r for r in caplog.records if r.levelno == logging.WARNING)
    assert warning.fields == {"client": "127.0.0.1", "path": "/"}
    assert "secret" not in caplog.text
    assert TOKEN not in caplog.text


def test_a_token_is_revoked_without_a_restart(guarded, token_file):
    token_file.write_text(f"{OTHER}\n")
    assert guarded.get("/", headers=bearer(TOKEN)).status_code == 401
    assert guarded.get("/", headers=bearer(OTHER)).status_code == 200


@pytest.mark.parametrize("with_file", [False, True])
def test_what_changes_the_server_asks_for_a_token_always(with_file, token_file):
    settings = Settings(camera="none", token_file=token_file if with_file else None)
    app = create_app(services_module.build(settings))
    app.add_url_rule("/change", view_func=operators_only(lambda: "changed"), methods=["POST"])
    client = app.test_client()
    allowed = client.post("/change", headers=bearer(TOKEN))
    if with_file:
        assert client.post("/change").status_code == 401
        assert allowed.text == "changed"
    else:
        assert allowed.status_code == 403
        assert "--token-file FILE" in allowed.get_json()["error"]


def test_without_a_file_nobody_is_asked(digits_app):
    assert digits_app.client.get("/").status_code == 200
    assert "model" in digits_app.client.get("/readyz").get_json()


def test_the_server_as_a_process_asks_too(server, token_file, digit):
    process = server("--port", 0, "--camera", "none", "--token-file", token_file)
    data, label = digit(0)
    url = process.url + "/predict"
    assert requests.post(url, data, timeout=20).status_code == 401
    assert requests.post(url, data, timeout=20, auth=("edge", "x" * 20)).status_code == 401
    answer = requests.post(url, data, timeout=20, auth=("edge", TOKEN))
    assert answer.json()["prediction"] == label
    assert requests.get(process.url + "/healthz", timeout=20).status_code == 200


def test_a_token_file_that_is_not_there_is_one_sentence_and_status_2(server, tmp_path):
    process = server("--port", 0, "--token-file", tmp_path / "none")
    assert process.end() == 2
    assert process.log.count("edge-server: ") == 1
    assert "--token-file names a file with a token a line" in process.log


@pytest.mark.parametrize("with_token", [False, True])
def test_an_open_server_says_what_that_means(with_token, server, token_file):
    tokens = ("--token-file", token_file) if with_token else ()
    process = server("--port", 0, "--host", "0.0.0.0", "--camera", "none", *tokens)
    warning = process.wait_for(r"(level=warning .*)")
    if with_token:
        assert "tokens and pictures cross the network readable for others" in warning
    else:
        assert "everybody who reaches 0.0.0.0 over a network can send pictures" in warning
        assert "--token-file" in warning
    assert "only this machine can reach it" not in process.log
