from __future__ import annotations

import pytest

from edge_server.errors import ModelNotFound, ModelNotReady
from edge_server.repository import State


def test_an_unloaded_model_answers_503_until_it_is_loaded_again(application, digit):
    served = application(camera="none")
    models = served.services.models
    name = models.default_name
    models.unload(name)
    assert [status.state for status in models.versions(name)] == [State.END]
    with pytest.raises(ModelNotReady, match="unloaded"):
        models.get()
    assert served.client.post("/predict", data=digit(0)[0]).status_code == 503
    models.load(name)
    assert [status.state for status in models.versions(name)] == [State.AVAILABLE]
    assert served.client.post("/predict", data=digit(0)[0]).status_code == 200
    assert models.names == (name,)


@pytest.mark.parametrize("verb", ["load", "unload", "versions"])
def test_what_is_not_there_is_not_found(verb, digits_app):
    with pytest.raises(ModelNotFound, match="'cats'"):
        getattr(digits_app.services.models, verb)("cats")
