"""Parquet: rows as any other, and files that are small and hold a lot."""

import io
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars
import pyarrow
import pyarrow.parquet
import pytest
from support.damaged_parquet import DAMAGED_PARQUET
from support.training_job import ROOT

from inference_server.parquet import _BROKE as BROKE
from inference_server.parquet import _asked

PARQUET = "application/x-parquet"
ROWS = "UA,900,3,true\nAA,,12,false\n,100.5,,\n"
MB = 1024**2


@pytest.fixture(scope="module")
def arro3_path(tmp_path_factory):
    """Only arro3, of all that the developer's environment has."""
    extra = tmp_path_factory.mktemp("extra")
    (installed,) = (ROOT / ".venv").glob("lib/python3*/site-packages/arro3")
    (extra / "arro3").symlink_to(installed)
    return f"{ROOT / 'containers'}:{extra}"


def test_parquet_gets_the_answers_of_the_same_rows_as_csv(serve, servers, trained, arro3_path):
    server = serve(trained("multiclass").base, PYTHONPATH=arro3_path)
    frame = polars.DataFrame(
        {
            "distance": [900.0, None, 100.5],
            "carrier": ["UA", "AA", None],
            "night": [True, False, None],
            "month": [3, 12, None],
        }
    )
    path = Path(trained("multiclass").base) / "rows.parquet"
    frame.write_parquet(path)
    for kind in ("application/x-parquet", "application/vnd.apache.parquet"):
        assert (
            server.invoke(path.read_bytes(), kind).body == servers("multiclass").invoke(ROWS).body
        )
    frame.rename({"night": "nite"}).write_parquet(path)
    assert server.invoke(path.read_bytes(), kind).error == (
        "the file has unknown columns: nite; allowed: carrier, distance, month, night"
    )
    for body in (b"", b"PAR1", b"PAR1xxxxPAR1", path.read_bytes()[:-20] + b"PAR1"):
        answer = server.invoke(body, kind)
        assert answer.status == 400
        assert "not Parquet" in answer.error
    frame.clear().drop("night").write_parquet(path)
    assert server.invoke(path.read_bytes(), kind).error == "the file has no rows; send at least one"
    assert server.ping() == 200


def test_batch_answers_parquet_with_json_for_there_is_no_writer(serve, trained, arro3_path):
    server = serve(trained("binary").base, PYTHONPATH=arro3_path, SAGEMAKER_BATCH="true")
    answer = server.invoke(written(carrier=["UA"], distance=[1.0]), PARQUET)
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.json()["predictions"]) == 1


def test_without_the_reader_parquet_is_a_415_that_says_how_to_get_it(servers):
    answer = servers("binary").invoke(b"PAR1PAR1", "application/x-parquet")
    assert answer.status == 415
    assert answer.error.startswith(
        "this image reads no Parquet; build it with --build-arg EXTRAS=parquet"
    )


def written(*, group=10**9, **columns):
    """A file of those columns, compressed as well as a common writer can."""
    content = io.BytesIO()
    pyarrow.parquet.write_table(
        pyarrow.table(columns),
        content,
        compression="zstd",
        row_group_size=group,
        dictionary_pagesize_limit=10**9,
        write_statistics=False,
        store_schema=columns.get("carrier") is not None,
    )
    return content.getvalue()


def repeated(text, times):
    return pyarrow.DictionaryArray.from_arrays(
        pyarrow.nulls(times, pyarrow.int8()).fill_null(0), [text]
    )


def prefixed():
    """Texts that are written as what they have in common with the one before."""
    content = io.BytesIO()
    pyarrow.parquet.write_table(
        pyarrow.table({"carrier": ["x" * 500_000] * 1000}),
        content,
        compression="zstd",
        use_dictionary=False,
        column_encoding={"carrier": "DELTA_BYTE_ARRAY"},
        data_page_size=10**9,
        write_statistics=False,
    )
    return content.getvalue()


def wide():
    """One missing value of a type that takes much room."""
    return written(carrier=pyarrow.nulls(1000, pyarrow.binary(500_000)))


BOMBS = {
    "one long text, many times": lambda: written(carrier=["x" * 500_000] * 1000),
    "a longer one, fewer times": lambda: written(carrier=["x" * 100 * MB] * 3),
    "a text in each of many row groups": lambda: written(carrier=["x" * MB] * 300, group=1),
    "texts that begin alike": prefixed,
    "missing values of a wide type": wide,
    "many missing numbers": lambda: written(distance=pyarrow.nulls(40_000_000, pyarrow.float64())),
    "many missing values of no type": lambda: written(distance=pyarrow.nulls(40_000_000)),
    "a list in a cell": lambda: written(
        distance=pyarrow.ListArray.from_arrays([0, 40_000_000], pyarrow.nulls(40_000_000))
    ),
    "a list of one length": lambda: written(
        carrier=pyarrow.nulls(3, pyarrow.list_(pyarrow.int8(), 100_000_000))
    ),
}


