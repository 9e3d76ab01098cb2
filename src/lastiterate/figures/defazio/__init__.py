"""Figures of Defazio et al., arXiv:2310.07831."""
