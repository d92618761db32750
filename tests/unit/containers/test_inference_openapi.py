"""The OpenAPI description says what the server takes and answers: no more, no less."""

import ast
import json
import re
import subprocess
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.inference_server import PYTHON
from support.training_job import ROOT

from inference_server.encoding import Encoder
from inference_server.errors import RequestError
from inference_server.schema import Feature, Schema

SERVER = ROOT / "containers" / "inference_server"
SPEC = yaml.safe_load((ROOT / "docs" / "inference_server.openapi.yaml").read_text())
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
# What the server knows, said by its own code in its own environment.
TABLES = """
import json
from inference_server import app, many, negotiation
print(json.dumps({
    "single": {path.decode(): method.decode() for path, method in app._METHODS.items()},
    "many": many._PATH.pattern.decode(),
    "answers": negotiation.SUPPORTED,
    "bodies": [*negotiation.SUPPORTED, *negotiation._ALIASES, *negotiation._ALIASES.values()],
}))
"""
REFUSALS = {"RequestError", "error_answer", "refuse"}


@pytest.fixture(scope="module")
def tables():
    command = [PYTHON, "-c", TABLES]
    environment = {"PYTHONPATH": str(ROOT / "containers")}
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=-1).stdout)


def described(path):
    return {method.upper() for method in SPEC["paths"][path] if method != "parameters"}


def resolved(node):
    while "$ref" in node:
        found = SPEC
        for part in node["$ref"].split("/")[1:]:
            found = found[part]
        node = found
    return node


def operations():
    for path, methods in SPEC["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield path, method, operation


def test_its_paths_are_the_servers(tables):
    single = {path: {method} for path, method in tables["single"].items()}
    many = {path: described(path) for path in SPEC["paths"] if path not in single}
    assert {path: described(path) for path in SPEC["paths"]} == single | many
    # The regular expression's alternatives, each by its name.
    known = r"/models(?:/([^/?]+)(/invoke)?)?(?:\?(.*))?"
    assert tables["many"] == known, "the paths of many models changed: describe them, then this"
    assert list(many) == ["/models", "/models/{model_name}", "/models/{model_name}/invoke"]


def test_its_methods_are_those_that_the_server_allows(servers, serve, tmp_path):
    (tmp_path / "models").mkdir()
    many = serve(tmp_path, SAGEMAKER_MULTI_MODEL="true")
    for path in SPEC["paths"]:
        server = many if path.startswith("/models") else servers("binary")
        for method in METHODS:
            answer = server.request(method, path.replace("{model_name}", "a"), b"")
            assert (answer.status == 405) == (method not in described(path)), (method, path)
            if answer.status == 405:
                assert set(answer.headers["allow"].split(", ")) == described(path)


def test_its_content_types_are_the_servers(tables):
    for path, _, operation in operations():
        if not path.endswith(("/invoke", "/invocations")):
            continue
        assert set(resolved(operation["requestBody"])["content"]) == set(tables["bodies"])
        assert set(resolved(operation["responses"]["200"])["content"]) == set(tables["answers"])


def statuses(file):
    """The statuses that a file refuses with, by the calls that make refusals."""
    tree = ast.parse(file.read_text())
    names = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
            called = called.id if isinstance(called, ast.Name) else called
            for given in node.args if called in REFUSALS else ():
                value = names.get(given.id) if isinstance(given, ast.Name) else given
                value = value.value if isinstance(value, ast.Constant) else value
                if isinstance(value, int):
                    yield value


def test_its_refusals_are_the_servers():
    said = {400, *(code for file in SERVER.rglob("*.py") for code in statuses(file))}
    assert len(said) > 10
    listed = {int(code) for _, _, operation in operations() for code in operation["responses"]}
    assert (listed - {200}) | {405} == said  # 405 is every path's, for all other methods


def test_every_refusal_has_the_shape_of_the_servers_errors(servers):
    refused = resolved({"$ref": "#/components/responses/Refused"})
    for path, _, operation in operations():
        for code, answer in operation["responses"].items():
            if code != "200" and (path, code) != ("/ping", "503"):
                assert resolved(answer) == refused, (path, code)
    answer = servers("binary").request("GET", "/nowhere")
    assert answer.headers["content-type"] in refused["content"]
    assert list(answer.json()) == refused["content"]["application/json"]["schema"]["required"]


CELLS = {
    kind: jsonschema_rs.validator_for(SPEC["components"]["schemas"][f"{kind.title()}Cell"])
    for kind in ("number", "integer", "category", "boolean")
}
SPACES = "".join(filter(str.isspace, map(chr, range(0x3100)))) + "\ufeff\u180e\u200b"
WORDS = ["true", "False", "YES", "no", "t", "n", "on", "nan", "+NaN", "inf", "null", "", "２"]
NUMBERS = ["0", "+1", "-2.0", ".5", "5.", "1_0", "0x1", "1e9", "-1E-9", "1e39", "9" * 18, "--1"]
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
TEXTS = st.one_of(
    st.text(max_size=4),
    st.builds(
        lambda before, text, after: before + text + after,
        st.text(SPACES, max_size=2),
        st.sampled_from(WORDS + NUMBERS) | st.from_regex(r"\A[+-]?[0-9.]{1,6}([eE][+-]?[0-9])?\Z"),
        st.text(SPACES, max_size=2),
    ),
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = PLAIN | TEXTS | st.lists(PLAIN, max_size=2) | st.dictionaries(st.text(), PLAIN, max_size=1)


def takes(kind, values):
    schema = Schema(features=(Feature(name="a", type=kind, categories=("AA", "1", "true")),))
    try:
        Encoder(schema).encode([[value] for value in values])
    except RequestError:
        return False
    return True


def beyond_description(kind, value, described):
    """Whether no schema can tell: a long number in a text from one too large, a float from 2^53."""
    if isinstance(value, str):
        numeric = kind in ("number", "integer") and DECIMAL.fullmatch(value.strip())
        return bool(numeric) and not described
    return kind == "integer" and isinstance(value, float) and abs(value) >= 2**53


@pytest.mark.parametrize("kind", CELLS)
@settings(max_examples=2000, deadline=None, derandomize=True)
@given(value=VALUES)
@example(value=2**63)
@example(value=-(2**63))
@example(value=3.5e38)
@example(value=2)
@example(value="\x85yes\x1f")
@example(value="\ufeffyes")
@example(value="1_0")
def test_a_cell_is_taken_if_and_only_if_it_is_described(kind, value):
    described = CELLS[kind].is_valid(value)
    if not beyond_description(kind, value, described):
        assert takes(kind, [value]) == takes(kind, [value, value]) == described


def test_the_containers_page_names_it():
    name = "inference_server.openapi.yaml"
    page = (ROOT / "docs" / "containers.md").read_text()
    assert re.search(rf"\]\({re.escape(name)}\)", page)
    assert Path(ROOT / "docs" / name).is_file()
