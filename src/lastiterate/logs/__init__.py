"""Training logs: readers of each format, joins of branched runs, and the one schema that they end in."""
