"""The figures: a folder for each paper, in it a folder for each family, and above them what several share.

A family is `family.yaml` (title, captions, the names of its tables and panels, what its parameters may be), `compute.py` (parameters, and
logged runs if it takes any, to tables) and `draw.py` (tables to panels). Nothing imports these modules but one another.
"""
