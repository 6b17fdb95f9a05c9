"""Notes in sentences: how they are cut, and attention brought back onto their words."""

import torch

from sklearn_icd.nn import ForwardLSTM, LastState, SentenceVectors

MASK = torch.arange(7) < torch.tensor([7, 3, 4, 0])[:, None]


def make():
    torch.manual_seed(0)
    return SentenceVectors(3, ForwardLSTM(4, 5), LastState()).double()


def test_each_sentence_is_read_by_itself():
    read, x = make(), torch.randn(4, 7, 4, dtype=torch.float64)
    vectors, mask = read(x, MASK)
    assert mask.tolist() == [[True] * 3, [True] + [False] * 2, [True] * 2 + [False], [False] * 3]
    assert not vectors[~mask].any()
    for sentence, words in enumerate([x[0, :3], x[0, 3:6], x[0, 6:]]):
        alone = read.encode.ahead(words[None])[0][0, -1]
        torch.testing.assert_close(vectors[0, sentence], alone)


def test_words_share_the_weight_of_their_sentence():
    weights = torch.tensor([[[0.6, 0.3, 0.1]], [[1.0, 0, 0]], [[0.2, 0.8, 0]], [[0.0, 0, 0]]])
    spread = make().spread(weights, None, MASK)
    assert spread.shape == (4, 1, 7)
    expected = [
        [0.2] * 3 + [0.1] * 3 + [0.1],
        [1 / 3] * 3 + [0] * 4,
        [0.2 / 3] * 3 + [0.8] + [0] * 3,
        [0] * 7,
    ]
    torch.testing.assert_close(spread[:, 0], torch.tensor(expected))


def test_notes_without_words_have_no_sentence():
    vectors, mask = make()(torch.zeros(2, 1, 4, dtype=torch.float64), torch.zeros(2, 1).bool())
    assert vectors.shape == (2, 1, 5)
    assert not mask.any()
