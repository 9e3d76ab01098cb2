"""The command with damaged files and nonsense for options: it answers or refuses in words, and shows no character that a terminal obeys."""

import io
import random
import re
import resource
import time
from contextlib import redirect_stderr, redirect_stdout

import made_up_pilots
from campaign.damage import CONTENTS, DAMAGES
from lastiterate.cli import main
from lastiterate.schedules.configs.reading import READERS
from lastiterate.schedules.export import TRAINERS
from real_configs import CONFIGS
from workplace import sweep

SECONDS, BYTES = 60, 4 << 30  # that no call may take more of
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
WORDS = [
    "", "-1", "0", "1", "nan", "inf", "-inf", "1e400", "1e300", "1e9", "9" * 400, "0x10", "1,000", "a=b", "lr=", "=lr", "{", "{}",
    "[]", "null", "\x1b[31m", "a\nb", "../x", "/", ".", "-1x", "--", "x" * 5000, "wsd:total_steps=10", "constant:total_steps=1e9,peak_lr=1",
    '{"family": "cyclic", "total_steps": 1000000000, "cycle_steps": 1}', '{"family": "wsd", "total_steps": 100, "peak_lr": "1"}',
    '{"family": "wsd", "total_steps": 1e400}', '{"family": ["wsd"], "total_steps": 100}', '{"name": "x", "phases": [], "peak_lr": 1}',
    '{"name": "x", "phases": [{"kind": "stable", "steps": 3, "values": 5}], "peak_lr": 1}', '{"name": 1, "phases": 3, "peak_lr": 1}',
    '{"family": "piecewise", "total_steps": 10, "boundaries": "ab", "values": {}}', '{"family": "wsd", "total_steps": true, "peak_lr": 1}',
    '{"family": "wsd", "total_steps": 100, "peak_lr": 1, "decay_shape": {}}', '{"family": "wsd", "total_steps": 100, "cooldown": [1]}',
    "\u202etxt", "*", "199.7", "10k", "1.5M", "90%", "[" * 3000, '{"a":' * 3000, "\ud800",
]  # fmt: skip
SCHEDULES = [
    "wsd:total_steps=200,peak_lr=0.001,cooldown=0.3",
    '{"family": "cosine", "total_steps": 300, "peak_lr": 0.001, "warmup_steps": 20}',
]
LOG_OPTIONS = {
    "--map": ["run_id=x", "step=step", "train_loss=loss", "lr=lr", "step=loss"],
    "--settings": ["{folder}/settings.csv"], "--limit": ["numbers=1e6", "updates=300", "columns=3", "seconds=0.001", "bytes=100"],
}  # fmt: skip
OPTIONS = {
    "read": {
        **LOG_OPTIONS, "--schedule": SCHEDULES, "--step-shift": ["1", "-1"], "--lr-shift": ["1"], "--format": ["table", "text", "console"],
        "--out": ["{folder}/out"], "--json": None,
    },
    "plan": {
        **LOG_OPTIONS, "--horizon": ["2000", "5k"], "--from-step": ["300"], "--pilot": ["wsd-600-0.001"], "--schedule": ["wsd", "cosine"],
        "--trainer": list(TRAINERS), "--trainer-version": ["1.0"], "--tolerance": ["0.1"], "--law": ["multi_power"], "--init-std": ["0.02"],
        "--weight-decay": ["0.1"], "--only": ["wsd*"], "--executed": [f"a={SCHEDULES[0]}"], "--compare": [f"a={SCHEDULES[0]}"],
        "--level": ["0.8"], "--out": ["{folder}/out"], "--json": None, "--nearest": None, "--no-figures": None,
    },
    "refine": {
        "--settings": ["{folder}/settings.csv"], "--grad-norm-column": ["grad_norm", "norm"], "--step-column": ["step"], "--run-id": ["a"],
        "--norm": ["l1", "l2"], "--smoothing": ["0.2"], "--total-steps": ["700"], "--drop-invalid": None, "--out": ["{folder}/out.csv"],
        "--json": None,
    },
    "transfer": {
        **LOG_OPTIONS, "--n-params": ["1B"], "--tokens": ["20B"], "--batch": ["512"], "--weight-decay": ["0.1"], "--like": ["schedule=wsd"],
        "--by": ["batch_size"], "--budget": ["0.1"], "--level": ["0.8"], "--explain": None, "--out": ["{folder}/out"], "--json": None,
    },
    "export": {
        "--schedule": [*SCHEDULES, "{folder}/hurt", "hf:{folder}/hurt"], "--steps": ["100"], "--trainer": list(TRAINERS),
        "--trainer-version": ["1.0"], "--nearest": None, "--tolerance": ["0.1"], "--from-step": ["50"], "--segments": None,
        "--out": ["{folder}/out.txt", "{folder}/out.json", "{folder}/out.csv"], "--csv": ["{folder}/lr.csv"], "--json": None,
    },
}  # fmt: skip
NEEDED = {"plan": ["--horizon", "2000"], "transfer": ["--n-params", "1B", "--tokens", "20B"]}
SETTINGS = b"run,n_params,batch,weight_decay,schedule\ngood,124M,256,0.1,\nhurt,124M,256,0.1,"
SETTINGS += b'"{""family"": ""wsd"", ""total_steps"": 100}"\n'


