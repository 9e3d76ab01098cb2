"""Trainers' configurations as schedules: against the trainers' own code where it can be had, and there and back again."""

import json
import warnings
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lastiterate.cli import main
from lastiterate.schedules import Phase, Schedule, constant, cosine, linear, polynomial, wsd
from lastiterate.schedules.configs import READERS, ConfigError, read_config, recognised
from lastiterate.schedules.export import TRAINERS, export
from lastiterate.schedules.stated import read_schedule
from real_configs import CONFIGS
from trainer_rules import PEAK, SHAPES, agree, start_of

RULE_OF = {"trl": "hf", "axolotl": "hf", "llama-factory": "hf"}
COUNT = st.integers(0, 30)
STYLES = ["linear", "cosine", "1-sqrt"]
BOTH = [name for name in READERS if name in TRAINERS and name != "optax"]


def there_and_back(schedule, trainer):
    """schedule -> configuration -> schedule -> configuration."""
    first = export(schedule, trainer)
    found = read_config(first.text, trainer)
    agree(found.lr, schedule.lr)
    agree(found.schedule.lr, schedule.lr)
    assert export(found.schedule, trainer).text == first.text


def random_settings(trainer, data):
    """Settings of a warmup, a stable stretch and a decay, there and back."""
    own, trainer = trainer, RULE_OF.get(trainer, trainer)
    shape = data.draw(st.sampled_from([shape for shape in SHAPES[trainer] if shape != "power" or trainer in ("hf", "levanter")]))
    total, final = data.draw(st.integers(6, 400)), data.draw(st.sampled_from([0.0, 0.1, 0.37]))
    warmup = data.draw(st.integers(0, total // 2))
    count = data.draw(st.integers(3, total - warmup))
    assume(trainer != "torchtitan" or warmup == 0 or warmup + count < total)
    assume(own != "axolotl" or warmup != 1)  # of which it makes 2
    if shape == "power" and trainer == "hf":
        options = {"warmup_steps": warmup, "final_lr_ratio": final, "peak_lr": PEAK, "initial_lr_ratio": 0.0}
        return there_and_back(polynomial(total, 2.5, **options), own)
    start = start_of(trainer, warmup, final)
    start = 0.0 if trainer == "hf" and shape != "1-sqrt" and warmup + count == total else start
    options = {"warmup_steps": warmup, "final_lr_ratio": final, "peak_lr": PEAK, "initial_lr_ratio": start}
    power = {"decay_power": 1.7} if shape == "power" else {}
    return there_and_back(wsd(total, (count + 0.5) / (total + 1), shape, **options, **power), own)


MANY = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.filter_too_much]}


@pytest.mark.parametrize("trainer", BOTH)
@given(data=st.data())
@settings(max_examples=40, **MANY)
def test_a_configuration_comes_back_as_it_was(trainer, data):
    random_settings(trainer, data)


@pytest.mark.slow
@pytest.mark.parametrize("trainer", BOTH)
@given(data=st.data())
@settings(max_examples=400, **MANY)
def test_many_configurations_come_back_as_they_were(trainer, data):
    random_settings(trainer, data)


@pytest.mark.parametrize("trainer", ["hf", "megatron", "nanotron"])
@given(
    warmup=st.integers(0, 30), stable=st.integers(0, 30), down=st.integers(2, 30), after=st.integers(1, 40), shape=st.sampled_from(STYLES)
)
@settings(max_examples=40, **MANY)
def test_a_decay_that_ends_before_the_run_comes_back(trainer, warmup, stable, down, after, shape):
    """As in most public nanotron configurations: the rest of the run is at the decay's end."""
    phases = [Phase("stable", stable + 1), Phase("decay", down, shape, 1.0, 0.1, down, 1), Phase("stable", after, start=0.1)]
    if warmup:
        phases.insert(0, Phase("warmup", warmup, "linear", 0.1 if trainer == "hf" else 0.0, 1.0, warmup))
    there_and_back(Schedule("wsd", tuple(phases), PEAK), trainer)


