import subprocess
import sys
from pathlib import Path

import pytest

from sagemaker_workflow.build_context import BuildContext, build_context_hash, context_root


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "trainer"
    (folder / "src").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "src" / "a.py").write_text("a = 1\n")
    return folder


def test_is_sixteen_hex_digits_and_the_same_twice(context: Path) -> None:
    first = build_context_hash(context)
    assert len(first) == 16
    assert int(first, 16) >= 0
    assert build_context_hash(context) == first


def test_does_not_depend_on_where_the_folder_is(context: Path, tmp_path: Path) -> None:
    before = build_context_hash(context)
    moved = context.rename(tmp_path / "elsewhere")
    assert build_context_hash(moved) == before


def test_changes_with_the_bytes_the_name_and_the_executable_bit(context: Path) -> None:
    seen = {build_context_hash(context)}
    (context / "src" / "a.py").write_text("a = 2\n")
    seen.add(build_context_hash(context))
    (context / "src" / "a.py").rename(context / "src" / "b.py")
    seen.add(build_context_hash(context))
    (context / "src" / "b.py").chmod(0o755)
    seen.add(build_context_hash(context))
    assert len(seen) == 4


def test_tells_one_file_from_two_with_the_same_bytes(context: Path) -> None:
    (context / "ab").write_text("cd")
    one = build_context_hash(context)
    (context / "ab").unlink()
    (context / "a").write_text("bcd")
    assert build_context_hash(context) != one


def test_ignores_what_python_leaves_behind(context: Path) -> None:
    before = build_context_hash(context)
    (context / "src" / "__pycache__").mkdir()
    (context / "src" / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"x")
    (context / "src" / "a.pyc").write_bytes(b"x")
    assert build_context_hash(context) == before


def test_ignores_what_dockerignore_leaves_out_and_keeps_what_it_brings_back(context: Path) -> None:
    (context / ".dockerignore").write_text("# notes\ntests\n**/*.md\n!src/keep.md\n")
    before = build_context_hash(context)
    (context / "tests").mkdir()
    (context / "tests" / "test_a.py").write_text("")
    (context / "src" / "notes.md").write_text("")
    assert build_context_hash(context) == before
    (context / "src" / "keep.md").write_text("")
    assert build_context_hash(context) != before


@pytest.fixture
def containers(tmp_path: Path) -> Path:
    """Two images that share a package, and a neighbour that neither copies."""
    root = tmp_path / "containers"
    for name in ("trainer", "torch_trainer", "shared", "neighbour"):
        (root / name).mkdir(parents=True)
        (root / name / "a.py").write_text("a = 1\n")
    for name in ("trainer", "torch_trainer"):
        (root / name / "Dockerfile").write_text(
            "FROM scratch AS packages\nFROM scratch\nCOPY --from=packages /opt/venv /opt/venv\n"
            f"COPY {name} /opt/app/{name}/\nCOPY --chown=1:1 shared \\\n  /opt/app/shared/\n"
        )
    (root / ".dockerignore").write_text("*/Dockerfile\n*/notes.md\n")
    return root


def test_a_dockerfile_that_copies_from_the_folder_above_is_built_from_it(containers: Path) -> None:
    assert context_root(containers / "trainer") == containers
    read = BuildContext.read(containers / "trainer")
    assert [one.path for one in read.files] == ["Dockerfile", "shared/a.py", "trainer/a.py"]


def test_a_shared_package_is_in_the_hash_of_each_image_that_copies_it(containers: Path) -> None:
    images = [containers / "trainer", containers / "torch_trainer"]
    before = {build_context_hash(one) for one in images}
    (containers / "shared" / "a.py").write_text("a = 2\n")
    assert len(before | {build_context_hash(one) for one in images}) == 4


def test_a_neighbour_that_is_not_copied_is_not_in_the_hash(containers: Path) -> None:
    before = build_context_hash(containers / "trainer")
    (containers / "neighbour" / "a.py").write_text("a = 2\n")
    (containers / "shared" / "notes.md").write_text("left out by the folder's .dockerignore")
    assert build_context_hash(containers / "trainer") == before


def test_a_copy_that_is_built_elsewhere_has_the_same_hash(containers: Path) -> None:
    """CodeBuild gets a copy, and whoever checks its tag hashes that copy."""
    read = BuildContext.read(containers / "trainer")
    copy = read.copy()
    assert (copy / "Dockerfile").is_file()
    assert context_root(copy) == copy
    assert build_context_hash(copy) == read.hash


def test_refuses_a_folder_that_is_not_there_or_empty(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no build context"):
        build_context_hash(tmp_path / "nothing")
    with pytest.raises(ValueError, match="is empty"):
        build_context_hash(tmp_path)


def test_needs_no_aws_cdk() -> None:
    code = (
        "import sys; import sagemaker_workflow.build_context;"
        "raise SystemExit('aws_cdk' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
