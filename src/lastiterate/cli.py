"""The command `lastiterate`: subcommands for a user's own logs.

A subcommand is a module in `commands/` whose docstring is its help, with ``add_arguments(parser)`` and ``run(arguments)``;
it is known by the module's name, and imported only where it is asked for. Bad input (ValueError, OSError, MemoryError) ends
in one message on stderr and exit status 2, as argparse's own errors do.
"""

import os
import sys
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from textwrap import fill

import argcomplete

from lastiterate import __version__

TEXT = "Learning-rate schedules from convergence bounds and your own logs."
COMMANDS = {  # in the order of the work: what goes in -> what comes out
    "read": "logs of any trainer -> what each is taken for; one table of all",
    "plan": "logs of pilot runs -> schedule and learning rate of the real run",
    "transfer": "final losses of a sweep -> learning rate at another size",
    "refine": "a log with gradient norms -> schedule of the next run",
    "export": "a plan or a schedule -> settings of a trainer, and back",
    "completion": "bash, zsh or fish -> script that completes with Tab",
}
EPILOG = """\
the whole way:
  lastiterate read runs/ --out tables
  lastiterate plan tables --horizon 200k --out plan
  lastiterate export --schedule plan/plan.json --trainer hf

exit status:
  0    done
  2    bad input, or refused: standard error says why
  130  interrupted (Ctrl-C)
  141  whoever read the output stopped

`lastiterate COMMAND --help` explains a command, with examples. All of them but completion take --json.
Documentation: docs/ in the source tree, beginning with docs/tutorial.md; `make docs` makes a site of it."""


class HelpFormatter(RawDescriptionHelpFormatter):
    """Fills paragraphs to the width of the terminal; blocks with indented lines, such as examples, stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        blocks = text.strip().split("\n\n")
        return "\n\n".join(block if "\n  " in block else fill(block, width) for block in blocks)


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """The parser of a command line, complete in those commands that are among its words."""
    contents = [TEXT, "", "commands, in the order of the work:", *(f"  {name:12}{title}" for name, title in COMMANDS.items())]
    parser = ArgumentParser(
        "lastiterate", "lastiterate [-h] [--version] COMMAND ...", "\n".join(contents), EPILOG, formatter_class=HelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"lastiterate {__version__}")
    commands = parser.add_subparsers(prog="lastiterate", metavar="COMMAND", required=True, help=SUPPRESS)
    for name, title in COMMANDS.items():
        sub = commands.add_parser(name, help=title, formatter_class=HelpFormatter)
        if name in words:
            command = import_module(f"lastiterate.commands.{name}")
            sub.description = command.__doc__
            command.add_arguments(sub)
            sub.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    if "_ARGCOMPLETE" in os.environ:  # set by the shell when Tab is pressed
        argcomplete.autocomplete(build_parser(os.environ.get("COMP_LINE", "").split()))
    try:
        try:
            return _run(sys.argv[1:] if argv is None else argv)
        finally:
            _flush()
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        print("lastiterate: interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, MemoryError) as error:
        print(f"lastiterate: error: {str(error) or type(error).__name__}", file=sys.stderr)
        return 2


def _run(argv: Sequence[str]) -> int:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be text
    parser = build_parser(argv)
    if not argv:
        parser.print_help(sys.stderr)
        return 2
    arguments = parser.parse_args(argv)
    arguments.run(arguments)
    return 0


def _flush() -> None:
    """Flush standard output; where nobody takes it, let go of it, lest the interpreter try again at its end."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


if __name__ == "__main__":
    sys.exit(main())
