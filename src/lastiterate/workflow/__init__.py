"""What the rules stand on: one entry point for each kind of step, atomic files, code hashes, config checks."""
