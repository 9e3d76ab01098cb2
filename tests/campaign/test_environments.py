"""Shells as users have them: a command says the same in all of them, or says what it lacks."""

import os
import random
import re
import subprocess
import sys

from conftest import ROOT
from workplace import make_workplace

COMMANDS = [
    ["read", "runs"], ["read", "log.csv", "--json"], ["refine", "log.csv"],
    ["plan", "runs", "--horizon", "120k", "--no-figures", "--out", "plan"],
    ["transfer", "sweep.csv", "--n-params", "1B", "--tokens", "20B", "--batch", "512"], ["export", "--from", "nanotron", "config.yaml"],
    ["export", "--schedule", "wsd:total_steps=900,peak_lr=0.001", "--trainer", "hf"],
]  # fmt: skip
ENVIRONMENTS = {
    "LC_ALL=C": {"LC_ALL": "C", "LANG": "C"}, "LC_ALL=POSIX": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "an ASCII terminal": {"PYTHONIOENCODING": "ascii:strict"}, "Latin-1": {"PYTHONIOENCODING": "latin-1"},
    "a decimal comma": {"LC_ALL": "de_DE.UTF-8"},
    "no HOME": {"HOME": ""}, "HOME that is not there": {"HOME": "/nowhere"}, "HOME that is a file": {"HOME": "/dev/null"},
    "a Jupyter shell": {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    "a matplotlibrc": {"MATPLOTLIBRC": "{folder}/matplotlibrc"},
    "no width": {"COLUMNS": "0"}, "another hash seed": {"PYTHONHASHSEED": "7"}, "warnings are errors": {"PYTHONWARNINGS": "error"},
    "another time zone": {"TZ": "Pacific/Kiritimati"}, "no colours": {"NO_COLOR": "1", "TERM": "dumb"},
    "optimised": {"PYTHONOPTIMIZE": "2"},
    "two threads": {"OMP_NUM_THREADS": "2"}, "development mode": {"PYTHONDEVMODE": "1"},
}  # fmt: skip


def say(folder, words, environment):
    own = {name: value.replace("{folder}", str(folder)) for name, value in environment.items()}
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80"} | own
    command = [sys.executable, "-m", "lastiterate.cli", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def plain(text):
    """The words of an output, whatever lines they are broken into, without what ASCII has not, which other encodings may not write."""
    return re.sub(r"\\u....|\\x..", "", text.decode("ascii", "ignore")).split()


def test_a_command_says_the_same_in_every_environment(tmp_path, campaign):
    folder = make_workplace(tmp_path)
    (folder / "matplotlibrc").write_text("figure.figsize: 1, 1\nsavefig.format: pgf\n")
    usual = {}
    holds = "the same words, but for what its encoding cannot write"
    for seed in campaign.seeds("a command in another environment (locale, HOME, terminal, Python's options)", holds, 12):
        rng = random.Random(seed)
        words, name = rng.choice(COMMANDS), rng.choice(list(ENVIRONMENTS))
        key = tuple(words)
        if key not in usual:
            usual[key] = say(folder, words, {})
            assert usual[key][0] == 0, usual[key]
        status, out, err = say(folder, words, ENVIRONMENTS[name])
        assert status == 0 and "Traceback" not in err, f"{seed}: {words} with {name}: {err}"
        assert plain(out) == plain(usual[key][1]), f"{seed}: {words} with {name}: {out!r}"
