"""The command `lastiterate`: subcommands for a user's own logs.

A subcommand is a module in `commands/` whose docstring is its help, with ``add_arguments(parser)`` and ``run(arguments)``;
it is known by the module's name. Bad input (ValueError, OSError, MemoryError) ends in one message on stderr and exit
status 2, as argparse's own errors do.
"""

import argparse
import sys
from collections.abc import Sequence

from lastiterate import __version__
from lastiterate.commands import export, plan, read, refine

COMMANDS = (read, refine, plan, export)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="lastiterate", description="Learning-rate schedules from convergence bounds and your own logs.")
    parser.add_argument("--version", action="version", version=f"lastiterate {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        name, title = command.__name__.rsplit(".", 1)[-1], command.__doc__.splitlines()[0]
        options = {"description": command.__doc__, "formatter_class": argparse.RawDescriptionHelpFormatter}
        sub = commands.add_parser(name, help=title, **options)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except (ValueError, OSError, MemoryError) as error:
        print(f"lastiterate: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
