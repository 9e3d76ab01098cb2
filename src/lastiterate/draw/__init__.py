"""Drawing: one module per figure family, tables in, figures out. Nothing imports these modules."""
