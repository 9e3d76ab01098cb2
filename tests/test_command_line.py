"""The command line as a whole: its contents, the examples of its help run in a shell, JSON, exit statuses, hostile arguments."""

import json
import os
import re
import subprocess
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conftest import ROOT
from lastiterate.cli import COMMANDS, main
from lastiterate.commands import completion, export, plan, read, refine, transfer
from lastiterate.schedules import wsd
from workplace import environment, in_shell, make_workplace, pilot

MODULES = {"read": read, "plan": plan, "transfer": transfer, "refine": refine, "export": export, "completion": completion}


def indented(text, title):
    """The lines of a help text that are indented under a title."""
    return re.findall(r"^  (\S.*)$", re.search(rf"^{title}:\n((?:  .*\n)+)", text + "\n", re.MULTILINE)[1], re.MULTILINE)


def help_of(*words):
    out = StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit) as done:
        main([*words, "--help"])
    assert done.value.code == 0
    return out.getvalue()


WHOLE_WAY = indented(help_of(), "the whole way")
EXAMPLES = [line for module in MODULES.values() for line in indented(module.__doc__, "example")]


def test_the_help_is_a_table_of_contents(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = help_of()
    contents = indented(text, "commands, in the order of the work")
    assert [line.split()[0] for line in contents] == list(COMMANDS) == list(MODULES)
    assert all(" -> " in line for line in contents)
    assert max(map(len, text.splitlines())) <= 80
    assert {line.split()[1] for line in WHOLE_WAY} == {"read", "plan", "export"} and len(WHOLE_WAY) == 3
    assert [line.split()[0] for line in indented(text, "exit status")] == ["0", "2", "130", "141"]
    for path in re.findall(r"docs/\w+\.md", text):
        assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_in_its_help(name):
    examples = indented(help_of(name), "example")
    assert examples and all(f"lastiterate {name} " in line for line in examples) and set(examples) <= set(EXAMPLES)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = make_workplace(tmp_path_factory.mktemp("workplace"))
    for line in WHOLE_WAY:
        done = in_shell(folder, line)
        assert (done.returncode, done.stdout == "") == (0, False), done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_run(workplace, line):
    done = in_shell(workplace, line)
    assert done.returncode == 0, done.stderr
    for path in re.findall(r"(?:--out|--csv|>) (\S+)", line):
        assert (workplace / path.replace("~/", "")).exists()


@pytest.mark.slow
def test_the_whole_way_ends_in_the_settings_of_the_plan(workplace):
    assert in_shell(workplace, WHOLE_WAY[1]).returncode == 0  # an example may have written another plan there
    done = in_shell(workplace, WHOLE_WAY[-1] + " --csv executed.csv")
    assert done.returncode == 0 and "max_steps=200000" in done.stdout.replace(" ", "")
    executed, planned = (np.loadtxt(workplace / name, delimiter=",", skiprows=1) for name in ("executed.csv", "plan/schedule.csv"))
    np.testing.assert_allclose(executed, planned, rtol=0, atol=1e-12)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(make_workplace(tmp_path))
    return tmp_path


def strict(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


JSON = {
    "read": ["runs", "trainer_state.json"],
    "plan": ["runs", "--horizon", "60k", "--no-figures"],
    "transfer": ["sweep.csv", "--n-params", "1B", "--tokens", "20B", "--batch", "512"],
    "refine": ["log.csv"],
    "export": ["--schedule", '{"family": "wsd", "total_steps": 100, "peak_lr": 1}', "--trainer", "optax"],
}


@pytest.mark.parametrize("out", [[], ["--out", "made/out"]], ids=["", "out"])
@pytest.mark.parametrize("name", JSON)
def test_json_is_one_document_on_stdout_and_errors_are_not_in_it(here, capsys, name, out):
    assert main([name, *JSON[name], *out, "--json"]) == 0
    assert isinstance(strict(capsys.readouterr().out), dict)
    assert (here / "made/out").exists() == bool(out)
    missing = {"runs": "nowhere", "log.csv": "nowhere", "sweep.csv": "nowhere"}
    broken = [missing.get(argument, argument.replace("100", "-1")) for argument in JSON[name]]
    assert main([name, *broken, *out, "--json"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("lastiterate: error: ")


def test_every_command_but_completion_has_json():
    assert {*JSON, "completion"} == set(COMMANDS)
    assert all("--json" in help_of(name) for name in JSON)


def test_no_command_prints_the_help_as_an_error(capsys):
    assert main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and "the whole way:" in printed.err


def test_an_interruption_ends_in_130(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(read, "run", interrupted)
    assert main(["read", "x"]) == 130
    assert capsys.readouterr().err == "lastiterate: interrupted\n"


@pytest.mark.parametrize("words", ["--help", "read trainer_state.json", "completion fish"])
def test_output_that_nobody_takes_ends_without_a_traceback(here, words):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [here / "bin/lastiterate", *words.split()], stdout=writing, stderr=subprocess.PIPE, env=environment(here), check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
    done = in_shell(here, f"ulimit -f 0; lastiterate {words} > full")  # as on a full disk
    assert (done.returncode, done.stderr) == (2, "lastiterate: error: standard output: file too large\n")


def test_closed_output_is_an_error_and_narrow_terminals_get_narrow_help(here):
    done = in_shell(here, "lastiterate read log.csv >&-")
    assert done.returncode == 2 and done.stderr.startswith("lastiterate: error: standard output is closed")
    assert in_shell(here, "lastiterate read nowhere 2>&-").returncode == 2
    for columns in (40, 60, 200):
        lines = in_shell(here, f"COLUMNS={columns} FORCE_COLOR=1 NO_COLOR= lastiterate --help").stdout.splitlines()
        assert all(len(line) <= columns or "lastiterate " in line or line.startswith("usage") for line in lines)
        assert "\x1b" not in "".join(lines)


NEAR = [
    (["export", "--schedule", "{}", "--trainer", "megatorn"], "did you mean 'megatron'?"),
    (["plan", "runs", "--horizon", "2k", "--law", "norm_stiff"], "did you mean 'norm-stiff'?"),
    (["plan", "runs", "--horizon", "2k", "--trainer", "torchtian", "--out", "x"], "did you mean 'torchtitan'?"),
    (["plan", "runs", "--horizon", "2k", "--schedule", "wds"], "did you mean 'wsd'?"),
    (["read", "log.csv", "--format", "huggingface"], "did you mean 'hugging_face'?"),
    (["export", "--schedule", '{"family": "cosin"}', "--trainer", "hf"], "did you mean 'cosine'?"),
    (["completion", "bsh"], "did you mean 'bash'?"),
    (["expert"], "there is no command 'expert', did you mean export?"),
    (["plna", "runs"], "did you mean plan?"),
    (["plan", "runs", "--horizn", "2k"], "there is no option --horizn, did you mean --horizon?"),
    (["plan", "runs", "-horizon", "2k"], "did you mean --horizon?"),
    (["plan", "runs", "--horizon", "2k", "--init_std=0.1"], "did you mean --init-std?"),
    (["read", "log.csv", "--map", "trian_loss=x"], "did you mean 'train_loss'?"),
    (["export", "--schedule", '{"family": "wsd", "total_stps": 9, "peak_lr": 1}', "--trainer", "hf"], "did you mean 'total_steps'?"),
    (["export", "--schedule", "wsd:total_stps=9,peak_lr=1", "--trainer", "hf"], "did you mean 'total_steps'?"),
    (["export", "--schedule", '{"famly": "wsd"}', "--trainer", "hf"], "but 'famly', which may be meant"),
    (["export", "--schedule", '{"name": "a", "phases": [{"kind": "stable", "stps": 9}], "peak_lr": 1}', "--trainer", "hf"], "'steps'"),
]


@pytest.mark.parametrize(("words", "message"), NEAR)
def test_near_misses_are_recognised(capsys, words, message):
    assert status(words) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("lastiterate: error: ") and error.count("\n") == 1  # and no usage before it


def status(words):
    """Exit status of the command line, however it ends."""
    try:
        return main(words)
    except SystemExit as done:
        return done.code


NAME = os.fsdecode(b"caf\xe9")  # not UTF-8
HOSTILE = [
    (["read", "nowhere"], "nowhere"),
    (["read", "empty"], "the folder holds no file"),
    (["read", "a\0b"], "null"),
    (["read", "x" * 5000], "too long"),
    (["read", "deep.json"], "nested too deeply"),
    (["read", "wide.csv"], "which no format knows"),
    (["read", "/dev/null"], "is empty"),
    (["read", "log.csv", "--format", "wandb_runs"], "has no column Name"),
    (["read", "log.csv", "--format", "wandb_chart"], "__MIN"),
    (["read", "log.csv", "--step-shift", "9" * 300], "must lie within"),
    (["read", "log.csv", "--out", "file/below"], "file"),
    (["read", "log.csv", "--schedule", "deep.json"], "deep.json: not JSON"),
    (["read", "log.csv", "--schedule", "runs/long.csv"], "long.csv: step must count updates 1, 2, 3"),
    (["read", "log.csv", "--schedule", "empty"], "empty"),
    (["plan", "runs", "--horizon", "9" * 400], "is not a number of updates"),
    (["plan", "runs", "--horizon", "nan"], "is not a number of updates"),
    (["plan", "runs", "--horizon", "60k", "--level", "nan"], "level"),
    (["plan", "runs", "--horizon", "60k", "--no-figures", "--out", "file/below"], "file"),
    (["refine", "runs"], "choose one with --run-id"),
    (["refine", "log.csv", "--out", "empty"], "empty"),
    (["refine", "log.csv", "--out", "/proc/nowhere/x.csv"], "/proc/nowhere"),
    (["export", "--schedule", '{"recommended": {}}', "--trainer", "hf"], "--schedule"),
    (["export", "--schedule", '{"family": "wsd", "total_steps": 1e15}', "--trainer", "hf"], "total_steps"),
]


STDIN = {  # the file that is piped in, the command that takes it
    "log.csv": "read - --json",
    "runs/long.csv": "plan - runs/short.csv runs/high.csv --horizon 60k --json",
    "sweep.csv": "transfer - --n-params 1B --tokens 20B --batch 512 --json",
    "bare.csv": "read - --schedule wsd:total_steps=20000,peak_lr=5e-4 --json",
    "config.yaml": "export --from nanotron - --json",
    "settings.csv": "read runs --settings - --json",
    "schedule.json": "export --schedule - --trainer hf --json",
}


@pytest.mark.parametrize("name", STDIN)
def test_standard_input_is_read_wherever_a_file_is(here, capsys, monkeypatch, name):
    (here / "settings.csv").write_text("run,seed\nlong,5\n")
    (here / "schedule.json").write_text(wsd(90, peak_lr=1e-3).to_json())
    words = STDIN[name].split()
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO((here / name).read_bytes())))
    assert status(words) == 0
    piped = capsys.readouterr().out
    assert status([name if word == "-" else word for word in words]) == 0
    for old, new in {"standard input": name, "stdin": Path(name).stem}.items():
        piped = piped.replace(old, new)
    assert strict(piped) == strict(capsys.readouterr().out)
    assert status(words) == 2 and "was read already" in capsys.readouterr().err


def make_hostile(folder):
    (folder / "empty").mkdir()
    (folder / "file").touch()
    (folder / "deep.json").write_text('{"global_step": 1, "log_history": ' + "[" * 100_000)
    (folder / "wide.csv").write_text('step,"' + "x" * 200_000 + '"\n1,2\n')
    (folder / f"{NAME}.csv").write_bytes(pilot(wsd(20_000, 0.2, peak_lr=1e-3)))
    return folder


@pytest.fixture
def hostile(here):
    return make_hostile(here)


@pytest.mark.parametrize(("words", "message"), HOSTILE)
def test_what_cannot_be_read_written_or_meant_ends_in_one_message(hostile, capsys, words, message):
    assert status(words) == 2
    printed = capsys.readouterr()
    assert printed.out == "" or words[0] == "read"
    assert message in printed.err and "Traceback" not in printed.err and "Errno" not in printed.err and len(printed.err) < 10_000
    assert "usage:" not in printed.err


def test_nothing_that_is_read_is_written_over(here, capsys):
    """A page, a table or settings would have replaced the log or the schedule they come from."""
    Path("log.csv").write_text("step,loss,grad_norm,lr\n1,3,1,0.1\n2,2,1,0.1\n")
    Path("schedule.json").write_text('{"family": "wsd", "total_steps": 100, "peak_lr": 0.001}')
    Path("link.csv").symlink_to("log.csv")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    for words, named in [
        ("read log.csv --plot log.csv", "--plot: log.csv is a file that is read"),
        ("read log.csv --plot link.csv", "--plot: link.csv is a file that is read"),
        ("refine log.csv --out ./log.csv", "--out: log.csv is a file that is read"),
        ("export --schedule schedule.json --trainer hf --out schedule.json", "--out: schedule.json is a file that is read"),
        ("export --schedule schedule.json --trainer hf --csv schedule.json", "--csv: schedule.json is a file that is read"),
        ("read runs --out runs", "--out: runs is a folder that is read"),
        ("plan runs/ --horizon 200k --out runs", "--out: runs is a folder that is read"),
        ("read log.csv --plot .", "--plot: '.' is a folder"),
    ]:
        assert status(words.split()) == 2
        assert named in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_a_name_that_is_not_text_is_left_out_by_name(hostile):
    os.rename(hostile / f"{NAME}.csv", hostile / f"runs/{NAME}.csv")  # noqa: PTH104
    done = in_shell(hostile, "lastiterate read runs --json")
    assert done.returncode == 0 and len(strict(done.stdout)["runs"]) == 3
    (left_out,) = strict(done.stdout)["left_out"]
    assert left_out["file"] == f"runs/{NAME}.csv" and "is not UTF-8" in left_out["message"]
    done = in_shell(hostile, "lastiterate read runs/caf*")
    assert done.returncode == 2 and "caf\\udce9.csv: name: is not UTF-8" in done.stderr


NUMBERS = ["0", "-1", "0.5", "1e400", "nan", "", "9" * 30, "2k", "x"]
FILES = ["runs", "log.csv", "trainer_state.json", "wide.csv", "deep.json", "file", "empty", "nowhere", f"{NAME}.csv", "\0", "file/below"]
SCHEDULES = ["log.csv", "{", "{}", '{"family": "wsd", "total_steps": 50}', '{"family": []}', '{"name": 1, "phases": [[]], "peak_lr": NaN}']
VALUES = {
    "--horizon --from-step --step-shift --lr-shift --total-steps --smoothing --level --init-std --weight-decay": NUMBERS,
    "--out --csv": ["made", "file/below", "empty", "\0", ""],
    "--schedule": [*SCHEDULES, "wsd"],
    "--trainer --format --law --norm --pilot --run-id --only": ["hf", "table", "bu", "l1", "a", "\udcff"],
    "--map": ["train_loss=val_loss", "step=lr", "=", "x=y", "run_id=\udcff"],
    "--grad-norm-column --step-column": ["val_loss", "lr", "x", "\udcff"],
}
VALUES = {option: values for options, values in VALUES.items() for option in options.split()}


@st.composite
def command_lines(draw):
    name = draw(st.sampled_from([name for name in COMMANDS if name != "completion"]))
    known = [option for option in re.findall(r"--[a-z-]+", help_of(name)) if option != "--help"]
    words = [name, *draw(st.lists(st.sampled_from(FILES), max_size=2))]
    for option in draw(st.lists(st.sampled_from(known), max_size=4, unique=True)):
        words += [option, draw(st.sampled_from(VALUES[option]))] if option in VALUES else [option]
    return words


@pytest.fixture(scope="module")
def thicket(tmp_path_factory):
    return make_hostile(make_workplace(tmp_path_factory.mktemp("thicket")))


@pytest.mark.slow
@hypothesis_settings(max_examples=200, deadline=None, derandomize=True)
@given(words=command_lines())
def test_no_command_line_ends_in_a_traceback(thicket, words):
    with chdir(thicket), redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        found = status(words)
    assert found in (0, 2) and (found == 0 or err.getvalue())
    if found == 0 and "--json" in words:
        strict(out.getvalue())
