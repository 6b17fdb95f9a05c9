"""The table of mentions: its fields, and that data frames read it."""

import numpy as np
import pandas as pd
import polars as pl

from sklearn_icd.datasets._spans import span_table

MENTIONS = [(0, "R05", [(0, 5)]), (0, "I25.10", [(7, 9), (12, 20)]), (3, "R05", [(1, 6)])]
ROWS = [(0, 0, "R05", 0, 5), (0, 1, "I25.10", 7, 9), (0, 1, "I25.10", 12, 20), (3, 2, "R05", 1, 6)]
FIELDS = ["note", "mention", "code", "start", "end"]


def test_one_row_for_each_piece():
    spans = span_table(MENTIONS)
    assert spans.tolist() == ROWS
    assert spans.dtype.names == tuple(FIELDS)
    assert all(spans[field].dtype == np.int64 for field in FIELDS if field != "code")


def test_data_frames_read_it():
    spans = span_table(MENTIONS)
    assert list(pd.DataFrame(spans).itertuples(index=False, name=None)) == ROWS
    frame = pl.DataFrame(spans)
    assert frame.columns == FIELDS
    assert frame.rows() == ROWS


def test_no_mention_at_all():
    spans = span_table([])
    assert spans.shape == (0,)
    assert pd.DataFrame(spans).columns.tolist() == FIELDS
