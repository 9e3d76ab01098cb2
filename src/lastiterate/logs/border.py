"""The border of every reader: whatever a file makes of one becomes the error of that file, in one sentence."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager

from lastiterate._extras import MissingExtra
from lastiterate.logs.limits import Exceeded
from lastiterate.logs.run_log import LogError


@contextmanager
def border(file: str) -> Iterator[None]:
    """Turn what is raised inside into a LogError that names the file; a LogError, and a package that is missing, pass through."""
    try:
        yield
    except (LogError, MissingExtra):
        raise
    except UnicodeEncodeError:
        raise LogError(file, "name", "is not UTF-8, as the id of a run has to be: rename the file or its folder") from None
    except RecursionError:
        raise LogError(file, "content", "is JSON nested too deeply to be a log") from None
    except csv.Error as error:
        raise LogError(file, "content", f"not a CSV file with a header: {error}") from None
    except Exceeded as error:
        raise LogError(file, "content", str(error)) from None
    except OSError as error:
        raise LogError(file, "content", f"cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever a damaged file makes of a reader: one file must not cost its folder
        why = "".join(str(error).splitlines()[:1])
        if "integer string conversion" in why:
            raise LogError(file, "content", "holds a whole number of more than 4,300 digits: the file is damaged") from None
        raise LogError(file, "content", f"cannot be read: {type(error).__name__}: {why}") from error
