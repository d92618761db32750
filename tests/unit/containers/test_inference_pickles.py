"""A pickle is known for one under any name and in any wrapping, and nothing else is."""

import bz2
import collections
import gzip
import io
import json
import lzma
import os
import pickle
import struct
import zipfile
import zlib

import numpy as np
import polars
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.training_job import ROOT

from inference_server.models.pickles import is_pickle

MODEL = {"layers": collections.OrderedDict(a=np.arange(40.0)), "name": "x" * 300}
NUMBERS = [1, 2.5, "three", None]


def saved(save, *arguments, **options):
    content = io.BytesIO()
    save(content, *arguments, **options)
    return content.getvalue()


def zipped(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return content.getvalue()


def torch_before_1_6():
    """What torch.save wrote: a number, a protocol, the machine, the model, then its weights."""
    magic = 0x1950A86A20F9469CFC6C
    parts = (magic, 1001, {"little_endian": True}, MODEL, ["0"])
    return b"".join(pickle.dumps(part, 2) for part in parts) + os.urandom(4000)


def joblib_style():
    """A pickle in which the numbers of an array stand as they are, after what wraps them."""
    body = pickle.dumps(MODEL, 4)
    return body[:-1] + os.urandom(5000) + b"."


EVIL = b"cposix\nsystem\n(S'true'\ntR"
PICKLES = {
    **{f"protocol {n}": pickle.dumps(MODEL, n) for n in range(6)},
    **{f"plain values of protocol {n}": pickle.dumps(NUMBERS, n) for n in range(6)},
    **{f"a byte after protocol {n}": pickle.dumps(MODEL, n) + b"\n" for n in range(6)},
    **{
        f"{len(tail)} bytes behind the end": pickle.dumps([1]) + tail
        for tail in (b"\0", b"\0" * 99)
    },
    "what runs before it breaks off": EVIL,
    "what runs before garbage": EVIL + b"\xff" * 100,
    "an import deep inside": pickle.dumps([b"x" * 200_000, MODEL], 1),
    "a huge array": pickle.dumps(np.zeros(300_000), 5),
    "many small values": pickle.dumps(list(range(50_000)), 4),
    "an instance by INST": b"(S'true'\nios\nsystem\n.",
    "torch.save of old": torch_before_1_6(),
    "torch.save": zipped(**{"m/data.pkl": b"x"}),
    "a pickle in an archive": zipped(weights=pickle.dumps(MODEL)),
    "joblib": joblib_style(),
    **{
        f"{tool.__name__} of protocol {n}": tool(pickle.dumps(MODEL, n))
        for tool in (zlib.compress, gzip.compress, bz2.compress, lzma.compress)
        for n in (0, 2, 5)
    },
    "lzma of old": lzma.compress(pickle.dumps(MODEL), lzma.FORMAT_ALONE),
    "a compressed one that is large": zlib.compress(
        pickle.dumps([np.frombuffer(os.urandom(4_000_000)), MODEL])
    ),
    "zlib at its fastest": zlib.compress(pickle.dumps(MODEL), 1),
    "an array of objects": saved(np.save, np.array([{}, 1], object), allow_pickle=True),
    "an array with objects in records": saved(
        np.save, np.zeros(2, [("a", "f4"), ("b", [("c", "O")])]), allow_pickle=True
    ),
    "arrays, one of objects": saved(
        np.savez_compressed, a=np.zeros(3), b=np.array([{}], object), allow_pickle=True
    ),
    "a compressed array of objects": gzip.compress(
        saved(np.save, np.array([{}, 1], object), allow_pickle=True)
    ),
}


@pytest.fixture
def holds_pickle(tmp_path):
    def ask(content, name="weights.bin"):
        (tmp_path / name).write_bytes(content)
        return is_pickle(tmp_path / name)

    return ask


@pytest.mark.parametrize("kind", PICKLES)
def test_knows(holds_pickle, kind):
    assert holds_pickle(PICKLES[kind])


def safetensors(seed):
    random = np.random.default_rng(seed)
    weights = random.standard_normal(int(random.integers(1, 5000))).astype("f4").tobytes()
    layout = {"dtype": "F4", "shape": [len(weights) // 4], "data_offsets": [0, len(weights)]}
    head = json.dumps({f"layer{'s' * seed}": layout}).encode()
    return struct.pack("<Q", len(head)) + head + weights


OTHERS = {
    "nothing": b"",
    **{f"safetensors {n}": safetensors(n) for n in range(300)},
    "an array": saved(np.save, np.zeros((3, 4))),
    "an array of records": saved(np.save, np.zeros(2, [("Of", "f4"), ("b", "<U5")])),
    "arrays": saved(np.savez_compressed, a=np.zeros(3), b=np.ones(2)),
    "Parquet": saved(lambda file: polars.DataFrame({"a": [1, 2]}).write_parquet(file)),
    "JSON": json.dumps({"learner": {"a": [1, 2]}}).encode(),
    "a list in JSON": b"[[1, 2], [3, 4]]",
    "UBJ": b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{L\x00\x00\x00\x00\x00\x00\x00\x0a",
    "CSV": b"carrier,distance\nUA,1\nAA,2\n",
    "a column of words": b"carrier\nAA\nUA\nB6\n",
    "words": b"cat\ndog\nhorse\nrabbit\n" * 1000,
    "more words": b"import\nin\nis\nlambda\n" * 1000,
    "text in brackets": b"(in short)\nthat is\nall.\n",
    "a sentence": b"N.B. This model is for tests only.",
    "PNG": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + os.urandom(500),
    "JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + os.urandom(500),
    "compressed text": zlib.compress(b"carrier,distance\n" * 100),
    "compressed JSON": gzip.compress(b'{"a": 1}'),
    "an archive of others": zipped(**{"a.json": b"{}", "data/weights/weight_0": os.urandom(4000)}),
    "no archive": b"PK\x03\x04" + b"x" * 100,
    "x^2 in text": b"x^2 + y^2 = z^2",
}


def test_knows_no_other_file_for_one(holds_pickle):
    assert [name for name, content in OTHERS.items() if holds_pickle(content)] == []


def test_knows_no_real_model_or_source_for_one():
    environment = ROOT / ".venvs/trainer/lib"
    found = [path for path in environment.rglob("*.onnx") if path.is_file()][:200]
    sources = [
        path
        for folder in ("containers", "docs", "config", "tests/unit/containers")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]
    assert len(found) > 10
    assert len(sources) > 100
    assert [path for path in found + sources if is_pickle(path)] == []


def test_knows_what_training_leaves_for_no_pickle(trained):
    for problem in ("binary", "regression"):
        files = [path for path in trained(problem).model.rglob("*") if path.is_file()]
        assert len(files) >= 4
        assert [path.name for path in files if is_pickle(path)] == []


class Harmless(pickle.Unpickler):
    """Gets as far as anything is imported."""

    def find_class(self, *_):
        raise ImportError


def gets_somewhere(content):
    try:
        Harmless(io.BytesIO(content)).load()
    except (EOFError, ImportError):
        return True
    except Exception:  # noqa: BLE001  unpickling may raise anything
        return False
    return True


@settings(max_examples=1000, deadline=None)
@given(content=st.binary(min_size=8, max_size=400))
@example(b"\x80\x04" + bytes(100))
@example(b"\x84\0\0\0\0.\0\0")  # an extension, which nobody has registered
@example(b"\x82\x01.\0\0\0\0\0")
def test_knows_no_random_bytes_for_a_pickle(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "random"
    path.write_bytes(content)
    assert not is_pickle(path) or gets_somewhere(content)


@settings(max_examples=500, deadline=None)
@given(content=st.text(st.characters(codec="ascii"), min_size=8))
def test_knows_no_random_text_for_a_pickle(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "random.txt"
    path.write_text(content)
    assert not is_pickle(path)


@pytest.mark.parametrize(
    "start", [b"\0", b"x\x9c", b"B\0\0\0\x10", pickle.dumps([bytes(3)], 4)[:11], b"c", b"I"]
)
def test_a_large_file_is_not_read(tmp_path, start):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(500 * 1024**2)
    before = read_so_far()
    is_pickle(path)
    assert read_so_far() - before < 3 * 1024**2


def read_so_far():
    with open("/proc/self/io", encoding="ascii") as file:  # noqa: PTH123  no file of a path's kind
        return int(file.readline().split()[1])


def test_the_server_refuses_one_that_was_not_known_before(serve, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.dat").write_bytes(zlib.compress(pickle.dumps(MODEL, 0)))
    server = serve(tmp_path, wait=False)
    assert server.process.wait(timeout=60) == 1
    assert "weights.dat is a pickle, which can run any code when it is loaded" in server.log()
