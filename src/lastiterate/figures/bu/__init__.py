"""Figures of Bu et al., arXiv:2602.07145, and the leaderboard of loss laws."""
