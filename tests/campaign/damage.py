"""What befalls a file: damages of its bytes, and the logs of every format that they are tried on."""

import gzip
import lzma

import made_up_logs as logs
from made_up_logs import RECOGNISED
from test_log_containers import ROWS, printed, wandb_file
from test_text_logs import PRINTED
from test_text_logs import text as printed_log

TOKENS = [
    b"nan", b"inf", b"-1", b"1e400", b"9" * 30, b"9" * 5000, b"\0", b"\xff", b"\xc3", b'"', b",", b"\n", b"\r", b"{", b"}", b"null",
    b"true", b"[]", b"NaN", b" ", b"\t", b";", b"0x1f", b"1,000", b"step", b"\xef\xbb\xbf", b"1e-400",
    b"0.0.1", b"[" * 2000, b"--", b"\x1b[32m", b"1e300", b"199.7", b"7777777777", b"9223372036854775808", b"\xe2\x80\xae", b"'",
]  # fmt: skip
CONTENTS = [
    *(content for _, content in RECOGNISED),
    *(printed_log(write) for _, write, _, _ in PRINTED),
    gzip.compress(logs.PLAIN, mtime=0),
    lzma.compress(logs.llm_c()),
    printed(),
    wandb_file(ROWS[:40]),
]
MAY_BE_WRITTEN_SO = ("cut", "deleted", "appended", "doubled", "swollen")  # damage that nobody could tell from a log as it was meant


def cut(rng, content):
    return content[: rng.randrange(len(content) or 1)]


def overwritten(rng, content):
    at, count = rng.randrange(len(content)), rng.randint(1, 8)
    return content[:at] + rng.randbytes(count) + content[at + count :]


def flipped(rng, content):
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]


def deleted(rng, content):
    at = rng.randrange(len(content))
    return content[:at] + content[at + rng.randint(1, 64) :]


def inserted(rng, content):
    at = rng.randrange(len(content))
    return content[:at] + rng.choice(TOKENS) + content[at:]


def replaced(rng, content):
    """One number of the file becomes something else."""
    at = rng.randrange(len(content))
    stop = at
    while stop < len(content) and content[stop : stop + 1] in b"0123456789.e-":
        stop += 1
    return content[:at] + rng.choice(TOKENS) + content[max(stop, at + 1) :]


def doubled(rng, content):
    lines = content.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    return b"".join(lines[: at + 1] + lines[at : at + rng.randint(1, 5)] + lines[at + 1 :])


def swapped(rng, content):
    lines = content.splitlines(keepends=True)
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def appended(rng, content):
    return content + rng.choice(CONTENTS)


def swollen(rng, content):
    """Somewhere a few bytes of the file repeat for a hundred kilobytes: what a pattern that backtracks takes forever for."""
    at, size = rng.randrange(len(content)), rng.randint(1, 12)
    known = [b" ", b"'", b"a", b"1", b"{", b"(", b"=", b", ", b": 1, ", b"'a': "]
    part = content[at : at + size] if rng.random() < 0.7 else rng.choice(known)
    return content[:at] + part * (100_000 // max(len(part), 1)) + content[at:]


DAMAGES = [cut, overwritten, flipped, deleted, inserted, replaced, doubled, swapped, appended, swollen]


def hits_a_number(before, after):
    """Whether the first byte that differs lies within a number, and not in a name, whose loss nobody could tell."""
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    colour = b"\x1b[" in before[max(0, at - 20) : at + 1]  # of a terminal: what it tells is no number
    return before[at - 1 : at].isdigit() and before[at : at + 1].isdigit() and not colour
