"""Turn a terminal run into a picture: `make local | python docs/record.py docs/make-local.svg`.

Reads the run from standard input, colours included, passes it on, and writes an SVG of the last
lines when it ends. `make recording` sets what makes the colours survive a pipe.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

WIDEST = 180  # characters: the closing table and a long path beside it
LAST_LINES = 110  # a whole run
# rich's own format fetches a font from the network; a picture in a README must not.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def main(target: Path) -> None:
    """The run on standard input is shown as it goes and written to `target`."""
    lines = []
    for line in sys.stdin:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line.rstrip("\n"))
    shown = [Text.from_ansi(line) for line in lines[-LAST_LINES:]]
    width = min(WIDEST, max((line.cell_len for line in shown), default=1))
    console = Console(record=True, width=width, file=io.StringIO(), color_system="truecolor")
    for line in shown:
        console.print(line, soft_wrap=False, overflow="crop", no_wrap=True)
    # A fixed id, so that two recordings of the same run are the same file.
    console.save_svg(str(target), title="make local", code_format=FORMAT, unique_id="run")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
