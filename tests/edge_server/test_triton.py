"""Triton's repository and statistics extensions, in this process."""

from __future__ import annotations

import json

import pytest

from edge_server.repository import State, VersionStatus
from edge_server.wire import open_inference_model as wire

MODEL = "/v2/models/digits"
TOKEN = "0123456789abcdef0123456789abcdef"
GOOD = {"name": "image", "shape": [2, 32, 32, 1], "datatype": "FP32", "data": [0] * 2048}


@pytest.fixture
def operated(application, tmp_path):
    """The digits with a token, and a way to ask with it."""
    file = tmp_path / "tokens"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    served = application(camera="none", token_file=file)

    def ask(path, document=None, method="POST", token=TOKEN):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = json.dumps(document) if document is not None else b""
        return served.client.open(path, method=method, data=data, headers=headers)

    return ask


def test_the_index_lists_every_version(digits_app):
    for body in (b"", b"{}", b'{"ready": true}'):
        answer = digits_app.client.post("/v2/repository/index", data=body)
        assert answer.get_json() == [
            {"name": "digits", "version": "1", "state": "READY", "reason": ""}
        ]
    assert digits_app.client.post("/v2/repository/index", data=b"[]").status_code == 400
    assert digits_app.client.post("/v2/repository/index", data=b"x").status_code == 400


def test_states_have_triton_s_names():
    versions = [VersionStatus("m", str(n), state, "why") for n, state in enumerate(State)]
    states = [entry["state"] for entry in wire.index(versions, ready=False)]
    assert states == ["LOADING", "LOADING", "READY", "UNLOADING", "UNAVAILABLE"]
    assert [entry["version"] for entry in wire.index(versions, ready=True)] == ["2"]
    assert wire.index(versions, ready=True)[0]["reason"] == "why"


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_without_a_token_nobody_changes_what_is_served(digits_app, operated, verb):
    path = f"/v2/repository/models/digits/{verb}"
    answer = digits_app.client.post(path)
    assert (answer.status_code, "--token-file" in answer.get_json()["error"]) == (403, True)
    assert operated(path, token=None).status_code == 401
    assert operated(path, token="wrong").status_code == 401
    assert digits_app.client.get(MODEL + "/ready").status_code == 200


def test_a_model_is_unloaded_and_loaded_again(operated):
    for _ in range(2):
        assert (
            operated(
                "/v2/repository/models/digits/unload", {"parameters": {"unload_dependents": False}}
            ).status_code
            == 200
        )
        assert operated(MODEL + "/ready", method="GET").status_code == 503
        assert operated("/v2/health/ready", method="GET", token=None).status_code == 503
        assert operated("/v2/health/live", method="GET", token=None).status_code == 200
        asked = operated(MODEL + "/infer", {"inputs": [GOOD]})
        assert (asked.status_code, list(asked.get_json())) == (503, ["error"])
        (entry,) = operated("/v2/repository/index").get_json()
        assert entry["state"] == "UNAVAILABLE"
        assert operated("/v2/repository/index", {"ready": True}).get_json() == []
        assert operated("/v2/repository/models/digits/load", {}).status_code == 200
        assert operated(MODEL + "/infer", {"inputs": [GOOD]}).status_code == 200


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_a_model_that_is_not_there_is_not_found(operated, verb):
    answer = operated(f"/v2/repository/models/none/{verb}", {})
    assert (answer.status_code, list(answer.get_json())) == (404, ["error"])


def test_a_model_that_is_sent_along_is_not_taken(operated):
    answer = operated(
        "/v2/repository/models/digits/load", {"parameters": {"file:1/model.tflite": "AAAA"}}
    )
    assert (answer.status_code, list(answer.get_json())) == (501, ["error"])
    assert operated("/v2/repository/models/digits/load", {"parameters": None}).status_code == 400


def test_statistics_count_requests_pictures_and_runs(application, until):
    client = application(camera="none").client
    for path in (MODEL + "/stats", "/v2/models/stats", MODEL + "/versions/1/stats"):
        (before,) = client.get(path).get_json()["model_stats"]
        assert (before["inference_count"], before["last_inference"]) == (0, 0)
    for _ in range(3):
        assert client.post(MODEL + "/infer", data=json.dumps({"inputs": [GOOD]})).status_code == 200
    bad = GOOD | {"shape": [2, 16, 64, 1]}
    assert client.post(MODEL + "/infer", data=json.dumps({"inputs": [bad]})).status_code == 400
    assert client.post("/predict", data=b"no picture").status_code in (400, 415, 422)

    (stats,) = client.get(MODEL + "/stats").get_json()["model_stats"]
    assert (stats["name"], stats["version"]) == ("digits", "1")
    assert stats["inference_count"] == 6
    assert 3 <= stats["execution_count"] <= 6
    assert stats["last_inference"] > 1_700_000_000_000
    parts = stats["inference_stats"]
    assert (parts["success"]["count"], parts["fail"]["count"]) == (3, 2)
    for part in ("queue", "compute_input", "compute_infer", "compute_output"):
        assert parts[part]["count"] == 3
    assert parts["compute_infer"]["ns"] > 0
    assert parts["fail"]["ns"] > 0
    runs = {batch["batch_size"]: batch["compute_infer"] for batch in stats["batch_stats"]}
    assert sum(size * run["count"] for size, run in runs.items()) == 6
    assert sum(run["count"] for run in runs.values()) == stats["execution_count"]
    assert sum(run["ns"] for run in runs.values()) == pytest.approx(
        parts["compute_infer"]["ns"], rel=1e-3
    )
