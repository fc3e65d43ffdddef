"""Every command that a page shows, taken out of README, docs, CONTRIBUTING and samples: blocks and code in sentences."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "samples" / "README.md", *(ROOT / "docs").glob("*.md")]
)
#: blocks that a shell would run; a block without a language is one
SHELLS = ("", "sh", "bash", "shell", "console")

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class Shown:
    """One simple command of a page. ``words`` are as a shell would split them; ``is_typed``: in a block, whole."""

    page: str
    line: str
    words: tuple[str, ...]
    is_typed: bool = True

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"


def of_page(path: Path, *, part: str | None = None) -> list[Shown]:
    """The commands of a page, or of one part of it, in their order; those in sentences behind those in blocks."""
    text = path.read_text(encoding="utf-8")
    if part is not None:
        text = text.partition(f"\n## {part}\n")[2].partition("\n## ")[0]
    name = path.relative_to(ROOT).as_posix()
    found = []
    for language, block in _FENCE.findall(text):
        if language in SHELLS:
            for line in block.replace("\\\n", " ").splitlines():
                found += [Shown(name, line.strip(), words) for words in simple_commands(line)]
    # What stands on the left of such tables was typed elsewhere.
    sentences = re.sub(r"^\| (?!There).*? \| (?=.*\|$)", "| ", _FENCE.sub("", text), flags=re.MULTILINE)
    for span in _SPAN.findall(sentences if "| There | Here |" in text else _FENCE.sub("", text)):
        code = re.sub(r"^(python )?(?=(manage|dev)\.py\b)|^\./(?=manage\.py\b)", "python ", span)
        if not span.endswith("manage.py tok") and re.match(r"python (manage|dev)\.py\b|python -m ", code):
            found += [Shown(name, span, words, is_typed=False) for words in simple_commands(code)[:1]]
    return found


def everything() -> list[Shown]:
    """The commands of all pages."""
    return [shown for page in PAGES for shown in of_page(page)]


def simple_commands(line: str) -> list[tuple[str, ...]]:
    """A line split where a shell begins a new command; without comments and without assignments before a command."""
    # What a variable is set to by a command is a command.
    line = re.sub(r"^\s*\w+=\$\((.*)\)\s*$", r"\1", line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
    lexer.whitespace_split, lexer.commenters = True, "#"
    try:
        words = list(lexer)
    except ValueError:
        # A quotation that goes on in the next line, or an apostrophe in a sentence.
        return []
    commands: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set("|&;"):
            commands.append([])
        else:
            commands[-1].append(word)
    cleaned = []
    for command in commands:
        command = [word for word in command if word not in {"{", "}"}]  # noqa: PLW2901 - the same, cleaned
        while command and _ASSIGNMENT.match(command[0]):
            del command[0]
        if command:
            cleaned.append(tuple(command))
    return cleaned
