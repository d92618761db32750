"""A requirements.txt beside a script is never installed, and never overlooked."""

import json
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from inference_server.errors import ModelLoadError
from inference_server.models import requirements

SCRIPT = """
def model_fn(model_dir): return None
def predict_fn(data, model): return data
"""


@pytest.fixture
def code(tmp_path):
    folder = tmp_path / "model" / "code"
    folder.mkdir(parents=True)
    (folder / "inference.py").write_text(SCRIPT)
    (folder / "sample.json").write_text("[1]")
    return folder


def wheel(folder, name, version="1.0"):
    """What `pip install --target` leaves."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


THERE = """
# what the image has
numpy
ORJSON>=3  # a comment
--extra-index-url https://example.com/simple
-r others.txt
uvloop ; python_version >= "3.8"
pywin32>=300; sys_platform == "win32"
http.tools
my_helper
vendored[fast]==2.1 \\
    --hash=sha256:0123
git+https://example.com/somewhere.git
./wheels/some.whl
"""


def test_a_script_whose_requirements_are_there_serves(serve, code, tmp_path):
    (code / "requirements.txt").write_text(THERE.replace("http.tools", "HttpTools"))
    (code / "my_helper.py").touch()
    wheel(code / "lib", "vendored", "2.1")
    server = serve(tmp_path)
    assert server.invoke("[1]", "application/json").json() == [1]


def test_a_script_whose_requirements_are_missing_is_refused_by_their_names(serve, code, tmp_path):
    (code / "requirements.txt").write_text("numpy\npandas==2.2.2\nlightgbm>=4\n")
    (code / "pandas").mkdir()  # a mere folder is no package
    server = serve(tmp_path, wait=False)
    assert server.process.wait(timeout=60) == 1
    assert (
        "code/requirements.txt names pandas==2.2.2, lightgbm>=4, not installed in this image, and "
        "nothing is installed at the start; put it into code/lib of the archive: pip install "
        "--target code/lib -r code/requirements.txt" in server.log()
    )


def test_so_it_is_for_each_of_many_models(serve, tmp_path):
    (tmp_path / "models").mkdir()
    server = serve(tmp_path, SAGEMAKER_MULTI_MODEL="true")
    for name, status in (("vendored", 200), ("absent", 400)):
        code = tmp_path / "models" / name / "code"
        code.mkdir(parents=True)
        (code / "inference.py").write_text(SCRIPT)
        (code / "requirements.txt").write_text("vendored\n")
        if status == 200:
            wheel(code / "lib", "vendored")
        body = json.dumps({"model_name": name, "url": str(code.parent)}).encode()
        answer = server.request("POST", "/models", body, Content_Type="application/json")
        assert answer.status == status, answer.text
    assert "requirements.txt names vendored" in answer.error


@pytest.mark.parametrize("packaging", [True, False])
@pytest.mark.parametrize(
    ("line", "there"),
    [
        ("vendored", True),
        ("Vendored_", False),
        ("vendored==1.0", True),
        ("vendored>=2", None),  # a version can only be compared where packaging is
        ("absent", False),
        ("absent; sys_platform == 'nowhere'", True),
        ("absent @ https://example.com/absent.whl", False),
        ("-e .", True),
        ("", True),
        ("\ufeffabsent", False),
        ("=nonsense", True),
    ],
)
def test_reads_the_lines_that_pip_reads(monkeypatch, tmp_path, packaging, line, there):
    if not packaging:
        monkeypatch.setattr(requirements, "Requirement", None)
    wheel(tmp_path / "lib", "vendored")
    assert PathDistribution(tmp_path / "lib/vendored-1.0.dist-info").version == "1.0"
    (tmp_path / "requirements.txt").write_text(line, encoding="utf-8")
    expected = not packaging if there is None else there
    try:
        requirements.check_requirements(tmp_path, [str(Path(tmp_path / "lib"))])
    except ModelLoadError:
        assert not expected
    else:
        assert expected
