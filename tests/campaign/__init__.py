"""The campaign of faults: seeded and bounded, one module for each kind of fault; `make campaign`. What came out: docs/reliability.md."""
