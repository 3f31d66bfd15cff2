from __future__ import annotations

import base64
import io

import numpy as np
import pytest

from edge_server.inference.runtime import Model


@pytest.fixture
def post(digits_app):
    """Posts to /predict; gives status and document."""

    def send(data=None, kind=None, query="", **options):
        answer = digits_app.client.post("/predict" + query, data=data, content_type=kind, **options)
        return answer.status_code, answer.get_json()

    return send


@pytest.fixture
def as_json(post):
    def send(document, **options):
        return post(None, json=document, **options)

    return send


@pytest.fixture
def form(post):
    """Posts files: (field, bytes) each."""

    def send(*files):
        data = {}
        for field, content in files:
            data.setdefault(field, []).append((io.BytesIO(content), "photo.jpg"))
        return post(data, "multipart/form-data")

    return send


def b64(data):
    return base64.b64encode(data).decode()


def refused(answer, status, *words):
    """The answer is that status with one sentence that has these words."""
    assert answer[0] == status
    assert list(answer[1]) == ["error"]
    assert answer[1]["error"].endswith(".")
    for word in words:
        assert word in answer[1]["error"]


def test_json_with_one_image(as_json, digit, digits_app):
    data, label = digit(3)
    status, answer = as_json({"image": b64(data)})
    assert status == 200
    assert answer["prediction"] == label
    assert answer["confidence"] == answer["top_k"][0]["confidence"] > 0.5
    assert [set(entry) for entry in answer["top_k"]] == [{"label", "index", "confidence"}] * 5
    assert answer["model"] == digits_app.services.models.get().info.to_json()
    assert set(answer["timing_ms"]) == {"decode", "preprocess", "queue", "invoke", "total"}
    assert answer["timing_ms"]["total"] >= answer["timing_ms"]["decode"] > 0


def test_json_with_several_images_is_answered_in_their_order(as_json, digit):
    pictures = [digit(n) for n in (5, 0, 7, 5)]
    status, answer = as_json({"images": [b64(data) for data, _ in pictures]})
    labels = [label for _, label in pictures]
    assert status == 200
    assert answer["predictions"] == labels
    assert [result["prediction"] for result in answer["results"]] == labels
    assert set(answer) == {"predictions", "results", "model", "timing_ms"}


def test_a_list_of_one_is_answered_as_a_list(as_json, digit):
    data, label = digit(1)
    assert as_json({"images": [b64(data)]})[1]["predictions"] == [label]


@pytest.mark.parametrize(
    "encode",
    [
        lambda data: "data:image/jpeg;base64," + b64(data),
        lambda data: base64.urlsafe_b64encode(data).decode(),
        lambda data: b64(data).rstrip("="),
        lambda data: base64.encodebytes(data).decode(),
    ],
    ids=["data url", "url-safe", "no padding", "lines"],
)
def test_every_form_of_base64_is_taken(encode, as_json, digit):
    data, label = digit(2)
    assert as_json({"image": encode(data)})[1]["prediction"] == label


@pytest.mark.parametrize(
    "kind",
    [
        "image/jpeg",
        "image/png",
        "image/*",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        None,
    ],
)
def test_the_bytes_of_an_image_are_taken_whatever_they_are_called(kind, post, digit):
    data, label = digit(4)
    status, answer = post(data, kind)
    assert (status, answer.get("prediction")) == (200, label)


@pytest.mark.parametrize(
    "kind", [None, "application/octet-stream", "application/x-www-form-urlencoded"]
)
def test_json_is_recognized_without_its_content_type(kind, post, digit):
    data, label = digit(6)
    assert post(f' {{"image": "{b64(data)}"}}'.encode(), kind)[1]["prediction"] == label


def test_json_may_name_its_charset(post, digit):
    data, label = digit(6)
    body = f'{{"image": "{b64(data)}"}}'.encode()
    assert post(body, "application/json; charset=utf-8")[1]["prediction"] == label


@pytest.mark.parametrize("field", ["image", "file", "anything"])
def test_a_form_with_one_file_is_answered_as_one_image(field, form, digit):
    data, label = digit(8)
    status, answer = form((field, data))
    assert (status, answer.get("prediction")) == (200, label)


def test_a_form_with_several_files_is_answered_as_a_batch(form, digit):
    pictures = [digit(n) for n in (9, 3, 6)]
    _, answer = form(*(("image", data) for data, _ in pictures))
    assert answer["predictions"] == [label for _, label in pictures]


