"""The campaign's clock and ledger: how many tries each kind of fault gets, and what came of them.

``pytest tests/campaign --campaign 0`` is the short form, a few minutes; ``--campaign 120`` takes about two hours of one core and
writes docs/reliability.csv. Every try is a function of its seed: what fails names it.
"""

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LEDGER = HERE.parents[1] / "docs/reliability.csv"
COLUMNS = ("fault", "what must hold", "tries", "failures", "seconds")
FIRST_SEED = 10_000_000  # of the long form: none that the short one has tried


@dataclass
class Ledger:
    """What was tried so far."""

    minutes: float
    share: float  # of the long form's time that each test has
    rows: list[dict] = field(default_factory=list)


@dataclass
class Campaign:
    """The tries of one test."""

    ledger: Ledger
    row: dict = None

    def seeds(self, fault: str, holds: str, short: int) -> Iterator[int]:
        """Seeds 0, 1, ...: `short` of them in the short form, as many as the time allows in the long one.

        fault : what is done to the program. holds : what must hold all the same.
        """
        start = time.monotonic()
        self.row = dict(zip(COLUMNS, (fault, holds, 0, 0, 0), strict=True))
        self.ledger.rows.append(self.row)
        end = start + 60 * self.ledger.minutes * self.ledger.share
        seed = FIRST_SEED if self.ledger.minutes else 0
        while self.row["tries"] < short or (self.ledger.minutes and time.monotonic() < end):
            yield seed
            seed += 1
            self.row["tries"] += 1
            self.row["seconds"] = round(time.monotonic() - start)


LEDGERS = pytest.StashKey[Ledger]()


def pytest_collection_modifyitems(config, items):
    mine = [item for item in items if HERE in item.path.parents]
    minutes = config.getoption("--campaign")
    if minutes is None:
        for item in mine:
            item.add_marker(pytest.mark.skip(reason="make campaign"))
        return
    tries = [item for item in mine if "campaign" in item.fixturenames]
    config.stash[LEDGERS] = Ledger(minutes, 1 / max(len(tries), 1))


@pytest.fixture
def campaign(request):
    return Campaign(request.config.stash[LEDGERS])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and call.when == "call" and (one := item.funcargs.get("campaign")) and one.row:
        one.row["failures"] += 1
    return report


def pytest_sessionfinish(session):
    ledger = session.config.stash.get(LEDGERS, None)
    if ledger and ledger.minutes and ledger.rows:
        with LEDGER.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(ledger.rows)


def pytest_terminal_summary(terminalreporter, config):
    for row in config.stash[LEDGERS].rows if LEDGERS in config.stash else ():
        terminalreporter.write_line(f"{row['tries']:>6} tries, {row['failures']} failures, {row['seconds']} s: {row['fault']}")
