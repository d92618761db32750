"""The measured matrix as a table in a document; what is around the table stays."""

from __future__ import annotations

from pathlib import Path

from measure import HEAD, Measured


def write(document: Path, measured: list[Measured], *, whole: bool) -> None:
    """The document's table holds these rows. Nothing is written unless all rows were measured."""
    if not whole:
        return
    lines = [HEAD, ["---"] * len(HEAD), *(one.cells for one in measured)]
    table = ["| " + " | ".join(cells) + " |" for cells in lines]
    table[1] = table[1].replace("| --- ", "|---").replace(" ", "")
    text = document.read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(text) if line.startswith("|"))
    end = next((n for n in range(start, len(text)) if not text[n].startswith("|")), len(text))
    document.write_text("\n".join([*text[:start], *table, *text[end:]]) + "\n", encoding="utf-8")