@pytest.mark.parametrize("trainer", BOTH)
@pytest.mark.parametrize("warmup", [0, 9])
def test_other_configurations_come_back_as_they_were(trainer, warmup):
    start = 0.0 if RULE_OF.get(trainer, trainer) == "hf" else start_of(trainer, warmup)
    options = {"warmup_steps": warmup, "peak_lr": PEAK, "initial_lr_ratio": start}
    there_and_back(constant(100, **options), trainer)
    if trainer != "torchtitan" or not warmup:
        there_and_back(linear(100, **options), trainer)
        there_and_back(cosine(100, final_lr_ratio=0.1, **options), trainer)
        if trainer != "levanter":
            there_and_back(cosine(100, 1.6, final_lr_ratio=0.1, **options), trainer)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_in_the_form_of_a_real_one(name):
    """Every form that is read, made up in the shape of a public file: recognised, and what it executes in its first and last updates."""
    trainer, text, steps, total, expected = CONFIGS[name]
    assert recognised(text) == trainer
    found = read_config(text, trainer, steps)
    assert found.lr.size == total
    for update, lr in expected.items():
        assert found.lr[update - 1] == pytest.approx(lr, rel=1e-12, abs=1e-18), update
    agree(found.schedule.lr, found.lr, found.lr.max())


# transformers itself: every type, with what TrainingArguments and get_scheduler make of it.