@pytest.fixture(scope="module")
def server(serve, trained, arro3_path):
    return serve(trained("binary").base, PYTHONPATH=arro3_path)


def process(server):
    """The process that answers."""
    return Path(f"/proc/{server.worker()}")


def peak(server):
    """The most bytes that the process which answers has held since the peak was forgotten."""
    status = (process(server) / "status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_file_that_holds_a_lot_is_refused_before_it_takes_the_memory(server, bomb):
    body = BOMBS[bomb]()
    assert len(body) < MB
    assert server.invoke(ROWS).status == 200
    (process(server) / "clear_refs").write_text("5")  # forget the peak
    before = peak(server)
    answer = server.invoke(body, PARQUET)
    assert answer.status == 400
    assert "too much for one request" in answer.error or "allowed:" in answer.error
    assert peak(server) - before < 100 * MB
    assert server.ping() == 200


def test_rows_of_many_groups_pages_and_long_texts_are_read(server):
    texts = [f"carrier {number} " + "x" * 2000 for number in range(3000)]
    body = written(carrier=["UA", *texts], distance=[900.0, *range(3000)], group=700)
    answer = server.invoke(body, PARQUET)
    assert answer.status == 200, answer.text
    found = answer.json()["predictions"]
    assert len(found) == 3001
    rows = "\n".join(["UA,900,,", *(f"?,{number},," for number in range(3000))])
    assert found == server.invoke(rows).json()["predictions"]


FILES = {
    "numbers": {"distance": [1.5, None, 3.0], "month": [1, None, 3]},
    "decimals of a float": {"distance": pyarrow.array([1.5, None], pyarrow.float32())},
    "booleans": {"night": [True, None, False]},
    "a dictionary": {"carrier": pyarrow.array(["UA", None]).dictionary_encode()},
    "large texts": {"carrier": pyarrow.array(["UA", None], pyarrow.large_string())},
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_reads_what_writers_write(server, name, version):
    content = io.BytesIO()
    pyarrow.parquet.write_table(
        pyarrow.table(FILES[name]), content, data_page_version=version, write_page_index=True
    )
    answer = server.invoke(content.getvalue(), PARQUET)
    assert answer.status == 200, answer.text
    assert len(answer.json()["predictions"]) == len(next(iter(FILES[name].values())))


def test_a_file_that_ends_its_reader_is_refused_and_the_next_one_is_read(server):
    """One byte of what a writer made is another: the library aborts the process it reads in."""
    before = process(server)
    good = written(carrier=["UA"], distance=[1.0])
    for _ in range(2):
        answer = server.invoke(DAMAGED_PARQUET, PARQUET)
        assert (answer.status, answer.error) == (400, BROKE)
        assert server.invoke(good, PARQUET).status == 200
    assert process(server) == before


def test_small_and_large_files_are_read_at_once(server):
    """The loop reads the one, the thread the other: each has a reader of its own."""
    large = written(distance=[float(number) for number in range(40_000)])
    small = written(distance=[1.0])
    with ThreadPoolExecutor(8) as pool:
        asked = [large, small] * 8
        found = list(pool.map(lambda body: server.invoke(body, PARQUET), asked))
    assert [len(answer.json()["predictions"]) for answer in found] == [40_000, 1] * 8


READER = """
from inference_server.parquet import reader
sizes = iter([reader._memory(), 1e12])  # before the first file, and after it
reader._memory = lambda: next(sizes)
reader.main()
"""


def test_a_reader_that_keeps_memory_answers_whoever_asks_next(monkeypatch):
    """It is asked again before anybody could see that it ends."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "containers"))
    with subprocess.Popen(
        [sys.executable, "-c", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        for name in ("UA", "AA", "UA"):
            asked = _asked(process, (["carrier"], written(carrier=[name])))
            assert asked == ([(name,)], "")


def test_the_reader_ends_with_the_worker(serve, trained, arro3_path):
    server = serve(trained("binary").base, PYTHONPATH=arro3_path)
    assert server.invoke(written(distance=[1.0]), PARQUET).status == 200
    worker = process(server)
    (reader,) = (worker / "task" / worker.name / "children").read_text().split()
    server.process.terminate()
    server.process.wait(timeout=30)
    deadline = time.monotonic() + 60
    while Path("/proc", reader).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path("/proc", reader).exists()
