"""Time the text steps beside scikit-learn's vectorisers and transformers on made-up notes.

    python benchmarks/tokenise.py --notes 5000 --words 1500
    python benchmarks/tokenise.py --notes 500 --pretrained models/roberta-base

Words follow Zipf's law and lengths are lognormal, as in discharge summaries. With ``--pretrained``
the steps for transformers are measured instead, on the discharge summaries of ``make_notes``, whose
words have as many pieces as real ones. All candidates take turns in each round, so that a busy
machine slows them alike; medians of the processor time over the rounds are printed, that of all
threads together. Peak memory is measured in a round of its own, since measuring costs time; what a
tokenizer in Rust holds is not in it.
"""

import argparse
import statistics
import time
import tracemalloc

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from sklearn_icd.datasets import make_notes
from sklearn_icd.text import (
    NoteCleaner,
    SectionReorderer,
    SegmentTokenizer,
    TfidfTruncator,
    WordTokenizer,
)


def make_zipf_notes(n_notes, mean_words, n_distinct, seed=0):
    """Make notes of random words.

    Parameters
    ----------
    n_notes : int
        Number of notes.
    mean_words : int
        Mean length of a note in words; the spread is that of a lognormal with sigma 0.5.
    n_distinct : int
        Distinct words to draw from; the r-th is drawn in proportion to 1 / r.
    seed : int, default=0
        Seed of the random generator.

    Returns
    -------
    notes : list of str of length n_notes
        Lower-case words, some with punctuation, twelve a line.
    """
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, rng.integers(2, 11))) for _ in range(n_distinct)])
    share = 1 / np.arange(1, n_distinct + 1)
    marks = np.array(["", ",", ".", ":"])
    notes = []
    for length in (mean_words * rng.lognormal(-0.125, 0.5, n_notes)).astype(int) + 1:
        drawn = words[rng.choice(n_distinct, length, p=share / share.sum())]
        marked = np.char.add(drawn, rng.choice(marks, length, p=[0.82, 0.08, 0.07, 0.03]))
        lines = [" ".join(marked[i : i + 12]) for i in range(0, length, 12)]
        notes.append("\n".join(lines))
    return notes


def truncate_and_tokenize_with_scikit_learn(notes, max_words, min_notes):
    """Do what TfidfTruncator and WordTokenizer do with scikit-learn's vectorisers."""
    tfidf = TfidfVectorizer(norm=None, lowercase=False, token_pattern=r"\S+")
    weights = tfidf.fit_transform(notes)
    split = tfidf.build_analyzer()
    shortened = []
    for i, note in enumerate(notes):
        words = split(note)
        if len(words) > max_words:
            row = slice(*weights.indptr[i : i + 2])
            weight = dict(zip(weights.indices[row], weights.data[row], strict=True))
            importance = np.array([weight[tfidf.vocabulary_[word]] for word in words])
            kept = np.sort(np.argsort(-importance, kind="stable")[:max_words])
            note = " ".join([words[k] for k in kept])
        shortened.append(note)
    counts = CountVectorizer(min_df=min_notes, lowercase=False, token_pattern=r"\w+").fit(shortened)
    tokens = counts.build_analyzer()
    ids = {word: i + 2 for word, i in counts.vocabulary_.items()}
    return [[ids.get(word, 1) for word in tokens(note)] for note in shortened]


