"""Drawing: one module per figure family, tables in, figures out. Nothing imports these modules."""

import os

os.environ["SOURCE_DATE_EPOCH"] = "0"  # no creation time in the files, so that equal figures are equal bytes
os.environ["MPLBACKEND"] = "agg"  # whatever a notebook's shell says; before matplotlib is imported