def content(rng, command):
    """A damaged file of a kind that the command is given."""
    if command == "transfer" and rng.random() < 0.7:
        whole = sweep()
    elif command == "export":
        whole = rng.choice([text.encode() for _, text, *_ in CONFIGS.values()] + [text.encode() for text in SCHEDULES if text[0] == "{"])
    else:
        whole = rng.choice(CONTENTS)
    return rng.choice(DAMAGES)(rng, whole) if rng.random() < 0.9 else whole


def command_line(rng, folder):
    """A command with a damaged file, alone or beside good ones, and a few options, now and then with nonsense."""
    command = rng.choice(list(OPTIONS))
    (folder / "hurt").write_bytes(content(rng, command))
    (folder / "settings.csv").write_bytes(rng.choice([SETTINGS, rng.choice(DAMAGES)(rng, SETTINGS)]))
    line = [command]
    if command == "export":
        line += ["--from", rng.choice(list(READERS)), str(folder / "hurt")] if rng.random() < 0.6 else ["--schedule", rng.choice(SCHEDULES)]
    else:
        line.append(str(folder if command in ("read", "plan") and rng.random() < 0.3 else folder / "hurt"))
    line += NEEDED.get(command, [])
    for name in rng.sample(list(OPTIONS[command]), rng.choice([0, 0, 1, 1, 2, 3])):
        values = OPTIONS[command][name]
        line.append(name)
        if values is not None:
            line.append((rng.choice(WORDS) if rng.random() < 0.5 else rng.choice(values)).replace("{folder}", str(folder)))
    return line


def call(line):
    """(status, standard output, standard error) of a command; any exception that is none of its own passes through."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(line)
        except SystemExit as error:
            status = error.code
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode(errors="backslashreplace"))
    return status, *texts


def judge(line, seed):
    start = time.process_time()
    try:
        status, out, err = call(line)
    except Exception as error:
        raise AssertionError(f"call {seed} ended in a traceback: {line}") from error
    shown = f"call {seed}: {line}\n{err[:1000]}"
    assert status in (0, 2), shown
    assert time.process_time() - start < SECONDS, f"took too long: {shown}"
    assert not (found := CONTROLS.search(out + err)), f"{found}: {shown}"
    assert status == 0 or "error: " in err, shown
    return status


def test_no_call_ends_in_a_traceback(tmp_path, campaign):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made_up_pilots.save(tmp_path / "runs", made_up_pilots.each(made_up_pilots.table_csv, "{}.csv")(made_up_pilots.pilots()))
    answered = 0
    holds = "answered, or refused in words; no traceback, no character that a terminal obeys"
    for seed in campaign.seeds("the command with damaged files and nonsense for options", holds, 150):
        rng = random.Random(seed)
        answered += judge(command_line(rng, tmp_path), seed) == 0
    assert answered and (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < BYTES
