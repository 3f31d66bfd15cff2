"""What pages of other sites get: CORS for those that are named, and nothing for the others."""

from __future__ import annotations

import pytest

from edge_server.errors import SettingError
from edge_server.guard.origins import check_origins, is_local_name

OURS, THEIRS = "https://ours.example", "https://theirs.example"
TOKEN = "0123456789abcdef"


def asks(method, origin, headers="authorization, content-type"):
    """The headers of a browser's question beforehand."""
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }


def cors_of(answer):
    return {k: v for k, v in answer.headers.items() if k.startswith("Access-Control-")}


@pytest.fixture
def named(application):
    return application(camera="none", cors=(OURS,)).client


def test_without_a_named_origin_no_answer_speaks_of_any(digits_app):
    for method in ("get", "options"):
        answer = getattr(digits_app.client, method)("/healthz", headers=asks("GET", THEIRS))
        assert cors_of(answer) == {}
        assert "Origin" not in answer.vary


def test_a_named_origin_may_read_answers_and_errors(named, digit):
    data, label = digit(0)
    answer = named.post("/predict", data=data, headers={"Origin": OURS})
    assert answer.get_json()["prediction"] == label
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.vary
    wrong = named.post("/predict", data=b"no image", headers={"Origin": OURS})
    assert wrong.headers["Access-Control-Allow-Origin"] == OURS
    assert wrong.status_code >= 400


def test_another_origin_may_not(named):
    answer = named.get("/healthz", headers={"Origin": THEIRS})
    assert cors_of(answer) == {}
    assert "Origin" in answer.vary  # or a cache would hand it to those who may
    for similar in (OURS + ".evil.example", OURS + ":8443", OURS.replace("https", "http"), "null"):
        assert cors_of(named.get("/healthz", headers={"Origin": similar})) == {}
    assert "Origin" in named.get("/healthz").vary


def test_all_may_where_all_are_named(application):
    client = application(camera="none", cors=("*",)).client
    for origin in (THEIRS, "null"):
        answer = client.get("/healthz", headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_browser_s_question_beforehand_needs_no_token_and_what_follows_does(
    application, tmp_path, digit
):
    path = tmp_path / "tokens"
    path.write_text(TOKEN)
    path.chmod(0o600)
    client = application(camera="none", cors=(OURS,), token_file=path).client
    answer = client.options("/predict", headers=asks("POST", OURS))
    assert (answer.status_code, answer.data) == (204, b"")
    assert cors_of(answer) == {
        "Access-Control-Allow-Origin": OURS,
        "Access-Control-Allow-Methods": "GET, HEAD, POST",
        "Access-Control-Allow-Headers": "authorization, content-type",
        "Access-Control-Max-Age": "600",
        "Access-Control-Expose-Headers": answer.headers["Access-Control-Expose-Headers"],
    }
    assert client.options("/predict", headers=asks("POST", THEIRS)).status_code == 401
    refused = client.post("/predict", data=digit(0)[0], headers={"Origin": OURS})
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == OURS  # the page can read the reason
    login = {"Origin": OURS, "Authorization": f"Bearer {TOKEN}"}
    assert client.post("/predict", data=digit(0)[0], headers=login).status_code == 200


def test_header_names_that_are_none_are_not_repeated(named):
    answer = named.options("/predict", headers=asks("POST", OURS, 'x"\ty<script>'))
    assert "Access-Control-Allow-Headers" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": OURS, "Sec-Fetch-Site": "same-origin"}, True),  # a proxy changed the host
        ({"Origin": THEIRS}, False),
        ({"Origin": THEIRS, "Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "http://localhost:8081", "Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "http://localhost:8081"}, False),
        ({"Origin": "null"}, False),
    ],
)
def test_a_foreign_page_s_post_is_refused_before_it_costs_anything(
    headers, allowed, digits_app, digit
):
    answer = digits_app.client.post("/predict", data=digit(0)[0], headers=headers)
    assert answer.status_code == (200 if allowed else 403)
    if not allowed:
        assert f"--cors {headers['Origin']}" in answer.get_json()["error"]
    assert digits_app.client.get("/healthz", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example"])
def test_a_page_that_leads_its_own_name_here_is_refused(host, digits_app, digit):
    """DNS rebinding: for the browser the page and this server are the same site."""
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    for path in ("/metrics", "/nothing", "/static/kiosk.js"):
        answer = digits_app.client.get(path, headers=headers)
        assert answer.status_code == 421
        assert f"--allow-host {host.partition(':')[0]}" in answer.get_json()["error"]
    answer = digits_app.client.post("/predict", data=digit(0)[0], headers=headers)
    assert answer.status_code == 421
    assert digits_app.client.get("/healthz", headers=headers).status_code == 200


def test_a_name_that_is_allowed_is_answered(application):
    client = application(camera="none", allow_host=("Pi.Example.org",)).client
    for host, status in (("pi.example.org:8080", 200), ("example.org", 421)):
        assert client.get("/metrics", headers={"Host": host}).status_code == status


def test_a_server_with_tokens_goes_by_every_name(application, tmp_path):
    path = tmp_path / "tokens"
    path.write_text(TOKEN)
    path.chmod(0o600)
    client = application(camera="none", token_file=path).client
    headers = {"Host": "pi.example.org", "Authorization": f"Bearer {TOKEN}"}
    assert client.get("/metrics", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("name", "is_local"),
    [
        *((name, True) for name in ("127.0.0.1", "192.168.1.5", "::1", "fe80::1", "localhost")),
        *((name, True) for name in ("raspberrypi", "pi.local", "pi.lan", "a.b.home.arpa", "")),
        ("edge.default.svc.cluster.local", True),
        *((name, False) for name in ("example.org", "local.example.org", "127.0.0.1.example.org")),
        *((name, False) for name in ("evillocal.org", "pi.fritz.box", "1.2.3")),
    ],
)
def test_addresses_and_local_names_are_no_foreign_site(name, is_local):
    assert is_local_name(name) is is_local


@pytest.mark.parametrize(
    "origin", ["example.org", "https://example.org/", "https://Example.org", "null", "*.org", ""]
)
def test_what_is_no_origin_is_refused_with_an_example(origin):
    with pytest.raises(SettingError, match=r"is no origin: .*https://example\.org"):
        check_origins((origin,))


def test_origins_are_taken():
    check_origins((OURS, "http://localhost:3000", "http://[::1]:3000", "http://192.168.1.5", "*"))