def candidates(max_words, min_notes):
    """Return what is measured: a function of notes for each name."""
    vectoriser = {"min_df": min_notes, "lowercase": False, "token_pattern": r"\w+"}

    def truncate_and_tokenize(notes):
        shortened = TfidfTruncator(max_words).fit_transform(notes)
        return WordTokenizer(min_notes).fit_transform(shortened)

    def truncate_and_tokenize_with_theirs(notes):
        return truncate_and_tokenize_with_scikit_learn(notes, max_words, min_notes)

    return {
        "TfidfTruncator + WordTokenizer": truncate_and_tokenize,
        "the same with scikit-learn": truncate_and_tokenize_with_theirs,
        "TfidfTruncator": TfidfTruncator(max_words).fit_transform,
        "WordTokenizer": WordTokenizer(min_notes).fit_transform,
        "NoteCleaner": NoteCleaner().fit_transform,
        "CountVectorizer (counts only)": CountVectorizer(**vectoriser).fit_transform,
        "TfidfVectorizer (weights only)": TfidfVectorizer(**vectoriser).fit_transform,
    }


def segment_candidates(pretrained):
    """Return what is measured with a pretrained tokenizer: a function of notes for each name."""
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(pretrained)

    def tokenize_with_transformers(notes):
        segments = theirs(
            notes,
            truncation=True,
            max_length=512,
            padding="max_length",
            return_overflowing_tokens=True,
            return_tensors="np",
        )
        return segments["input_ids"], segments["overflow_to_sample_mapping"]

    hilat = SegmentTokenizer(pretrained, 512, 5120, special_tokens="segment")
    plm_icd = SegmentTokenizer(pretrained, 128, 3072)
    return {
        "SegmentTokenizer (10 of 512)": hilat.fit(["a note"]).transform,
        "SegmentTokenizer (24 of 128)": plm_icd.fit(["a note"]).transform,
        "transformers (all of 512)": tokenize_with_transformers,
        "SectionReorderer": SectionReorderer().fit_transform,
        "NoteCleaner": NoteCleaner().fit_transform,
    }


def seconds(function, notes):
    """Return the processor time of one call."""
    start = time.process_time()
    function(notes)
    return time.process_time() - start


def peak_memory(function, notes):
    """Return the most bytes one call held at once, its result included and the notes not."""
    tracemalloc.start()
    function(notes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main():
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notes", type=int, default=5000, help="number of notes (%(default)s)")
    parser.add_argument("--words", type=int, default=1500, help="mean words a note (%(default)s)")
    parser.add_argument(
        "--distinct", type=int, default=100_000, help="words there are (%(default)s)"
    )
    parser.add_argument(
        "--max-words", type=int, default=2500, help="of the truncator (%(default)s)"
    )
    parser.add_argument("--min-notes", type=int, default=3, help="of the tokenizer (%(default)s)")
    parser.add_argument("--pretrained", help="folder of a tokenizer: measure segments instead")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (%(default)s)")
    arguments = parser.parse_args()

    if arguments.pretrained is None:
        notes = make_zipf_notes(arguments.notes, arguments.words, arguments.distinct)
        functions = candidates(arguments.max_words, arguments.min_notes)
    else:
        made = make_notes(
            arguments.notes, mean_words=arguments.words, codes_per_note=15, random_state=0
        )
        notes, functions = made.data, segment_candidates(arguments.pretrained)
    n_words = sum(len(note.split()) for note in notes)
    size = sum(map(len, notes))
    print(f"{len(notes):,} notes, {n_words:,} words, {size / 2**20:.0f} MiB of text")

    times = {name: [] for name in functions}
    for _ in range(arguments.rounds):
        for name, function in functions.items():
            times[name].append(seconds(function, notes))
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    ours = next(iter(medians.values()))

    columns = (
        f"{'seconds':>9}{'ratio':>8}{'notes/s':>9}{'Mwords/s':>10}{'peak MiB':>10}{'/ text':>8}"
    )
    print(f"{'':32}{columns}")
    for name, function in functions.items():
        peak = peak_memory(function, notes)
        print(
            f"{name:32}{medians[name]:9.2f}{medians[name] / ours:8.2f}"
            f"{len(notes) / medians[name]:9.0f}{n_words / medians[name] / 1e6:10.1f}"
            f"{peak / 2**20:10.0f}{peak / size:8.2f}"
        )


if __name__ == "__main__":
    main()
