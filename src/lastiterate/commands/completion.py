"""Script for a shell that completes commands, options, their values and the names of files when Tab is pressed.

To have it for good: the first line in ~/.bashrc; the second in ~/.zshrc, after compinit; the third once, at fish's prompt.

example:
  eval "$(lastiterate completion bash)"
  eval "$(lastiterate completion zsh)"
  lastiterate completion fish > ~/.config/fish/completions/lastiterate.fish
"""

from argparse import ArgumentParser, Namespace

from lastiterate._extras import optional
from lastiterate.commands.common import add_choice

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    add_choice(parser, "shell", SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(arguments: Namespace) -> None:
    """Print the script, which asks `lastiterate` itself at each Tab."""
    with optional():
        from argcomplete import shellcode
    print(shellcode(["lastiterate"], shell=arguments.shell))
