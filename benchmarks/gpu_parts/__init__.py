"""The parts of `make gpu-check`, one module each: `run(bench)` measures and records as it goes."""
