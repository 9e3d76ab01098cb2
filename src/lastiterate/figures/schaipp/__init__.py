"""Figures of Schaipp et al., arXiv:2501.18965."""
