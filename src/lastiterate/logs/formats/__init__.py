"""One module for each log format: ``recognise(path, head)`` tells whether a file is of it, ``read`` yields its runs."""
