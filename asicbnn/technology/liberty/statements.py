"""Liberty text cut into statements, a window of the file at a time.

Liberty knows three: ``name : value ;``, ``name (arguments) ;`` and the group ``name (arguments) {
... }``. Every character is looked at a bounded number of times, so that no file, however broken,
takes longer than its length; a window instead of the whole text keeps the memory small.
"""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Final, NoReturn

from asicbnn.errors import Problem, SpecError

_CHUNK: Final = 1 << 20
_LOOK_AHEAD: Final = 1 << 16
_LONGEST_STATEMENT: Final = 1 << 24
_SHOWN: Final = 60
_DEEPEST: Final = 100
BEGINNING: Final = "it must begin with 'library (NAME) {'"
_GZIP: Final = b"\x1f\x8b"
_OTHER_FORMS: Final = {
    b"\xfd7zXZ": "compressed with xz", b"BZh": "compressed with bzip2",
    b"\x28\xb5\x2f\xfd": "compressed with zstd", b"PK\x03\x04": "a zip archive",
    b"\xff\xfe": "text in UTF-16", b"\xfe\xff": "text in UTF-16",
}  # fmt: skip
"""What files begin with that hold something else than text or gzip."""

# Possessive throughout: a statement that does not match fails at once instead of being retried.
_COMMENT = r"/\*(?:[^*]++|\*(?!/))*+\*/"
_LINE_COMMENT = r"//[^\n]*+"
_GAP = rf"(?:[\s\\]++|{_COMMENT})*+"
_STATEMENT = re.compile(
    rf"""(?P<close>\}})
      | (?P<name>"[^"\n]*+"|[A-Za-z_][\w.$-]*+){_GAP}
        (?: :[^\S\n]*+(?:"(?P<quoted>(?:[^"\\]++|\\.)*+)"[^\n;}}]*+|(?P<bare>[^;\n}}"]*+))
          | \((?P<arguments>(?:[^"(){{}};/]++|"[^"]*+"|{_COMMENT}|{_LINE_COMMENT}|/)*+)\)
            {_GAP}(?P<open>\{{)?
        )""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED_OR_COMMENT = re.compile(rf'"[^"]*+"|{_COMMENT}|{_LINE_COMMENT}')
_BLANK = re.compile(r"[\s;\\]*+")
_BRACE = re.compile(r'[{}"]|/\*')


def _uncommented(text: str) -> str:
    """Return arguments without comments, their line breaks kept."""
    if "/*" not in text and "//" not in text:
        return text
    return _QUOTED_OR_COMMENT.sub(
        lambda part: part[0] if part[0][0] == '"' else "\n" * part[0].count("\n"), text
    )


class Kind(Enum):
    """The kinds of statement; END is the end of the file."""

    SIMPLE = "simple"
    COMPLEX = "complex"
    OPEN = "open"
    CLOSE = "close"
    END = "end"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its name, its value or arguments as written, and the line it begins on."""

    kind: Kind
    name: str
    value: str
    line: int


class Statements:
    """The statements of one Liberty file, in order. Use as a context manager.

    Raises SpecError with the line for text that is no statement, and for files that are damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.line = 1
        self.characters = 0
        """Characters read so far, those in the window included."""
        self._text = ""
        self._at = 0
        self._is_all = False
        self._is_at_start = True
        try:
            with path.open("rb") as start:
                first = start.read(8)
            is_zipped = first.startswith(_GZIP)
            self._file: IO[bytes] = gzip.open(path) if is_zipped else path.open("rb")  # type: ignore[assignment]  # noqa: SIM115
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            message = f"the Liberty file cannot be read: {reason}"
            cure = "give the Liberty files in it: FOLDER/*.lib" if path.is_dir() else ""
            raise SpecError(Problem(message, self.path, help=cure)) from None
        for begin, form in _OTHER_FORMS.items():
            if first.startswith(begin):
                self._file.close()
                cure = "convert it: what is read is plain text in ASCII or UTF-8, or gzip of it"
                self.fail(f"this is no Liberty file as it is, but {form}", 1, cure)

    def __enter__(self) -> Statements:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def fail(self, message: str, line: int | None = None, help_text: str = "") -> NoReturn:
        """Raise a SpecError about a line of the file, the current one if none is given."""
        said = " ".join(message.split())
        raise SpecError(Problem(said, self.path, line or self.line, help=help_text))

    def take(self) -> Statement:
        """Return the next statement and step behind it."""
        self._skip_blanks()
        wanted = _LOOK_AHEAD
        while True:
            self._fill(wanted)
            match = _STATEMENT.match(self._text, self._at)
            is_whole = match is not None and match.end() < len(self._text)
            if is_whole or self._is_all:
                break
            wanted = 2 * max(wanted, len(self._text) - self._at)
            if wanted > _LONGEST_STATEMENT:
                self.fail(self._unreadable(), help_text="a quote or a bracket is not closed")
        if match is None:
            if self._at == len(self._text):
                return Statement(Kind.END, "", "", self.line)
            self.fail(self._unreadable())
        return self._statement(match)

    def skip_group(self) -> None:
        """Step behind the closing brace of a group that was just opened."""
        depth, opened = 1, self.line
        while depth:
            match = _BRACE.search(self._text, self._at)
            if match is None:
                self._move(len(self._text))
                if self._is_all:
                    self.fail(f"the file ends inside a group that begins on line {opened}")
                self._fill(_LOOK_AHEAD)
                continue
            self._move(match.end())
            token = match.group()
            if token == '"':
                self._skip_past('"', "a quote is not closed")
            elif token == "/*":
                self._skip_past("*/", "a comment is not closed")
            else:
                depth += 1 if token == "{" else -1
                if depth > _DEEPEST:
                    self.fail(f"more than {_DEEPEST} groups inside each other")

    def _statement(self, match: re.Match[str]) -> Statement:
        line = self.line
        self._move(match.end())
        self._is_at_start = False
        if match["close"]:
            return Statement(Kind.CLOSE, "", "", line)
        name = match["name"].strip('"')
        if match["arguments"] is not None:
            kind = Kind.OPEN if match["open"] else Kind.COMPLEX
            return Statement(kind, name, _uncommented(match["arguments"]), line)
        if match["quoted"] is not None:
            return Statement(Kind.SIMPLE, name, match["quoted"], line)
        return Statement(Kind.SIMPLE, name, match["bare"].partition("/*")[0].strip(), line)

    def _skip_blanks(self) -> None:
        """Step over white space and comments."""
        while True:
            if match := _BLANK.match(self._text, self._at):
                self._move(match.end())
            if len(self._text) - self._at < 2 and not self._is_all:
                self._fill(_LOOK_AHEAD)
            elif self._text.startswith("/*", self._at):
                self._move(self._at + 2)
                self._skip_past("*/", "a comment is not closed")
            elif self._text.startswith("//", self._at):
                self._skip_past("\n", "")
            else:
                return

    def _skip_past(self, mark: str, complaint: str) -> None:
        """Step behind the next ``mark``; the file's end instead is an error, if worded."""
        opened = self.line
        while (found := self._text.find(mark, self._at)) < 0:
            self._move(max(self._at, len(self._text) - len(mark) + 1))
            if self._is_all:
                self._move(len(self._text))
                if complaint:
                    self.fail(complaint, opened)
                return
            self._fill(_LOOK_AHEAD)
        self._move(found + len(mark))

    def _move(self, to: int) -> None:
        self.line += self._text.count("\n", self._at, to)
        self._at = to

    def _fill(self, wanted: int) -> None:
        """Have ``wanted`` characters ahead in the window, or all that are left."""
        if self._is_all or len(self._text) - self._at >= wanted:
            return
        parts = [self._text[self._at :]]
        have = len(parts[0])
        while have < wanted and not self._is_all:
            parts.append(self._chunk())
            have += len(parts[-1])
        self._text, self._at = "".join(parts), 0

    def _chunk(self) -> str:
        try:
            data = self._file.read(_CHUNK)
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or str(error) or "it ends too early"
            self.fail(f"the file is damaged: {reason[0].lower()}{reason[1:].rstrip('.')}")
        if not data:
            self._is_all = True
        if b"\0" in data:
            cure = "of a compiled library (.db) give the Liberty text it was made of"
            self.fail("this is no text: a Liberty file holds no zero bytes", None, cure)
        if not self.characters:
            data = data.removeprefix(b"\xef\xbb\xbf")
        self.characters += len(data)
        return data.decode("latin-1")

    def _unreadable(self) -> str:
        ahead = self._text[self._at : self._at + 4 * _SHOWN].split("\n", 1)[0].rstrip()
        shown = ahead if len(ahead) <= _SHOWN else ahead[:_SHOWN] + "..."
        printable = shown.encode("ascii", "backslashreplace").decode()
        if self._is_at_start:
            return f"this is no Liberty file: {BEGINNING}, and begins with '{printable}'"
        return (
            f"expected 'name : value;', 'name (...);', 'name (...) {{' or '}}', got '{printable}'"
        )
