"""Simulations without data: one module per figure family, config in, tables out. Thin: the mathematics is in `bound`."""