def test_a_form_with_differently_named_files_keeps_their_order(form, digit):
    pictures = [digit(n) for n in (2, 1)]
    _, answer = form(("z", pictures[0][0]), ("a", pictures[1][0]))
    assert answer["predictions"] == [label for _, label in pictures]


@pytest.mark.parametrize("field", ["images", "images[]"])
def test_a_form_field_called_images_is_a_batch_even_of_one(field, form, digit):
    data, label = digit(8)
    assert form((field, data))[1]["predictions"] == [label]


@pytest.mark.parametrize(("query", "count"), [("", 5), ("?top_k=1", 1), ("?top_k=99", 10)])
def test_top_k_chooses_how_many_classes_are_named(query, count, post, digit):
    assert len(post(digit(0)[0], "image/jpeg", query)[1]["top_k"]) == count


@pytest.mark.parametrize("text", ["0", "-1", "five", "1.5", "", "٣", "9" * 400])
def test_a_top_k_that_is_none_is_refused(text, post, digit):
    refused(post(digit(0)[0], "image/jpeg", f"?top_k={text}"), 400, "top_k is '", "whole number")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, ["either"]),
        ({"image": "YQ==", "images": ["YQ=="]}, ["either"]),
        ([], ["either"]),
        ("text", ["either"]),
        ({"images": "YQ=="}, ["list"]),
        ({"images": []}, ["at least one"]),
        ({"image": ""}, ["base64 string"]),
        ({"image": "!!!!"}, ["not valid base64"]),
        ({"image": "data:text/plain,hello"}, ["not valid base64"]),
        ({"images": ["YQ==", 7]}, ["images[1]", "base64 string"]),
    ],
)
def test_json_that_is_not_the_contract_is_refused(document, words, as_json):
    refused(as_json(document), 400, *words)


def test_json_that_is_none_is_refused(post):
    refused(post(b'{"image": ', "application/json"), 400, "not valid JSON")


@pytest.mark.parametrize("kind", [None, "image/jpeg", "application/json"])
def test_an_empty_body_is_refused(kind, post):
    refused(post(b"", kind), 400, "no body")


def test_a_form_without_a_file_is_refused_with_an_example(post):
    refused(post({"image": "text"}, "multipart/form-data"), 400, "no file", "-F image=@")


def test_a_form_that_is_none_is_refused(post):
    refused(post(b"hello", "multipart/form-data"), 400, "no file")


def test_an_empty_file_is_refused(form):
    refused(form(("image", b"")), 422, "empty")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "video/mp4"])
def test_another_kind_of_body_is_refused_with_those_that_are_taken(kind, post, digit):
    refused(post(digit(0)[0], kind), 415, kind, "application/json", "image/jpeg")


def test_a_text_that_is_called_an_image_is_refused(post):
    refused(post(b"hello", "image/jpeg"), 415, "not an image")


def test_a_torn_jpeg_is_refused(post, digit):
    data = digit(0)[0]
    refused(post(data[: len(data) // 2], "image/jpeg"), 422, "cut off", "whole file")


def test_a_heic_photo_is_refused_with_the_way_out(post):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200
    refused(post(heic, "image/heic"), 415, "HEIC", "JPEG")


def test_a_bad_image_in_a_batch_is_named_by_its_place(as_json, form, digit):
    good = digit(0)[0]
    answer = as_json({"images": [b64(good), b64(good), b64(b"hello")]})
    refused(answer, 415, "images[2]: ", "not an image", "No answers were given for the others")
    refused(form(("images", good), ("images", b"hello")), 415, "images[1]: ")


def test_a_bad_image_in_a_batch_keeps_its_status(as_json, digit):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200
    refused(as_json({"images": [b64(heic), b64(digit(0)[0])]}), 415, "images[0]: ")


def test_scores_that_are_not_finite_are_a_sentence_and_not_json_s_nan(
    application, colour_file, digit, monkeypatch
):
    served = application(model=colour_file(), preprocessing="unit")
    monkeypatch.setattr(Model, "run", lambda *_: np.full((1, 3), np.nan, np.float32))
    answer = served.client.post("/predict", data=digit(0)[0])
    refused((answer.status_code, answer.get_json()), 500, "colour puts out numbers that are not")


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head"])
def test_other_methods_are_refused_with_the_one_that_is_taken(method, digits_app):
    answer = getattr(digits_app.client, method)("/predict")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    if method != "head":
        refused((405, answer.get_json()), 405, method.upper(), "Allow")
