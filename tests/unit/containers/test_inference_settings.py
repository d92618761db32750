"""What is read of the environment and of the machine, without a server."""

import os

from inference_server.settings import read_settings


def test_counts_the_cpus_where_nothing_says_which_are_ours(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert read_settings({}).workers == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert read_settings({}).workers == 1
