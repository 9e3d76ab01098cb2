"""The parser of the command line: help as it stands in the docstrings, and errors of one sentence that name what was meant."""

import re
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from textwrap import fill
from typing import NoReturn


class HelpFormatter(RawDescriptionHelpFormatter):
    """Fills paragraphs and tables (a word, two spaces or more, a text) to the terminal's width; commands stay as they are, to be copied."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        blocks = text.strip().split("\n\n")
        filled = ("\n".join(_row(line, width) for line in block.split("\n")) if "\n  " in block else fill(block, width) for block in blocks)
        return "\n\n".join(filled)


def _row(line: str, width: int) -> str:
    found = re.match(r"( +\S+ {2,})(\S.*)", line)
    return fill(found[2], width, initial_indent=found[1], subsequent_indent=" " * len(found[1])) if found else line


class Parser(ArgumentParser):
    """A parser whose errors are one line on stderr, without the usage, and exit status 2."""

    def error(self, message: str) -> NoReturn:
        """End the program with the message."""
        message = re.sub(r"^argument (?=-|[A-Z])", "", message)
        message = re.sub(r"^(--[\w-]+): (?=\1=)", "", message)
        message = re.sub(r"invalid (int|float) value: (.*)", lambda m: f"{m[2]} is no {'whole ' if m[1] == 'int' else ''}number", message)
        if re.match(r"the following arguments are required|unrecognized arguments", message):
            message += f" (see {self.prog} --help)"
        self.exit(2, f"lastiterate: error: {message}\n")

    def check_options(self, words: Sequence[str]) -> None:
        """End with an error, and the option that was meant, if one of the words looks like an option and is none.

        argparse reports such a word last of all, after what is missing because of it, and does not say what was meant.
        """
        known = [name for name in self._option_string_actions if name.startswith("--")]
        for word in words[: words.index("--")] if "--" in words else words:
            name = word.partition("=")[0]
            if not re.fullmatch(r"--?[A-Za-z][\w-]+", name) or any(option.startswith(name) for option in known):
                continue
            if not name.startswith("--") and not _meant("-" + name, known):
                continue  # -x and its like: argparse says it
            self.error(f"there is no option {name}{_meant(name.replace('_', '-'), known)} (see {self.prog} --help)")


def no_command(word: str, commands: Collection[str]) -> str:
    """The message for a command that is none."""
    return f"there is no command {word!r}{_meant(word, commands)}: commands are {', '.join(commands)}"


def _meant(word: str, known: Collection[str]) -> str:
    bare = {name.lstrip("-"): name for name in known}
    near = get_close_matches(word.lower().lstrip("-"), bare, 1, 0.65)
    return f", did you mean {bare[near[0]]}?" if near else ""
