"""What is registered as a model's digest is what the inference server finds when it starts."""

from __future__ import annotations

import io
import pickle
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from hypothesis import given, settings
from hypothesis import strategies as st

from inference_server.models.folder import digest, is_pickle
from inspect_model.archive import inspect
from inspect_model.watch import PickleWatch
from local_aws.runtime.archives import extract

# Names as people and libraries write them, and some that sort otherwise as folders than as text.
_NAMES = st.text(st.sampled_from("ab-. /_é\u212a漢😀"), min_size=1, max_size=4).filter(
    lambda name: name.strip("/") not in ("", ".", "..")
) | st.sampled_from(["model.onnx", "code", "x.pkl", "a.b", "a-b", "a"])
_PATHS = (
    st.lists(_NAMES, min_size=1, max_size=3)
    .map(lambda parts: PurePosixPath("/".join(parts).strip("/")))
    .filter(lambda path: ".." not in path.parts and bool(path.parts))
)


@st.composite
def zipped(draw: st.DrawFn) -> bytes:
    """A ZIP file of some entries, one of which may be a pickle, and perhaps with its end lost."""
    out = io.BytesIO()
    names = st.sampled_from(
        ["data.json", "a/data.pkl", "A.PKL", "b.joblib", "x.pklx", "d.p\u212al"]
    )
    with zipfile.ZipFile(out, "w") as archive:
        for name in draw(st.lists(names, max_size=3, unique=True)):
            archive.writestr(name, draw(st.binary(max_size=20)))
    return out.getvalue()


_CONTENTS = (
    st.binary(max_size=40)
    | st.integers(0, 5).map(lambda protocol: pickle.dumps({"a": 1}, protocol=protocol))
    | st.sampled_from([b"", b"\x80", b"\x80\x02", b"\x80\x04.", b"PK\x03", b"PK\x03\x04", b"."])
    | zipped()
)


def without_files_in_files(files: Mapping[PurePosixPath, bytes]) -> dict[str, bytes]:
    """A folder that can be: no file is a folder, too."""
    return {
        path.as_posix(): content
        for path, content in files.items()
        if not any(path in other.parents for other in files)
    }


FOLDERS = (
    st.dictionaries(_PATHS, _CONTENTS, max_size=6)
    .map(without_files_in_files)
    .filter(lambda files: any(not name.startswith("code/") for name in files))
)


class Bytes(io.BytesIO):
    """Packed bytes, as the function is given them."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.size = len(content)


@given(files=FOLDERS, order=st.randoms(), dotted=st.booleans(), gnu=st.booleans())
@settings(deadline=None, max_examples=150)
def test_both_find_one_digest_in_any_folder(files, order, dotted, gnu):
    names = list(files)
    order.shuffle(names)
    packed = io.BytesIO()
    form = tarfile.GNU_FORMAT if gnu else tarfile.PAX_FORMAT
    with tarfile.open(fileobj=packed, mode="w:gz", format=form) as tar:
        for name in names:
            info = tarfile.TarInfo(f"./{name}" if dotted else name)
            info.size = len(files[name])
            tar.addfile(info, io.BytesIO(files[name]))
    with tempfile.TemporaryDirectory() as home:
        archive, model = Path(home, "model.tar.gz"), Path(home, "model")
        archive.write_bytes(packed.getvalue())
        extract(archive, model, url="s3://b/k")
        at_the_start = digest(model)
        pickles = {name for name in files if is_pickle(model / name)}
        hashes = inspect(Bytes(packed.getvalue()), trusted=Everything()).files
    contents = inspect(Bytes(packed.getvalue()), trusted={hashes[name] for name in pickles})
    assert contents.digest() == at_the_start


class Everything(frozenset[str]):
    """Trusts every pickle."""

    def __contains__(self, _: object) -> bool:
        return True


@given(name=_NAMES, content=_CONTENTS, cuts=st.lists(st.integers(1, 60), max_size=8))
@settings(deadline=None, max_examples=400)
def test_both_take_the_same_files_for_pickles(name, content, cuts):
    """However the bytes arrive. Trusting too few would already be a refusal above."""
    with tempfile.TemporaryDirectory() as home:
        path = Path(home, PurePosixPath(name.replace("/", "_")).name)
        path.write_bytes(content)
        expected = is_pickle(path)
    watch, rest = PickleWatch(path.name), content
    for cut in cuts:
        watch.update(rest[:cut])
        rest = rest[cut:]
    watch.update(rest)
    assert watch.found() == expected
