"""Figures of this project's own training runs."""
