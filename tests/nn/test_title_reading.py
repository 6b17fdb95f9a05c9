"""Vectors of labels from the words of their titles."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_icd.nn import BiGRU, PooledEncoder, TokenEmbedding, _title_reading
from sklearn_icd.nn._title_reading import EncodedTitles


class Last(torch.nn.Module):
    """Give the vector of the first word, which the backward pass reads last."""

    def forward(self, x, mask):
        return x[:, 0]


def make_read():
    torch.manual_seed(0)
    return PooledEncoder(embed=TokenEmbedding(9, 4), encode=BiGRU(4, 3), pool=Last()).double()


def pad(titles):
    width = max(1, *(len(title) for title in titles))
    return torch.tensor([title + [0] * (width - len(title)) for title in titles])


@given(
    titles=st.lists(st.lists(st.integers(1, 8), max_size=6), min_size=2, max_size=9),
    together=st.integers(1, 4),
)
def test_each_title_is_read_as_if_it_were_alone(titles, together):
    read, own = make_read(), _title_reading._TOGETHER
    _title_reading._TOGETHER = together
    try:
        vectors = EncodedTitles(pad(titles), read)()
    finally:
        _title_reading._TOGETHER = own
    alone = [read(torch.tensor([title or [0]])) for title in titles]
    torch.testing.assert_close(vectors, torch.cat(alone))


def test_short_titles_are_read_without_the_padding_of_long_ones(monkeypatch):
    monkeypatch.setattr(_title_reading, "_TOGETHER", 2)
    widths = []

    def read(ids):
        widths.append(ids.shape[1])
        return ids[:, :1].double()

    EncodedTitles(pad([[1] * 6, [2], [3] * 5, []]), read)()
    assert widths == [1, 6]
