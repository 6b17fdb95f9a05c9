"""Where tokens are pieces of words, explanations speak of words."""

import re
from collections import defaultdict

import numpy as np
import pytest

from sklearn_icd.inspection import explain, highlight_html, token_spans
from sklearn_icd.inspection._words import _join_pieces, read_words


def words_by_hand(pipeline, note, code):
    """Add the attention of each token to the word of the note that it starts in."""
    [attention] = pipeline[-1].attention(pipeline[:-1].transform([note]), [code])
    totals = defaultdict(float)
    for (start, end), weight in zip(token_spans(pipeline, [note])[0], attention[0], strict=True):
        if start < end:
            [word] = [
                word.span()
                for word in re.finditer(r"\w+|[^\w\s]+", note)
                if word.start() <= start < word.end()
            ]
            totals[word] += weight
    return {word: total / sum(totals.values()) for word, total in totals.items()}


def test_weights_of_the_pieces_of_a_word_are_added_and_normalised(segment_pipeline, made):
    tokenizer = segment_pipeline["tokenize"]
    for note, code in zip(made.data[:4], made.target_names, strict=False):
        [explanation] = explain(segment_pipeline, note, [code])
        expected = words_by_hand(segment_pipeline, note, code)
        spans = list(map(tuple, explanation.spans.tolist()))
        assert set(spans) == set(expected)
        np.testing.assert_allclose(
            explanation.weights, [expected[span] for span in spans], atol=1e-6
        )
        [pieces] = tokenizer.words(segment_pipeline[:-2].transform([note]))
        assert (pieces < 0).any()  # special tokens
        assert len(pieces[pieces >= 0]) > len(spans)


def test_highest_word_first_and_all_sum_to_one(segment_pipeline, made):
    for explanation in explain(segment_pipeline, made.data[0], made.target_names):
        assert np.all(np.diff(explanation.weights) <= 0)
        assert explanation.weights.sum() == pytest.approx(1, abs=1e-5)
        assert explanation.weights.dtype == np.float32


def test_a_word_read_twice_and_special_tokens():
    # [CLS] as pi ##rin [SEP] | [CLS] ##rin bp [SEP]
    spans = np.array(
        [[5, 5], [5, 7], [7, 9], [9, 12], [12, 12], [9, 9], [9, 12], [20, 22], [22, 22]]
    )
    words = _join_pieces(spans, np.array([-1, 0, 0, 0, -1, -1, 0, 1, -1]))
    assert words.spans.tolist() == [[5, 12], [20, 22]]
    attention = np.array([[8, 1, 2, 0, 4, 2, 1, 4, 2], [1, 0, 0, 0, 0, 0, 0, 0, 0]], np.float32)
    assert words.weights(attention).tolist() == [[0.5, 0.5], [0, 0]]


@pytest.mark.parametrize("note", ["", " \n", "120/80 --"])
def test_a_note_without_words(segment_pipeline, made, note):
    [explanation] = explain(segment_pipeline, note, made.target_names[:1])
    assert explanation.spans.shape == (0, 2)
    assert explanation.weights.shape == (0,)


def test_the_words_of_word_pipelines_are_their_tokens(pipeline, made):
    for words, spans in zip(
        read_words(pipeline, made.data[:3]), token_spans(pipeline, made.data[:3]), strict=True
    ):
        np.testing.assert_array_equal(words.spans, spans)
        attention = np.ones((2, len(spans)), np.float32)
        assert words.weights(attention) is attention


def test_whole_words_are_marked(segment_pipeline, made):
    note = made.data[1]
    page = highlight_html(note, explain(segment_pipeline, note, made.target_names[:1]))
    marked = re.findall("<mark [^>]*>([^<]+)</mark>", page)
    assert marked
    assert set(marked) <= set(re.findall(r"\w+|[^\w\s]+", note))
