"""Modules whose doctests are not collected where the extra `train` is not installed: those that import torch."""

import re
from importlib.util import find_spec
from pathlib import Path

MODULES = Path(__file__).parent.glob("src/lastiterate/train/*.py")
NEEDS_TORCH = re.compile(r"^(import|from) torch\b", re.MULTILINE)
collect_ignore = [] if find_spec("torch") else [str(path) for path in MODULES if NEEDS_TORCH.search(path.read_text(encoding="utf-8"))]
