"""The command `lastiterate`: subcommands for a user's own logs.

A subcommand is a module in `commands/` whose docstring is its help, with ``add_arguments(parser)`` and ``run(arguments)``;
it is known by the module's name, and imported only where it is asked for. Bad input (ValueError, OSError, MemoryError), and a
package of an extra that is not installed, end in one message on stderr and exit status 2, as the parser's own errors do.
"""

import os
import sys
from argparse import SUPPRESS
from collections.abc import Sequence
from importlib import import_module

from lastiterate import __version__
from lastiterate._extras import MissingExtra, in_words, optional
from lastiterate._shown import shown_output
from lastiterate.commands.parser import HelpFormatter, Parser, no_command

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


def build_parser(words: Sequence[str]) -> tuple[Parser, dict[str, Parser]]:
    """The parser of a command line, and those of the commands; only that of its command is complete."""
    contents = [TEXT, "", "commands, in the order of the work:", *(f"  {name:12}{title}" for name, title in COMMANDS.items())]
    parser = Parser("lastiterate", "lastiterate [-h] [--version] COMMAND ...", "\n".join(contents), EPILOG, formatter_class=HelpFormatter)
    parser.add_argument("--version", action="version", version=f"lastiterate {__version__}")
    commands = parser.add_subparsers(prog="lastiterate", metavar="COMMAND", required=True, help=SUPPRESS)
    parsers, wanted = {}, next((word for word in words if word in COMMANDS), None)
    for name, title in COMMANDS.items():
        sub = parsers[name] = commands.add_parser(name, help=title, formatter_class=HelpFormatter)
        if name == wanted:
            try:
                with optional():
                    command = import_module(f"lastiterate.commands.{name}")
            except MissingExtra as missing:
                if not {"-h", "--help"} & {*words}:
                    raise
                sub.description = f"{title}\n\nIts options cannot be shown: {missing}"
                continue
            sub.description = command.__doc__
            command.add_arguments(sub)
            sub.set_defaults(run=command.run)
    return parser, parsers


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    if "_ARGCOMPLETE" in os.environ:  # set by the shell when Tab is pressed
        import argcomplete

        argcomplete.autocomplete(build_parser(os.environ.get("COMP_LINE", "").split())[0])
    if sys.stdout is None:
        return _refuse("standard output is closed: what is printed would be lost (> /dev/null throws it away)")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be text
    with shown_output():
        return _status(argv)


def _status(argv: Sequence[str] | None) -> int:
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
    except ModuleNotFoundError as error:
        if not (missing := in_words(error)):
            raise
        return _refuse(str(missing))
    except OSError as error:
        return _refuse(_without_number(error))
    except (ValueError, MemoryError) as error:
        return _refuse(str(error) or type(error).__name__)


def _run(argv: Sequence[str]) -> int:
    if not argv:
        build_parser(argv)[0].print_help(sys.stderr)
        return 2
    if argv[0] not in COMMANDS and not argv[0].startswith("-"):
        raise ValueError(no_command(argv[0], COMMANDS))
    parser, parsers = build_parser(argv)
    parsers.get(argv[0], parser).check_options(argv)
    arguments = parser.parse_args(argv)
    if argv[0] != "completion":
        import_module("lastiterate.commands.common").check_inputs_are_kept(arguments)
    arguments.run(arguments)
    return 0


def _refuse(message: str) -> int:
    print(f"lastiterate: error: {message}", file=sys.stderr)
    return 2


def _without_number(error: OSError) -> str:
    """What the operating system says, and of which file; our own errors say both themselves."""
    if not error.strerror:
        return str(error) or type(error).__name__
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    return ": ".join([" -> ".join(names)] * bool(names) + [error.strerror[:1].lower() + error.strerror[1:]])


def _flush() -> None:
    """Flush standard output; where nobody takes it, let go of it, lest the interpreter try again at its end."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OSError(error.errno, error.strerror, "standard output") from None


if __name__ == "__main__":
    sys.exit(main())
