"""What /predict refuses because it is too much, and what it answers when it can't answer."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from edge_server.inference import bundle


def refused(answer, status, *words):
    """The answer is that status with one sentence that has these words."""
    assert answer[0] == status
    assert list(answer[1]) == ["error"]
    assert answer[1]["error"].endswith(".")
    for word in words:
        assert word in answer[1]["error"]


@pytest.fixture
def small(application):
    """A server with narrow limits."""
    client = application(max_body=1, max_pixels=1, max_images=3, camera="none").client

    def send(data, kind=None, **options):
        answer = client.post("/predict", data=data, content_type=kind, **options)
        return answer.status_code, answer.get_json()

    return send


def test_a_body_over_the_limit_is_refused_with_the_limit(small):
    refused(small(b"x" * (2**20 + 1), "image/jpeg"), 413, "limit of 1 MiB", "smaller")


def test_a_form_over_the_limit_is_refused_with_the_limit(small):
    data = {"image": (io.BytesIO(b"x" * (2**20 + 1)), "photo.jpg")}
    refused(small(data, "multipart/form-data"), 413, "limit of 1 MiB")


def test_a_form_with_too_many_parts_is_told_how_many_are_taken(small):
    data = {"images": [(io.BytesIO(b"x"), "photo.jpg") for _ in range(40)]}
    refused(small(data, "multipart/form-data"), 413, "at most 3 images")


def test_a_form_with_a_long_text_field_is_told_to_send_files(small):
    refused(small({"image": "x" * 600_000}, "multipart/form-data"), 413, "as files")


def test_too_many_pixels_are_refused_with_the_limit(small, encode):
    data = encode(Image.new("L", (1001, 1000)))
    refused(small(data, "image/png"), 413, "1001 x 1000", "1 million")


def test_too_many_images_are_refused_with_the_limit(small, digit):
    images = [base64.b64encode(digit(n)[0]).decode() for n in range(4)]
    refused(small(None, json={"images": images}), 400, "4 images", "limit of 3")


def test_a_model_that_fails_when_it_is_run_is_an_error_of_the_server(
    application, colour_file, paint, encode, monkeypatch
):
    # The runtime itself refuses a tensor of the wrong shape.
    served = application(model=colour_file(), preprocessing="unit")
    monkeypatch.setattr(
        served.services.models.get().classifier._preparation,
        "tensor",
        lambda pixels, _reduced: bundle.preprocessings.normalize(
            pixels, bundle.preprocessings.Preprocessing(9, 9)
        ),
    )
    answer = served.client.post("/predict", data=encode(paint(1, 2, 3)))
    refused((answer.status_code, answer.get_json()), 500, "fails when it is run")


def test_an_overloaded_server_says_when_to_come_back(application, digit):
    served = application(camera="none", interpreters=1, queue=0)
    with served.services.models.get().classifier._places.take(1):
        answer = served.client.post("/predict", data=digit(0)[0])
    refused((answer.status_code, answer.get_json()), 503, "busy")
    assert answer.headers["Retry-After"] == "1"


def test_a_request_does_not_wait_beyond_its_deadline(application, digit):
    served = application(camera="none", interpreters=1, timeout=0.05)
    with served.services.models.get().classifier._places.take(1):
        answer = served.client.post("/predict", data=digit(0)[0])
    refused((answer.status_code, answer.get_json()), 504, "within 0.05 s")


def test_a_threshold_leaves_out_what_is_less_sure(digits_app, digit):
    data, label = digit(0)
    sure = digits_app.client.post("/predict?threshold=0.5&top_k=10", data=data).get_json()
    assert (sure["prediction"], len(sure["top_k"])) == (label, 1)
    all_ten = digits_app.client.post("/predict?threshold=0&top_k=10", data=data).get_json()
    assert len(all_ten["top_k"]) == 10


@pytest.mark.parametrize("threshold", ["-0.1", "1.1", "nan", "inf", "high", ""])
def test_a_threshold_that_is_no_probability_is_refused(digits_app, digit, threshold):
    answer = digits_app.client.post(f"/predict?threshold={threshold}", data=digit(0)[0])
    refused((answer.status_code, answer.get_json()), 400, "threshold", "from 0 to 1")
