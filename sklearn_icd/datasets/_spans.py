"""Where notes mention their codes, as one table."""

import numpy as np


def span_table(mentions):
    """Return a table of the pieces of mentions, one a row.

    Parameters
    ----------
    mentions : iterable of (note, code, pieces)
        The row of the note, the code, and the pieces of the mention as a list of (start, end).

    Returns
    -------
    spans : structured ndarray
        The fields are `note`, `mention`, a number that the pieces of one mention share, `code`,
        `start` and `end`.
    """
    rows = [
        (note, mention, code, start, end)
        for mention, (note, code, pieces) in enumerate(mentions)
        for start, end in pieces
    ]
    longest = max((len(code) for _, _, code, _, _ in rows), default=1)
    fields = [("note", np.int64), ("mention", np.int64), ("code", f"U{longest}")]
    return np.array(rows, dtype=[*fields, ("start", np.int64), ("end", np.int64)])
