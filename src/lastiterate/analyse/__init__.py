"""Analyses of logs: one module per figure family, the tables runs and history in, tables out."""
