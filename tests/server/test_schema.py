"""schemathesis asks the server what its OpenAPI document allows and what not; few examples, always the same."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from live_server import running, wav
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
SETTINGS = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


OPERATIONS = [("POST", "/v1/detect"), *(("GET", path) for path in ("/v1/model", "/healthz", "/readyz", "/metrics"))]


@pytest.fixture(scope="module")
def described():
    with running() as server:
        yield schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def test_no_operation_is_left_out(described: Any):
    found = [(one.ok().method.upper(), one.ok().path) for one in described.get_all_operations()]
    assert sorted(found) == sorted(OPERATIONS)


@pytest.mark.parametrize("mode", schemathesis.GenerationMode)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_as_described(described: Any, method: str, path: str, mode: Any):
    operation = described[path][method]
    if mode is schemathesis.GenerationMode.NEGATIVE and not (operation.query or operation.body):
        pytest.skip("takes nothing that could be wrong")

    @SETTINGS
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    ask()


def test_with_a_good_recording_only_the_query_can_be_wrong(described: Any):
    """What is wrong in it is told as 400, whatever it is."""
    audio = wav(1.0)
    answers: set[int] = set()

    @SETTINGS
    @given(
        st.one_of(described["/v1/detect"]["POST"].as_strategy(generation_mode=m) for m in schemathesis.GenerationMode)
    )
    def ask(case: Any) -> None:
        case.body, case.media_type = audio, "application/octet-stream"
        answer = case.call()
        case.validate_response(answer, checks=CHECKS)
        answers.add(answer.status_code)

    ask()
    assert answers == {200, 400}
