"""The measured matrix as a table in a document; what is around the table stays."""

from __future__ import annotations

from pathlib import Path

from measure import HEAD, Measured
from rows import ROWS


def write(document: Path, measured: list[Measured]) -> None:
    """The document's table holds every row: what was measured now, or that it was not kept."""
    if not measured:
        return
    cells = {one.row.id: one.cells for one in measured}
    missing = ["not measured", *["-"] * (len(HEAD) - 3)]
    rows = [cells.get(row.id, [row.title, row.promise, *missing]) for row in ROWS]
    lines = [HEAD, ["---"] * len(HEAD), *rows]
    table = ["| " + " | ".join(cells) + " |" for cells in lines]
    table[1] = table[1].replace("| --- ", "|---").replace(" ", "")
    text = document.read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(text) if line.startswith("|"))
    end = next((n for n in range(start, len(text)) if not text[n].startswith("|")), len(text))
    document.write_text("\n".join([*text[:start], *table, *text[end:]]) + "\n", encoding="utf-8")
