"""/openapi.json says what the server does: every address, every method, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypedDict

import pytest
from flask import Flask

from edge_server.api import document
from edge_server.api.schema import Schemas

GENERAL = {"HEAD", "OPTIONS"}
TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def api(digits_app: Any) -> dict[str, Any]:
    answer = digits_app.client.get("/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return dict(answer.json)


def test_every_route_and_method_is_described_and_nothing_else(
    digits_app: Any, api: dict[str, Any]
) -> None:
    offered = {
        (document.path_of(rule), method.lower())
        for rule in digits_app.client.application.url_map.iter_rules()
        for method in rule.methods - GENERAL
    }
    described = {(path, method) for path, found in api["paths"].items() for method in found}
    assert described == offered


def test_a_route_without_a_description_is_an_error(digits_app: Any) -> None:
    app = Flask("another", static_folder=None)
    app.add_url_rule("/forgotten", view_func=lambda: "")
    with pytest.raises(LookupError, match="/forgotten"):
        document.build(app, None, tokens=False)


def test_operations_have_names_of_their_own(api: dict[str, Any]) -> None:
    names = [found["operationId"] for path in api["paths"].values() for found in path.values()]
    assert len(names) == len(set(names))


def operations_with_examples(api: dict[str, Any]) -> list[tuple[str, str, Any]]:
    found = []
    for path, methods in api["paths"].items():
        for operation in methods.values():
            for media, body in operation.get("requestBody", {}).get("content", {}).items():
                for example in body.get("examples", {}).values():
                    place = {p["name"]: p.get("example") for p in operation.get("parameters", ())}
                    found.append((path.format(**place), media, example["value"]))
    return found


def test_the_examples_of_requests_are_answered(digits_app: Any, api: dict[str, Any]) -> None:
    examples = [e for e in operations_with_examples(api) if "/labels/" not in e[0]]
    assert len(examples) >= 10
    for path, media, value in examples:
        answer = digits_app.client.post(path, data=json.dumps(value), content_type=media)
        assert answer.status_code == 200, (path, answer.json)
    picture = api["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    one = picture["examples"]["one image"]["value"]
    assert digits_app.client.post("/predict", json=one).json["prediction"] == "3"


def test_tokens_are_asked_for_only_where_they_are_set(
    application: Any, api: dict[str, Any], tmp_path: Path
) -> None:
    assert "security" not in api and "securitySchemes" not in api["components"]
    assert "403" in api["paths"]["/v2/repository/models/{name}/load"]["post"]["responses"]
    file = tmp_path / "tokens"
    file.write_text(TOKEN)
    file.chmod(0o600)
    client = application(camera="none", token_file=file).client
    assert client.get("/openapi.json").status_code == 401
    told = client.get("/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}).json
    assert set(told["components"]["securitySchemes"]) == {"bearer", "basic"}
    assert "WWW-Authenticate" in told["paths"]["/predict"]["post"]["responses"]["401"]["headers"]
    assert {} in told["paths"]["/healthz"]["get"]["security"]
    assert "401" not in told["paths"]["/healthz"]["get"]["responses"]


def test_errors_of_a_route_are_those_of_its_code(api: dict[str, Any]) -> None:
    responses = api["paths"]["/predict"]["post"]["responses"]
    assert {"200", "400", "404", "408", "413", "415", "422", "431", "503", "504"} <= set(responses)
    assert responses["503"]["headers"]["Retry-After"]["required"] is True


def test_two_shapes_of_one_name_and_a_type_without_a_schema_are_errors() -> None:
    from edge_server.wire import health

    schemas = Schemas()
    schemas.of(health.Ready)
    other = TypedDict("Ready", {"x": int})  # noqa: UP013
    with pytest.raises(TypeError, match="Two shapes"):
        schemas.of(other)
    with pytest.raises(TypeError, match="no schema"):
        schemas.of(set)


def test_who_is_lost_is_sent_to_the_docs(digits_app: Any) -> None:
    assert digits_app.client.get("/nowhere").json["error"].endswith("addresses at /docs.")
    page = digits_app.client.get("/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")


def test_a_verb_is_no_part_of_a_models_name(digits_app: Any) -> None:
    answer = digits_app.client.get("/v1/models/digits:predict")
    assert answer.status_code == 405
    assert "GET" not in answer.headers["Allow"]


def test_the_index_wants_true_or_false(digits_app: Any) -> None:
    assert digits_app.client.post("/v2/repository/index", json={"ready": {}}).status_code == 400
