from __future__ import annotations

import re

import pytest

from edge_server.inference.manifest import Manifest, Output
from edge_server.inference.preprocessing import from_preset
from edge_server.routes.pages import Accuracy, accuracy


def page(served):
    answer = served.client.get("/")
    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    return answer.get_data(as_text=True)


def test_the_page_names_model_and_held_out_accuracy(digits_app):
    html = page(digits_app)
    model = digits_app.services.models.get().info
    validation = digits_app.services.models.get().classifier.bundle.manifest.validation
    assert "<h1>digits</h1>" in html
    assert f'data-size-bytes="{model.size_bytes}"' in html
    assert f'data-recipe="{model.recipe}"' in html
    assert f'data-top1="{validation["candidate"]["top1"]}"' in html
    assert f'data-samples="{validation["samples"]}"' in html


def test_the_camera_is_shown_where_there_is_one(application, digits_app):
    assert 'id="panel-camera"' in page(application())
    assert 'id="panel-camera"' not in page(digits_app)


def test_drawing_is_offered_for_the_ten_digits_alone(digits_app, application, colour_file):
    assert 'id="pad"' in page(digits_app)
    assert 'id="pad"' not in page(application(model=colour_file(), preprocessing="unit"))


def test_a_model_without_validation_shows_no_accuracy(application, colour_file):
    assert 'id="plate-accuracy"' not in page(application(model=colour_file(), preprocessing="unit"))


def test_a_title_of_one_s_own_is_shown_as_text(application):
    html = page(application(camera="none", title="<b>Lobby & Co</b>"))
    assert "<h1>&lt;b&gt;Lobby &amp; Co&lt;/b&gt;</h1>" in html


def test_the_page_has_no_inline_script_or_style_and_nothing_from_elsewhere(application):
    html = page(application())
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", html)
    assert not re.search(r"(src|href)=\"(https?:)?//", html)


def test_every_file_that_the_page_names_is_served(digits_app):
    found = re.findall(r'(?:src|href)="(/static/[^"]+)"', page(digits_app))
    assert len(found) >= 3
    for path in found:
        assert digits_app.client.get(path).status_code == 200, path


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/predict", "/nothing", "/static/kiosk.js", "/camera/prediction"]
)
def test_every_answer_carries_the_security_headers(path, digits_app):
    headers = digits_app.client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/static/kiosk.css"])
def test_the_head_of_a_page_has_no_body(path, digits_app):
    answer = digits_app.client.head(path)
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("path", ["/nothing", "/static/../app.py", "/static/nothing.js"])
def test_what_is_not_there_is_a_sentence(path, digits_app):
    answer = digits_app.client.get(path)
    assert answer.status_code == 404
    assert answer.get_json()["error"].startswith("There is nothing at /")


def test_an_error_that_nobody_foresaw_is_a_sentence_and_a_trace_in_the_log(
    digits_app, digit, monkeypatch, caplog
):
    monkeypatch.setattr(
        digits_app.services.models.get().classifier, "classify_batch", lambda *_, **__: 1 / 0
    )
    answer = digits_app.client.post("/predict", data=digit(0)[0])
    assert answer.status_code == 500
    assert answer.get_json() == {"error": "The server made a mistake: its log says more."}
    assert "ZeroDivisionError" in caplog.text


def test_accuracy_is_that_of_the_manifest():
    spec = from_preset("unit", width=8, height=8)
    validation = {
        "samples": 40,
        "original": {"top1": 0.9},
        "candidate": {"top1": 0.875},
        "agreement": {"top1": 0.95},
    }
    manifest = Manifest("m", spec, Output.LOGITS, "int8", validation=validation)
    assert accuracy(manifest) == Accuracy(0.875, 40, 0.9, 0.95)


def test_photos_without_labels_give_no_accuracy():
    spec = from_preset("unit", width=8, height=8)
    validation = {"candidate": {"top1": None}}
    assert accuracy(Manifest("m", spec, Output.LOGITS, "int8", validation=validation)) is None
    assert accuracy(None) is None
