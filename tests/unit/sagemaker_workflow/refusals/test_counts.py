"""How many things are refused, each with its exact message."""

from __future__ import annotations

import importlib.util
from pathlib import Path

AT_LEAST = 60


def test_at_least_sixty_things_are_refused_word_for_word() -> None:
    counted = {}
    for file in sorted(Path(__file__).parent.glob("test_*_refusals.py")):
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        refused = getattr(module, "REFUSED", {})  # some say theirs in tests of their own shape
        counted[file.stem.removeprefix("test_").removesuffix("_refusals")] = len(refused)
        for name, (_, says) in refused.items():
            assert ": " in says, f"{name} does not say what to change"
    print(f"\nrefused: {sum(counted.values())}, of which {counted}")  # noqa: T201 - with pytest -s
    assert sum(counted.values()) >= AT_LEAST
