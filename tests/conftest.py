"""Fixtures shared by the suite: seeded random numbers and the public data, where a mirror of it is at hand."""

import os
from pathlib import Path

import numpy as np
import pytest

from browser import Browser, find_browser

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser):
    parser.addoption("--gpu-device", default="cuda", choices=("cuda", "cpu"), help="where tests marked gpu run")
    parser.addoption(
        "--campaign", type=float, metavar="MINUTES", help="run the campaign of faults (tests/campaign) for so long; 0: its short form"
    )


@pytest.fixture
def rng():
    return np.random.default_rng(20260131)


@pytest.fixture(scope="session")
def mirror():
    """Folder of the public data (owner/repository/commit/path), or a skip that says how to get one."""
    folder = os.environ.get("LASTITERATE_MIRROR", "")
    if not folder or "://" in folder or not Path(folder).is_dir():
        pytest.skip("set LASTITERATE_MIRROR to a folder with the public data (owner/repository/commit/path)")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A headless Chromium, or a skip that says how to get one."""
    executable = find_browser()
    if not executable:
        pytest.skip("no Chromium: install the package chromium, or set CHROMIUM to one")
    browser = Browser(executable, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()
