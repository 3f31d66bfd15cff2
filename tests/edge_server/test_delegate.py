"""An accelerator's library runs the model, or the CPU does and it is said."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from delegates import compiled
from edge_server import settings
from edge_server.errors import ModelFileError, SettingError
from edge_server.inference import bundle, delegate, golden, proving
from edge_server.inference.classifier import Classifier
from edge_server.inference.delegate import Delegate
from edge_server.inference.runtime import DelegateFailed, Model


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("delegate"))


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def told(library, log):
    def make(what):
        return Delegate(str(library), (("do", what), ("log", str(log))))

    return make


@pytest.fixture
def proven(bundled_model):
    def make(chosen, file=bundled_model):
        return proving.prove(lambda d: Classifier(bundle.read(file), delegate=d), chosen)

    return make


def test_a_delegate_is_loaded_told_its_options_and_given_the_model(told, log, mean_model):
    model = Model(mean_model(), delegate=told("nothing"))
    assert log.read_text().split() == ["created", "prepared"]
    scores = model.run(np.full((1, 8, 8, 3), 0.5, np.float32))
    np.testing.assert_allclose(scores, 0.5)


def test_each_interpreter_has_a_delegate_of_its_own_and_lets_go_of_it(told, log, bundled_model):
    classifier = Classifier(bundle.read(bundled_model), interpreters=2, delegate=told("nothing"))
    assert log.read_text().split() == ["created", "prepared"] * 2
    del classifier
    gc.collect()
    assert log.read_text().split()[4:] == ["destroyed"] * 2


def test_what_the_delegate_computes_is_the_answer(told, mean_model):
    model = Model(mean_model(), delegate=told("zeros"))
    assert not model.run(np.full((1, 8, 8, 3), 0.5, np.float32)).any()


def test_a_library_that_gives_no_delegate_is_named_with_its_reason(told, mean_model):
    with pytest.raises(DelegateFailed, match=r"libdelegate\.so can't be .*: no such accelerator"):
        Model(mean_model(), delegate=told("refuse"))


@pytest.mark.parametrize("missing", ["libno_such_delegate.so.1", "/no/such/delegate.so"])
def test_a_library_that_is_not_there_is_named(missing, mean_model, capfd):
    with pytest.raises(DelegateFailed, match=r"can't be loaded.*No such file.*Install its library"):
        Model(mean_model(), delegate=Delegate(missing))
    gc.collect()
    assert "Exception ignored" not in capfd.readouterr().err


def test_a_library_that_is_no_delegate_is_named(mean_model, recwarn):
    with pytest.raises(DelegateFailed, match=r"libm\.so\.6 can't be loaded.*tflite_plugin"):
        Model(mean_model(), delegate=Delegate("libm.so.6"))
    gc.collect()
    assert not recwarn


def test_a_model_that_the_delegate_does_not_take_is_refused(told, mean_model):
    with pytest.raises(ModelFileError, match=r"does not know the model|can't be loaded"):
        Model(mean_model(), delegate=told("fail"))


def test_a_delegate_that_answers_as_the_model_should_is_used(told, proven, library):
    found = proven(told("nothing"))
    assert found.samples == 4
    assert found.delegation == proving.Delegation(str(library), used=True)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("refuse", "no such accelerator is plugged in"),
        ("fail", "can't be loaded"),
        ("zeros", "does not answer on this device as it did"),
    ],
)
def test_otherwise_the_cpu_runs_the_model_and_the_log_says_why(
    what, reason, told, proven, digit, caplog
):
    found = proven(told(what))
    assert not found.delegation.used
    assert reason in found.delegation.reason
    data, label = digit(0)
    assert found.classifier.classify(data).top[0].label == label
    assert golden.check(found.classifier) == 4
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert reason in record.fields["reason"]


def test_without_a_delegate_nothing_is_said_of_one(proven, caplog):
    assert proven(None).delegation is None
    assert not caplog.records


def test_a_model_for_an_accelerator_alone_is_refused_with_both_reasons(told, proven, bundled_model):
    def load(chosen):
        if chosen is None:
            raise ModelFileError("The model holds an operator that the CPU lacks.")
        return Classifier(bundle.read(bundled_model), delegate=chosen)

    with pytest.raises(ModelFileError, match=r"the CPU lacks\. And .* delegate: .*plugged in"):
        proving.prove(load, told("refuse"))


def test_the_server_says_which_delegate_runs_the_model(application, library, log):
    served = application(
        camera="none", delegate=str(library), delegate_options=("do=nothing", f"log={log}")
    )
    answer = served.client.get("/readyz").get_json()
    assert answer["delegate"] == {"library": str(library), "used": True, "reason": None}
    assert "prepared" in log.read_text()
    metrics = served.client.get("/metrics").get_data(as_text=True)
    assert f'delegate="{library}"' in metrics


def test_the_server_says_why_the_delegate_does_not_run_it(application, library, digit):
    served = application(camera="none", delegate=str(library), delegate_options=("do=zeros",))
    answer = served.client.get("/readyz").get_json()
    assert answer["ready"] is True
    assert answer["delegate"]["used"] is False
    assert "does not answer on this device" in answer["delegate"]["reason"]
    data, label = digit(0)
    assert served.client.post("/predict", data=data).get_json()["prediction"] == label


def test_a_server_without_a_delegate_says_none(application):
    client = application(camera="none").client
    assert client.get("/readyz").get_json()["delegate"] is None
    assert 'delegate="none"' in client.get("/metrics").get_data(as_text=True)


def test_options_are_read_from_the_command_line():
    words = ["--delegate", "libx.so"]
    for option in ("device=usb:0", "a=b=c"):
        words += ["--delegate-options", option]
    chosen = settings.read(words, {})
    found = delegate.from_settings(chosen.delegate, chosen.delegate_options)
    assert found == Delegate("libx.so", (("device", "usb:0"), ("a", "b=c")))


@pytest.mark.parametrize("wrong", ["device", "=usb", ""])
def test_an_option_without_key_and_value_is_refused(wrong):
    with pytest.raises(SettingError, match="write key=value"):
        delegate.pair(wrong)


def test_an_option_without_a_delegate_is_refused():
    with pytest.raises(SettingError, match="give --delegate too"):
        delegate.from_settings("", ("a=b",))
