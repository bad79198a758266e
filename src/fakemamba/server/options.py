"""What may be asked of one recording, from the query or from the fields of a form."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fakemamba.server.problem import Problem


class DetectOptions(BaseModel):
    """Options of `POST /v1/detect`; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: Annotated[
        float | None,
        Field(
            allow_inf_nan=False,
            ge=-1000,
            le=1000,
            description="The evidence (log-likelihood ratio) below which a recording is fake, in place of the model's "
            "own. Higher finds more fakes and accuses more real voices. A raw score for an uncalibrated model.",
        ),
    ] = None
    operating_point: Annotated[
        str | None,
        Field(
            max_length=40,
            description="How to decide, by a name that `GET /v1/model` lists, such as `screening`; in place of a "
            "threshold.",
        ),
    ] = None
    near: Annotated[
        bool,
        Field(
            description="Whether short windows look for short fakes too, where the model's card has a near pass: "
            "`GET /v1/model` tells. They change no verdict on the whole; `false` is faster."
        ),
    ] = True
    report: Annotated[
        Literal["none", "json", "html", "both"],
        Field(
            description="`none`: the result alone. `json`: the whole case document with model and settings. "
            "`html`: the same as a self-contained page. `both`: an object with the document as `json` and the page as "
            "`html`, of one and the same analysis."
        ),
    ] = "none"
    name: Annotated[
        str | None,
        Field(
            max_length=255,
            description="What to call the recording in the answer, in place of the uploaded file's name; "
            "it is neither logged nor kept.",
        ),
    ] = None
    progress: Annotated[
        bool,
        Field(
            description="Answer with a line of JSON now and then (application/x-ndjson): `progress` with the seconds "
            "done, at last `result` or `error`."
        ),
    ] = False


def merged(query: DetectOptions, fields: dict[str, str]) -> DetectOptions:
    """The query's options with the form's on top; raises Problem 400 for what is unknown or out of range."""
    if not fields:
        return query
    given: dict[str, Any] = {name: getattr(query, name) for name in query.model_fields_set}
    try:
        return DetectOptions.model_validate({**given, **fields})
    except ValidationError as error:
        raise bad_options(error.errors()) from error


def bad_options(errors: Any) -> Problem:
    """400 with the first fault in one line."""
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("query", "body"))
    known = ", ".join(DetectOptions.model_fields)
    hint = f"; the options are {known}" if first["type"] == "extra_forbidden" else ""
    return Problem(400, "bad_option", f"option {place}: {first['msg']}{hint}")
