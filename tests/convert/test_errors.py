"""Which line of a library's long message says why."""

from __future__ import annotations

import pytest

from convert.errors import first_line

KERAS_CONFIG = (
    "<class 'keras.src.models.functional.Functional'> could not be deserialized properly. "
    "Please ensure that components that are Python object instances returned by `get_config()` "
    f"are explicitly deserialized.\n\nconfig={{'module': {'x' * 900}}}.\n\n"
    "Exception encountered: Could not locate function 'mish'. Make sure it is registered."
)
KERAS_CALL = (
    "Exception encountered when calling Functional.call().\n\n"
    "\x1b[1m'kärna' is not a valid root scope name. It has to match a pattern.\x1b[0m"
    "\n\nArguments received by Functional.call():\n  • inputs=tf.Tensor(shape=(None, 8))"
)
ASSERTION = (
    "Graph execution error:\n\nDetected at node assert/Assert defined at (most recent call last):\n"
    "<stack traces unavailable>\nassertion failed: [image must be 0..1] [Condition x <= y]\n"
    "\t [[{{node assert/Assert}}]] [Op:__inference_signature_wrapper_12]"
)
SEVERAL_ROOTS = (
    "2 root error(s) found.\n  (0) INVALID_ARGUMENT:  Input to reshape has 5 values\n"
    "\t [[{{node Reshape}}]]\n  (1) INVALID_ARGUMENT:  Input to reshape has 5 values\n"
    "\t [[{{node Reshape}}]]\n0 successful operations."
)
IN_USER_CODE = (
    'in user code:\n\n    File "/home/me/train.py", line 3, in call  *\n        x = y\n\n'
    "    ValueError: Dimensions must be equal, but are 3 and 4"
)
OF_A_FUNCTION = "{{function_node __inference_f_7}} assertion failed: [too dark] [Op:Assert] name: "


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (KERAS_CONFIG, "Could not locate function 'mish'. Make sure it is registered"),
        (KERAS_CALL, "'kärna' is not a valid root scope name. It has to match a pattern"),
        (ASSERTION, "assertion failed: [image must be 0..1] [Condition x <= y]"),
        (SEVERAL_ROOTS, "Input to reshape has 5 values"),
        (IN_USER_CODE, "Dimensions must be equal, but are 3 and 4"),
        (OF_A_FUNCTION, "assertion failed: [too dark]"),
        ("", "ValueError"),
        ("File not found.", "File not found"),
    ],
)  # fmt: skip
def test_the_cause_is_what_is_said(message: str, said: str) -> None:
    assert first_line(ValueError(message)) == said


def test_a_cause_that_is_long_is_cut_at_a_word_with_a_mark() -> None:
    said = first_line(ValueError("wrong " + "shape " * 200))
    assert said.endswith("shape...")
    assert len(said) < 250
