"""/openapi.json of a running server is valid OpenAPI."""

from __future__ import annotations

from typing import Any

import openapi_spec_validator
import pytest
import requests
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError


def test_it_is_valid_openapi(digits_server: Any) -> None:
    api = requests.get(f"{digits_server.url}/openapi.json", timeout=10).json()
    openapi_spec_validator.validate(api)
    del api["info"]["title"]
    with pytest.raises(OpenAPIValidationError, match="title"):
        openapi_spec_validator.validate(api)
