"""Walking the opcodes of what may be a pickle, without doing what they say.

Other files have valid opcodes too: many letters are some. So the stack is followed as `pickletools`
describes it, and that of anything but a pickle breaks within a few bytes.
"""

from __future__ import annotations

import pickletools
import re
from typing import Any, BinaryIO

MOST_OPCODES = 10_000
_LONGEST = 64 * 1024
_IMPORTS = ("GLOBAL", "INST", "STACK_GLOBAL")
_EXTENSIONS = ("EXT1", "EXT2", "EXT4")
_CALLS = ("REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD")
_IMPORTED = re.compile(r"[^\W\d][\w.]* [^\W\d][\w.]*")
_OPCODES = {one.code.encode("latin-1"): one for one in pickletools.opcodes}
_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_MARK: Any = pickletools.markobject
_STORES = ("PUT", "BINPUT", "LONG_BINPUT")
_FETCHES = ("GET", "BINGET", "LONG_BINGET")


class _NoPickleError(Exception):
    """What is there could not be unpickled."""


def is_pickled(file: BinaryIO, size: int) -> bool:
    """Whether unpickling `file`, of which `size` bytes should be there, gets somewhere.

    It is a pickle once it calls what it imported, for then it has done its worst. Otherwise it must
    end as one: anywhere if it begins with its protocol or imports anything, else where the file
    ends, since `N.` are the first bytes of some texts.
    """
    walk = _Walk(file, size)
    try:
        while walk.steps < MOST_OPCODES:
            name = walk.step()
            if name in _CALLS and walk.imports:
                return True
            if name == "STOP":
                whole = walk.steps > 2 and file.tell() == size
                return walk.protocol or walk.imports or whole
    except EOFError:
        return walk.protocol and walk.steps > 1
    except (_NoPickleError, ValueError, UnicodeDecodeError, IndexError):
        return False
    return True


class _Walk:
    """A position in a file, and what unpickling would have on its stack there."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._stack: list[Any] = []
        self._memo: set[int] = set()
        self.steps = 0
        self.protocol = False
        self.imports = False

    def step(self) -> str:
        """Go over one opcode. Raises EOFError at the end of what is there."""
        code = self._file.read(1)
        if not code:
            raise EOFError
        opcode = _OPCODES.get(code)
        # Codes of `copyreg`'s registry mean nothing in a process that has registered none.
        if opcode is None or opcode.name in _EXTENSIONS:
            raise _NoPickleError
        argument = self._argument(opcode)
        if opcode.name == "PROTO":
            if self.steps or argument > 5:
                raise _NoPickleError
            self.protocol = True
        self.steps += 1
        self._move(opcode, argument)
        if opcode.name in _IMPORTS:
            # Of two lines of text few are names.
            if isinstance(argument, str) and not _IMPORTED.fullmatch(argument):
                raise _NoPickleError
            self.imports = True
        return opcode.name

    def _argument(self, opcode: pickletools.OpcodeInfo) -> Any:
        if opcode.arg is None:
            return None
        if (width := _LENGTHS.get(opcode.arg.n)) is not None:
            length = int.from_bytes(self._take(width), "little")
            if length > self._size - self._file.tell():
                raise _NoPickleError
            self._file.seek(length, 1)  # a file may hold an array of gigabytes in one of them
            return None
        reader: Any = opcode.arg.reader  # declared to take a file, and all it does is read
        return reader(self)

    def read(self, count: int) -> bytes:
        """For the readers of arguments, whose length is fixed."""
        return self._take(count)

    def readline(self) -> bytes:
        """For the readers of arguments that end with their line."""
        line = self._file.readline(_LONGEST)
        if len(line) == _LONGEST:
            raise _NoPickleError
        return line

    def _take(self, count: int) -> bytes:
        content = self._file.read(count)
        if len(content) < count:
            raise EOFError
        return content

    def _move(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        stack, before = self._stack, opcode.stack_before
        count = len(before)
        if _MARK in before or (opcode.name == "POP" and stack[-1:] == [_MARK]):
            while stack.pop() is not _MARK:
                pass
            count = before.index(_MARK) if _MARK in before else 0
        if opcode.name in _STORES or opcode.name == "MEMOIZE":
            if not stack or stack[-1] is _MARK:
                raise _NoPickleError
            self._memo.add(len(self._memo) if opcode.name == "MEMOIZE" else argument)
        elif opcode.name in _FETCHES and argument not in self._memo:
            raise _NoPickleError
        if count > len(stack) or _MARK in stack[len(stack) - count :]:
            raise _NoPickleError
        del stack[len(stack) - count :]
        stack += opcode.stack_after
        if opcode.name == "STOP" and stack:
            raise _NoPickleError