KWARGS = {
    "linear": st.just({}), "constant": st.just({}), "constant_with_warmup": st.just({}),
    "cosine": st.fixed_dictionaries({}, optional={"num_cycles": st.sampled_from([0.3, 0.5, 2.0])}),
    "cosine_with_restarts": st.fixed_dictionaries({}, optional={"num_cycles": st.integers(1, 4)}),
    "polynomial": st.fixed_dictionaries({}, optional={"lr_end": st.sampled_from([0.0, 1e-5]), "power": st.sampled_from([0.5, 1.0, 2.0])}),
    "inverse_sqrt": st.fixed_dictionaries({}, optional={"timescale": st.integers(1, 50)}),
    "cosine_with_min_lr": st.one_of(st.just({"min_lr": 1e-5}), st.just({"min_lr_rate": 0.1, "num_cycles": 0.4})),
    "cosine_warmup_with_min_lr": st.fixed_dictionaries({"min_lr_rate": st.just(0.1)}, optional={"warmup_lr_rate": st.just(0.3)}),
    "warmup_stable_decay": st.fixed_dictionaries(
        {"num_decay_steps": st.integers(1, 20)},
        optional={
            "num_stable_steps": st.integers(0, 20), "min_lr_ratio": st.just(0.2), "decay_type": st.sampled_from(STYLES),
            "warmup_type": st.sampled_from(STYLES), "num_cycles": st.sampled_from([0.5, 1.5]),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KWARGS)
@given(data=st.data())
@settings(max_examples=8, deadline=None, derandomize=True)
def test_transformers_itself(kind, data):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    total, warmup = data.draw(st.integers(31, 60)), data.draw(st.one_of(st.integers(0, 30), st.sampled_from([0.05, 0.3])))
    kwargs = data.draw(KWARGS[kind])
    values = {"learning_rate": PEAK, "lr_scheduler_type": kind, "lr_scheduler_kwargs": kwargs, "max_steps": total, "warmup_steps": warmup}
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = transformers.TrainingArguments(**values, use_cpu=True)
        counts = {"num_warmup_steps": arguments.get_warmup_steps(total), "num_training_steps": total}
        scheduler = transformers.get_scheduler(kind, optimizer, **counts, scheduler_specific_kwargs=dict(kwargs))
        lrs = []
        for _ in range(total):
            lrs.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    assume(min(lrs) >= 0 and max(lrs) > 0)
    agree(read_config(json.dumps(values), "hf").lr, lrs)
    printed = str(arguments)  # what a script prints, and model cards are made of
    agree(read_config(printed, "hf").lr, lrs)


# The command line.


def test_a_configuration_as_json_table_and_picture(tmp_path, capsys):
    _, text, _, total, expected = CONFIGS["nanotron"]
    (tmp_path / "config.yaml").write_text(text)
    words = ["export", "--from", "nanotron", str(tmp_path / "config.yaml")]
    for suffix in (".json", ".csv", ".svg", ".png"):
        assert main([*words, "--out", str(tmp_path / f"out{suffix}")]) == 0
    assert "<svg" in (tmp_path / "out.svg").read_text() and (tmp_path / "out.png").stat().st_size > 3000
    printed = capsys.readouterr().out
    assert printed.startswith(f"# nanotron: {total} updates") and "the decay ends with update" in printed
    (tmp_path / "printed.txt").write_text(printed[: len(printed) // 4])
    lr = read_config(text, "nanotron").lr
    for name in ("out.json", "out.csv", "printed.txt", "config.yaml"):
        agree(read_schedule(str(tmp_path / name)).lr, lr)
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["values"]["min_decay_lr"] == lr[-1] and answer["total_steps"] == total and expected
    assert main([*words, "--trainer", "megatron"]) == 0
    agree(read_config(capsys.readouterr().out, "megatron").lr, lr)


def test_traps_that_a_configuration_falls_into_are_notes():
    notes = lambda text, trainer="hf": " ".join(read_config(text, trainer).notes)
    assert "loss scaling of fp16" in notes("max_steps: 9\nfp16: true\nwarmup_steps: 1") and "fp16" not in notes("max_steps: 9\nbf16: true")
    assert "there is none" in notes("max_steps: 9") and "warmup_steps holds" in notes("max_steps: 9\nwarmup_steps: 2\nwarmup_ratio: 0.5")
    wide = "[training]\nsteps = 9\n[lr_scheduler]\nwarmup_steps = 5\ndecay_ratio = 0.9"
    assert "the decay of 8 steps is shortened to 4" in notes(wide, "torchtitan")
    assert "executes the square" in notes(NANOTRON_ZERO, "nanotron") and read_config(NANOTRON_ZERO, "nanotron").lr[0] == 1e-4
    assert "3 % of the run" in notes("base_model: a\nlearning_rate: 1\nmax_steps: 100", "axolotl")
    assert "LLaMA-Factory takes 30" in notes(CONFIGS["llama-factory"][1], "llama-factory")


NANOTRON_ZERO = """
optimizer: {learning_rate_scheduler: {learning_rate: 0.01, lr_warmup_steps: 0, lr_decay_steps: 0, lr_warmup_style: linear, min_decay_lr: 0}}
tokens: {train_steps: 5}
"""


def test_steps_that_a_configuration_does_not_give(tmp_path, capsys):
    file = tmp_path / "args.json"
    file.write_text(json.dumps({"learning_rate": 1e-3, "lr_scheduler_type": "linear", "num_train_epochs": 2, "max_steps": -1}))
    assert main(["export", "--from", "hf", str(file)]) == 2
    assert (
        "runs for 2 epochs, and how long they are the data decide: say how many updates the run makes with --steps N"
        in capsys.readouterr().err
    )
    assert main(["export", "--from", "hf", str(file), "--steps", "1k", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total_steps"] == 1000
    assert read_schedule(f"hf:{file}:steps=1e3") == read_schedule(f"{file}:steps=1000")


REFUSED = [
    ("hf", "{}", "has none of learning_rate"),
    ("hf", "- learning_rate: 1e-4\n- training_steps: 9\n- learning_rate: 1e-5\n- training_steps: 8", "learning_rate is listed 2 times"),
    ("hf", "- learning_rate: 1e-4\n- lr_scheduler_type: warmup_stable_decay\n- training_steps: 9", "num_decay_steps is missing"),
    ("hf", '{"log_history": []}', "read it with `lastiterate read`"),
    ("hf", "max_steps: 9\nlr_scheduler_type: reduce_lr_on_plateau", "depends on the loss"),
    ("hf", "max_steps: 9\nlr_scheduler_type: wsd", "is not one of linear, cosine"),
    ("hf", "max_steps: 9\nlearning_rate: fast", "learning_rate is 'fast', expected a number"),
    ("hf", "max_steps: 9\nlearning_rate: true", "learning_rate is True, expected a number"),
    ("hf", "max_steps: 9.5", "max_steps is 9.5, expected a whole number"),
    ("hf", "max_steps: 1.0e+12", "expected 1 to"),
    ("hf", "max_steps: 9\nlr_scheduler_type: warmup_stable_decay", "num_decay_steps is missing"),
    ("hf", "max_steps: 9\nlr_scheduler_type: cosine\nlr_scheduler_kwargs: {min_lr: 3}", "of which cosine knows nothing"),
    ("hf", "max_steps: 9\nlr_scheduler_type: cosine\nlr_scheduler_kwargs: [3]", "expected a mapping"),
    ("hf", "TrainingArguments(max_steps=n)", "line 1: 'n' is not a number that the file states"),
    ("trl", "SFTConfig(max_steps=9)", "learning_rate is missing: each of TRL's trainers has its own default"),
    ("megatron", "--lr 1e-3 --train-iters $N --lr-decay-style linear", "(a variable that the file does not set)"),
    ("megatron", "--lr 1e-3 --train-iters 9 --lr-decay-style exponential", "expected one of constant, linear"),
    ("megatron", "--lr 1e-3 --train-iters 9 --lr-decay-style WSD", "--lr_wsd_decay_iters is missing"),
    ("megatron", "--lr 1e-3 --min-lr 1 --train-iters 9", "Megatron asserts min_lr <= lr"),
    ("megatron", "--lr 1e-3 --train-iters 9 --rampup-batch-size 1 2 3", "--rampup-batch-size"),
    ("megatron", "--lr 1e-3 --train-samples 9", "global_batch_size is missing"),
    ("torchtitan", "[training]\nwarmup_steps = 3\nsteps = 5", "of a version before lr_scheduler.warmup_steps"),
    ("torchtitan", "[training]\nsteps = 5\n[lr_scheduler]\ndecay_type = 'exp'", "expected one of linear, cosine, sqrt"),
    ("nanotron", "optimizer: {learning_rate_scheduler: {learning_rate: 1}}", "has no tokens.train_steps"),
    ("nanotron", "optimizer: {learning_rate_scheduler: {learning_rate: 1}}\ntokens: {train_steps: 4}", "lr_warmup_style is missing"),
    ("olmo-core", "x = CosWithWarmup(warmup=3)\nWSD(warmup=3)", "makes 2 schedulers (line 1, line 2), expected one"),
    (
        "olmo-core",
        "optim = AdamWConfig(lr=1e-3)\nWSD(warmup=3, decay=3)\nT(max_duration=Duration.steps(9))",
        "decay without decay_fraction=None",
    ),
    ("olmo-core", "AdamWConfig(lr=1e-3); PowerLR(warmup=3); T(max_duration=Duration.steps(9))", "scheduler PowerLR: not read"),
    ("olmo-core", "AdamWConfig(lr=1e-3); CosWithWarmup(warmup=3); T(max_duration=Duration.tokens(9))", "without one global_batch_size"),
    (
        "maxtext",
        "lr_schedule_type: wsd\nsteps: 9\nwarmup_steps_fraction: 0.9\nwsd_decay_steps_fraction: 0.9",
        "more than 1: MaxText refuses",
    ),
    ("levanter", "trainer: {num_train_steps: 9}\noptimizer: {cycles: 3}", "expected a list of the steps at which they end"),
    ("axolotl", "base_model: a\nlearning_rate: 1\nlr_scheduler: one_cycle\nmax_steps: 9", "OneCycleLR"),
    ("llama-factory", "stage: sft\nmodel_name_or_path: a\nlr_scheduler_type: linear", "--steps N"),
    # which of several values holds, the file does not say
    ("megatron", "if a; then\nB=4\nelse\nB=8\nfi\npretrain --lr 1e-3 --train-samples 99 --global-batch-size $B", "'4 or 8' (several"),
    ("megatron", "a --lr 1e-3 --train-iters 9\nb --lr 2e-3 --train-iters 9", "--lr is '1e-3 or 2e-3' (several in the file"),
    ("hf", "a --max_steps 9 --learning_rate 1e-3\nb --max_steps 9 --learning_rate 1e-4", "'1e-3 or 1e-4' (several in the file"),
    ("hf", "n = 1\nif big:\n  n = 2\nTrainingArguments(max_steps=n)", "line 4: n is given several values in the file"),
    ("hf", "n = 1\nn *= 2\nTrainingArguments(max_steps=n)", "line 3: n is given several values in the file"),
    ("hf", "TrainingArguments(max_steps=9, **common)", "line 1: **common is not a dict that the file states"),
    # flags that another rule reads, or that exclude each other
    ("megatron", "--lr 1e-3 --train-iters 9 --warmup 0.1", "--warmup: the fraction of the run"),
    ("megatron", "--lr 1e-3 --train-samples 9 --global-batch-size 1 --lr-decay-tokens 5", "--lr-decay-tokens: not known"),
    ("megatron", "--lr 1e-3 --train-samples 9 --global-batch-size 1 --train-tokens 5", "--train-tokens: Megatron-DeepSpeed"),
    ("megatron", "--lr 1e-3 --train-samples 9 --global-batch-size 1 --lr-warmup-iters 5", "--lr-warmup-iters with --train-samples"),
    ("megatron", "--lr 1e-3 --train-iters 9 --lr-warmup-iters 5 --lr-warmup-fraction 0.1", "are both given: Megatron refuses"),
    # names that speak of the schedule and are not the trainer's
    ("hf", "x.py --max_steps 9 --learning_rate 1e-3 --lr_scheduler cosine", "lr_scheduler is no name of transformers"),
    ("hf", "x.py --max_steps 9 --learning_rate 1e-3 --num_warmup_steps 3", "num_warmup_steps is no name of transformers"),
    ("hf", "max_steps: 9\nlearning_rate: 1.0\ndeepspeed: {scheduler: {type: WarmupLR}}", "DeepSpeed's own schedule"),
    ("hf", "n = 9\ndef f(n):\n  return TrainingArguments(max_steps=n)", "line 3: n is given several values"),
    ("torchtitan", "[training]\nsteps = 9\n[lr_scheduler]\nmin_lr_ratio = 0.1", "lr_scheduler.min_lr_ratio is no name of torchtitan"),
    ("levanter", "trainer: {num_train_steps: 9}\noptimizer: {warmup_ratio: 0.1}", "optimizer.warmup_ratio is no name of levanter"),
    ("levanter", "trainer: {num_train_steps: 9}\noptimizer: {lr_schedule: {type: cosine, exponent: 2}}", "powers of a cosine are not read"),
    ("nanotron", "optimizer: {learning_rate_scheduler: {lr_decay_start: 1}}", "lr_decay_start is no name of nanotron"),
    ("maxtext", "steps: 9\nwarmup_steps: 3", "warmup_steps is no name of MaxText"),
    ("axolotl", "learning_rate: 1\nmax_steps: 9\nwarmup_iters: 3", "warmup_iters is no name of axolotl"),
    (
        "olmo-core",
        "A(B.steps(9)); AdamWConfig(lr=1e-3); CosWithWarmup(warmup=3, alpha=0.5)",
        "alpha is no name of CosWithWarmup",
    ),
    # files of something else, of which every learning rate would be a default
    ("torchtitan", "[tool.ruff]\nline-length = 9", "has none of lr_scheduler.decay_ratio"),
    ("maxtext", "base_emb_dim: 9", "has none of learning_rate"),
    ("llama-factory", "distributed_type: FSDP", "has none of learning_rate"),
]


def test_values_that_a_file_states_once_are_put_in():
    bash = "LR=${LR:-1e-3}\nexport LR=1e-3\npretrain --lr $LR --train-iters 9"
    python = "n = 9\ncommon = {'learning_rate': 1e-3}\nTrainingArguments(max_steps=n, **common)"
    assert read_config(bash, "megatron").lr.max() == read_config(python, "hf").lr.max() == 1e-3


@pytest.mark.parametrize(("trainer", "text", "message"), REFUSED)
def test_what_a_configuration_does_not_say_is_named(trainer, text, message, tmp_path, capsys):
    with pytest.raises(ConfigError):
        read_config(text, trainer)
    (tmp_path / "config").write_text(text)
    assert main(["export", "--from", trainer, str(tmp_path / "config")]) == 2
    error = capsys.readouterr().err
    assert message in error and "config" in error


@given(text=st.text(alphabet="{}[]():=-\n \"'#$abl0123.e+,*_/", max_size=60), trainer=st.sampled_from(sorted(READERS)))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_text_ends_in_a_traceback(text, trainer):
    recognised(text)
    with suppress(ConfigError):
        read_config(text, trainer, 5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "nowhere", "x"], "--from nowhere: not read, but nanotron"),
        (["--from", "hf", "nowhere"], "--from hf nowhere: no such file"),
        (["--schedule", "wsd:total_steps=9,peak_lr=1"], "--trainer is missing"),
        (["--schedule", "wsd:total_steps=9,peak_lr=1", "--trainer", "hf", "--steps", "3"], "--steps belongs to --from"),
    ],
)
def test_the_command_line_of_the_way_back(words, message, capsys):
    assert main(["export", *words]) == 2
    assert message in capsys.readouterr().err
