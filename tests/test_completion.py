"""Completion, driven in the shells themselves: what Tab offers in bash and fish, and that zsh can read the script."""

import shutil
import subprocess

import pytest

from lastiterate.cli import COMMANDS
from lastiterate.logs import FORMATS
from lastiterate.plan.candidates import FAMILIES
from lastiterate.schedules.export import TRAINERS
from workplace import environment, make_workplace

OFFERED = [  # the line so far, what Tab offers of it (all that begins so), what it does not
    ("lastiterate ", {*COMMANDS, "--help", "--version"}, {"--json"}),
    ("lastiterate ex", {"export"}, {"plan"}),
    ("lastiterate export --trainer ", {*TRAINERS}, {"--json"}),
    ("lastiterate export --trainer m", {"megatron", "maxtext"}, {"hf"}),
    ("lastiterate plan --law norm", {"norm-power", "norm-stiff", "norm-exponential"}, {"bu"}),
    ("lastiterate plan runs/ --schedule ", {*FAMILIES}, {"--json"}),
    ("lastiterate plan --no", {"--no-figures"}, {"--json"}),
    ("lastiterate read --format ", {*FORMATS}, {"--json"}),
    ("lastiterate refine log.csv --norm ", {"l1", "l2"}, set()),
    ("lastiterate refine lo", {"log.csv"}, {"runs/"}),
    ("lastiterate read runs/", {"runs/long.csv", "runs/short.csv", "runs/high.csv"}, {"log.csv"}),
    ("lastiterate completion ", {"bash", "zsh", "fish"}, {"tcsh"}),
]
# What readline does when Tab is pressed at the end of the line: words and point in the COMP_ variables, the function, its COMPREPLY.
BASH = """
eval "$(lastiterate completion bash)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
read -ra COMP_WORDS <<< "$1"
[[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
function=$(complete -p lastiterate | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
"$function" lastiterate "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = "lastiterate completion fish | source; complete --do-complete $argv[1]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_workplace(tmp_path_factory.mktemp("completion"))


def run(folder, *command):
    if not shutil.which(command[0]):
        pytest.skip(f"no {command[0]} on this machine")
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("shell", [["bash", "-c", BASH, "bash"], ["fish", "-c", FISH]], ids=["bash", "fish"])
@pytest.mark.parametrize(("line", "offered", "others"), OFFERED)
def test_what_tab_offers(folder, shell, line, offered, others):
    found = {choice.split("\t")[0].strip() for choice in run(folder, *shell, line).splitlines()}
    assert offered <= found and not others & found


def test_zsh_reads_the_script_and_registers_it(folder):
    text = run(folder, "zsh", "-fc", 'autoload -U compinit; compinit -D; eval "$(lastiterate completion zsh)"; print $_comps[lastiterate]')
    assert text.strip() == "_python_argcomplete"
