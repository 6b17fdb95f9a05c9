"""Time the text steps beside scikit-learn's vectorisers and transformers on made-up notes.

    python benchmarks/tokenise.py --out docs/_static
    python benchmarks/tokenise.py --notes 500 --many 0 --pretrained models/roberta-base

Words follow Zipf's law and lengths are lognormal, as in discharge summaries. With ``--pretrained``
the steps for transformers are measured instead, on the discharge summaries of ``make_notes``, whose
words have as many pieces as real ones. The first row, TF-IDF truncation and tokens, is measured on
``--many`` notes too.

Each measurement is made in a process of its own, which reads the notes one by one: the processor
time of ``fit_transform``, that of all threads together, and the peak of the process's memory above
what it held before the notes, so that the notes themselves, the result and what a tokenizer in Rust
holds are in it. ``peak`` is in multiples of the text. Candidates take turns in each round, so that
a busy machine slows them alike; medians over the rounds are printed, and written to text.csv with
``--out``.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from sklearn_icd.datasets import make_notes
from sklearn_icd.text import (
    NoteCleaner,
    SectionReorderer,
    SegmentTokenizer,
    TfidfTruncator,
    WordTokenizer,
    train_skip_gram,
)

BOTH = "TfidfTruncator + WordTokenizer"
SKIP_GRAM = "train_skip_gram (1 pass, 100 wide)"


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

    Yields
    ------
    note : str
        Lower-case words, some with punctuation, twelve a line.
    """
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(rng.choice(letters, rng.integers(2, 11))) for _ in range(n_distinct)]
    marked = np.array([[word + mark for mark in ["", ",", ".", ":"]] for word in words], object)
    share = np.cumsum(1 / np.arange(1, n_distinct + 1))
    for length in (mean_words * rng.lognormal(-0.125, 0.5, n_notes)).astype(int) + 1:
        drawn = np.searchsorted(share, rng.random(length) * share[-1], side="right")
        marks = np.searchsorted([0.82, 0.90, 0.97], rng.random(length))
        note = marked[drawn, marks].tolist()
        yield "\n".join([" ".join(note[i : i + 12]) for i in range(0, length, 12)])


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
        BOTH: truncate_and_tokenize,
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


def memory(kind):
    """Return the memory of this process now ("VmRSS") or at most ("VmHWM"), in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024


def measure(name, path, arguments):
    """Return the processor time of one candidate, in seconds, and the peak memory, in MiB."""
    if arguments.pretrained:
        function = segment_candidates(arguments.pretrained)[name]
    elif name == SKIP_GRAM:
        function = None
    else:
        function = candidates(arguments.max_words, arguments.min_notes)[name]
    before = memory("VmRSS")
    with open(path) as file:
        notes = [json.loads(line) for line in file]
    if name == SKIP_GRAM:
        notes = WordTokenizer(arguments.min_notes).fit_transform(notes)

        def function(X):
            train_skip_gram(X, 100, epochs=1, random_state=0)

    start = time.process_time()
    result = function(notes)  # kept, as it would be
    seconds = time.process_time() - start
    del result
    return seconds, memory("VmHWM") - before


def measure_all(names, n_notes, arguments):
    """Return a row of figures for each candidate."""
    if arguments.pretrained:
        settings = {"mean_words": arguments.words, "codes_per_note": 15, "random_state": 0}
        notes = make_notes(n_notes, **settings).data
    else:
        notes = make_zipf_notes(n_notes, arguments.words, arguments.distinct)
    with tempfile.TemporaryDirectory() as folder:
        path, n_words, size = os.path.join(folder, "notes.jsonl"), 0, 0
        with open(path, "w") as file:
            for note in notes:
                file.write(json.dumps(note) + "\n")
                n_words += len(note.split())
                size += len(note)
        print(f"{n_notes:,} notes, {n_words:,} words, {size / 2**20:.0f} MiB of text", flush=True)
        measured = {name: [] for name in names}
        for _ in range(arguments.rounds):
            for name in names:
                command = [sys.executable, __file__, *sys.argv[1:], "--one", name, path]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                measured[name].append(json.loads(done.stdout))
    for name in names:
        seconds, peak = map(statistics.median, zip(*measured[name], strict=True))
        row = {
            "step": name,
            "notes": n_notes,
            "Mwords": f"{n_words / 1e6:.1f}",
            "text MiB": f"{size / 2**20:.0f}",
            "CPU s": f"{seconds:.1f}",
            "notes/s": f"{n_notes / seconds:.0f}",
            "Mwords/s": f"{n_words / seconds / 1e6:.2f}",
            "peak MiB": f"{peak:.0f}",
            "peak": f"{peak * 2**20 / size:.1f}",
        }
        print(" | ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        yield row


def main():
    """Read the command line, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notes", type=int, default=5000, help="number of notes (%(default)s)")
    parser.add_argument(
        "--many", type=int, default=50_000, help="notes for the first row (%(default)s)"
    )
    parser.add_argument("--words", type=int, default=1500, help="mean words a note (%(default)s)")
    parser.add_argument(
        "--distinct", type=int, default=100_000, help="words there are (%(default)s)"
    )
    parser.add_argument(
        "--max-words", type=int, default=2500, help="of the truncator (%(default)s)"
    )
    parser.add_argument("--min-notes", type=int, default=3, help="of the tokenizer (%(default)s)")
    parser.add_argument("--pretrained", help="folder of a tokenizer: measure segments instead")
    parser.add_argument("--rounds", type=int, default=1, help="measurements of each (%(default)s)")
    parser.add_argument("--out", type=Path, help="folder for text.csv")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one, arguments)))
        return

    if arguments.pretrained:
        names = list(segment_candidates(arguments.pretrained))
    else:
        names = [*candidates(arguments.max_words, arguments.min_notes), SKIP_GRAM]
    rows = list(measure_all(names, arguments.notes, arguments))
    if arguments.many:
        rows += measure_all(names[:1], arguments.many, arguments)
    if arguments.out:
        with (arguments.out / "text.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
