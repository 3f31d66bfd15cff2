from __future__ import annotations

from edge_server.inference.runtime import runtime_info


def test_the_process_is_alive(digits_app):
    answer = digits_app.client.get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "alive"})


def test_ready_names_model_runtime_and_validation(digits_app):
    document = digits_app.client.get("/readyz").get_json()
    assert document["ready"] is True
    assert document["model"] == digits_app.services.models.get().info.to_json()
    assert document["model"]["recipe"] == "int8"
    assert document["runtime"] == {"name": runtime_info().name, "version": runtime_info().version}
    assert document["validation"]["verdict"] == "passed"
    assert document["validation"]["candidate"]["top1"] >= 0.97
    assert document["camera"] is None


def test_ready_says_how_the_camera_is(application, until):
    served = application()
    until(served.services.camera.grabber.latest)
    camera = served.client.get("/readyz").get_json()["camera"]
    assert (camera["state"], camera["viewers"]) == ("live", 0)


def test_a_lost_camera_does_not_take_uploads_out_of_service(application, tmp_path, until, digit):
    served = application(camera=f"folder:{tmp_path}")
    until(lambda: served.services.camera.grabber.status().error)
    answer = served.client.get("/readyz")
    assert answer.status_code == 200
    assert "has no pictures" in answer.get_json()["camera"]["error"]
    assert served.client.post("/predict", data=digit(0)[0]).status_code == 200


def test_a_model_of_others_is_ready_without_a_validation(application, colour_file):
    served = application(model=colour_file(), preprocessing="unit")
    document = served.client.get("/readyz").get_json()
    assert document["validation"] is None
    assert document["model"]["name"] == "colour"
    assert document["model"]["recipe"] == "unknown"
