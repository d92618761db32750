"""Which format came in and which one goes out."""

from __future__ import annotations

from inference_server import parquet
from inference_server.decoding import CSV, JSON, JSON_LINES, NPY, PARQUET
from inference_server.errors import ModelLoadError, RequestError

SUPPORTED = (CSV, JSON, JSON_LINES, NPY)
_ALIASES = {
    "application/x-jsonlines": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-ndjson": JSON_LINES,
    "application/csv": CSV,
    "application/npy": NPY,
    "application/vnd.apache.parquet": PARQUET,
    "application/parquet": PARQUET,
}
_CHARSETS = ("utf-8", "utf8", "us-ascii")


def content_type_of(header: str | None) -> str:
    """The supported media type of a request.

    Raises:
        RequestError: 415 with what is supported.
    """
    if header in SUPPORTED:
        return header
    if not header:
        raise RequestError(f"there is no Content-Type; supported: {', '.join(SUPPORTED)}", 415)
    media_type, _, parameters = header.lower().partition(";")
    found = _ALIASES.get(media_type.strip(), media_type.strip())
    if found == PARQUET:
        if not parquet.installed():
            raise RequestError(parquet.MISSING, 415)
        return found
    if found not in SUPPORTED:
        raise RequestError(
            f"Content-Type {header[:100]!r} is not supported; supported: {', '.join(SUPPORTED)}",
            415,
        )
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(" \"'") not in _CHARSETS:
            raise RequestError(f"charset {value.strip()!r} is not supported; send utf-8", 415)
    return found


def accept_of(header: str | None, default: str) -> str:
    """The media type to answer in: the client's best supported wish.

    Raises:
        RequestError: 406 with what is supported.
    """
    if not header or header == "*/*":
        return default
    if header in SUPPORTED:
        return header
    wishes: list[tuple[float, str]] = []
    for wish in header.lower().split(","):
        media_type, _, parameters = wish.partition(";")
        wishes.append((_quality(parameters), media_type.strip()))
    for quality, media_type in sorted(wishes, key=lambda wish: -wish[0]):
        found = _ALIASES.get(media_type, media_type)
        if quality <= 0:
            break
        if found in SUPPORTED:
            return found
        if found == "*/*" or (found.endswith("/*") and default.startswith(found[:-1])):
            return default
        if found == "text/*":
            return CSV
        if found == "application/*":
            return JSON
    raise RequestError(
        f"Accept {header[:100]!r} cannot be met; supported: {', '.join(SUPPORTED)}", 406
    )


def default_accept_of(setting: str | None) -> str | None:
    """The media type of answers to requests without a wish, from what the setting says.

    Raises:
        ModelLoadError: a model of tables cannot answer so; with what it can.
    """
    try:
        return accept_of(setting, JSON) if setting else None
    except RequestError:
        raise ModelLoadError(
            f"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT is {setting!r:.100}, allowed: "
            f"{', '.join(SUPPORTED)}"
        ) from None


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
