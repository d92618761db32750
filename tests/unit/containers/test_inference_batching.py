"""Requests that wait together are predicted together, and each gets its own rows."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.inference_server import sent_at_once


def batches(server):
    lines = [json.loads(line) for line in server.log().splitlines()]
    return [line["batch"] for line in lines if line["message"] == "invocation"]


@pytest.fixture
def plain(trained, tmp_path):
    (tmp_path / "model").mkdir()
    model = (trained("multiclass").model / "model.onnx").read_bytes()
    (tmp_path / "model" / "model.onnx").write_bytes(model)
    return tmp_path


ROWS = [f"{i % 4},{i * 40},{1 + i % 12},{i % 2}" for i in range(40)]


def test_each_caller_gets_its_own_rows(serve, plain):
    server = serve(plain)
    bodies = ["\n".join(ROWS[i : i + 1 + i % 3]) for i in range(len(ROWS))]
    alone = [(200, server.invoke(body).body) for body in bodies]
    for _ in range(5):
        assert sent_at_once(server.port, bodies) == alone
    seen = batches(server)
    assert set(seen[: len(bodies)]) == {1}
    assert max(seen) > 1


def test_a_bad_request_in_a_batch_fails_alone(serve, plain):
    server = serve(plain)
    bodies = list(ROWS)
    bodies[7], bodies[8], bodies[20] = "1,2,3", "1,2,3,1e39", ""
    alone = [(answer.status, answer.body) for answer in map(server.invoke, bodies)]
    assert {status for status, _ in alone} == {200, 400}
    for _ in range(5):
        assert sent_at_once(server.port, bodies) == alone


def test_rows_that_would_fit_only_together_are_refused_each(serve, plain):
    server = serve(plain)
    bodies = [*ROWS[:4], "1,2,3,4,5", "1,2,3", *ROWS[4:8]]  # of four columns
    alone = [(answer.status, answer.body) for answer in map(server.invoke, bodies)]
    assert [status for status, _ in alone] == [200] * 4 + [400] * 2 + [200] * 4
    for _ in range(5):
        assert sent_at_once(server.port, bodies) == alone


def test_each_gets_the_format_it_asks_for(serve, plain):
    server = serve(plain)
    accepts = ["application/json", "text/csv", "application/x-npy", "application/jsonlines", "x/y"]
    bodies = ["\n".join(ROWS[i : i + 1 + i % 3]) for i in range(len(ROWS))]
    alone = [server.invoke(body, Accept=accepts[i % 5]) for i, body in enumerate(bodies)]
    assert {answer.status for answer in alone} == {200, 406}
    for _ in range(5):
        found = sent_at_once(server.port, bodies, accepts)
        assert found == [(answer.status, answer.body) for answer in alone]
    assert max(batches(server)) > 1


def test_batches_are_no_larger_than_the_setting(serve, plain):
    server = serve(plain, INFERENCE_MAX_BATCH="4")
    for _ in range(5):
        sent_at_once(server.port, ROWS)
    assert 1 < max(batches(server)) <= 4


def test_batching_can_be_turned_off(serve, plain):
    server = serve(plain, INFERENCE_MAX_BATCH="1")
    sent_at_once(server.port, ROWS)
    assert set(batches(server)) == {1}


def test_concurrent_callers_of_every_kind_get_their_own_answers(servers):
    server = servers("multiclass")
    bodies = [f"UA,{i * 10},{1 + i % 12},true" + f"\nAA,{i},2,0" * (i % 4) for i in range(60)]
    alone = [server.invoke(body).body for body in bodies]
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(lambda body: server.invoke(body).body, bodies * 2)) == alone * 2


def test_a_lone_request_waits_for_no_one(serve, plain):
    server = serve(plain)
    for _ in range(50):
        server.invoke(ROWS[0])
    logged = [json.loads(line) for line in server.log().splitlines()]
    assert sorted(line["ms"] for line in logged if line["message"] == "invocation")[5] < 3
