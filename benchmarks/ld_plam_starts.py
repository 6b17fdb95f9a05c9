"""How LD-PLAM starts: each of its choices undone, one at a time.

    python benchmarks/ld_plam_starts.py                     # half an hour or more
    python benchmarks/ld_plam_starts.py --corpora "made notes" --choices none Adam

prints micro-F1 at the best cut on notes not trained on, the mean, the least and the most over the
seeds: of made notes and of the training notes of CMC 2007 and of CodiEsp-D in English a fifth, of
PubMed-MeSH 1,000 training notes beside the 3,000 that are read once. Real corpora come from the
data home (SKLEARN_ICD_DATA). Without arguments the table goes to docs/_static, too.
"""

import argparse
import csv
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from scipy import sparse
from sklearn.model_selection import train_test_split

from sklearn_icd.datasets import load_cmc2007, load_codiesp, load_pubmed_mesh, make_notes
from sklearn_icd.metrics import best_f1_threshold, f1_report
from sklearn_icd.models import _ld_plam
from sklearn_icd.nn import SharedScore, _pseudo_labels, _scoring
from sklearn_icd.pipelines import make_icd_pipeline

TABLE = Path(__file__).parents[1] / "docs" / "_static" / "ld_plam_starts.csv"
TORCHS_OWN = 3**-0.5  # spread of what torch's linear layers make of features of unit variance
CORPORA = {  # how it is read, notes to train on, notes to score, epochs
    "made notes": (partial(make_notes, n_notes=1000, n_codes=50, random_state=0), 800, 200, 15),
    "CMC 2007": (load_cmc2007, 782, 196, 30),
    "CodiEsp-D": (partial(load_codiesp, subset="train", language="en"), 400, 100, 15),
    "PubMed-MeSH": (partial(load_pubmed_mesh, subset="train"), 3000, 1000, 1),
}


def from_one_half(in_features, *, base_rate):
    """Make a score whose bias starts at zero."""
    return SharedScore(in_features)


CHOICES = {  # what is undone, and settings
    "none": (nullcontext, {}),
    "bias from zero": (lambda: patch.object(_ld_plam, "SharedScore", from_one_half), {}),
    "score as torch's": (lambda: patch.object(_scoring, "_SCORE_SPREAD", TORCHS_OWN), {}),
    "modes as torch's": (lambda: patch.object(_pseudo_labels, "_MODE_SPREAD", TORCHS_OWN), {}),
    "titles no wider than they are": (lambda: patch.object(_ld_plam, "_WIDTH", 1), {}),
    "Adam": (nullcontext, {"optimizer": "adam"}),
    "label vectors frozen": (nullcontext, {"train_label_vectors": False}),
}


def read(corpus):
    """Give notes and targets to train on and to score, the titles of the codes, and epochs."""
    load, n_train, n_scored, epochs = CORPORA[corpus]
    bunch = load()
    notes, y = np.array(bunch.data, dtype=object), sparse.csr_array(bunch.target)
    parts = train_test_split(*(notes, y), train_size=n_train, test_size=n_scored, random_state=0)
    return parts, {code: bunch.titles.get(code, "") for code in bunch.target_names}, epochs


def measure(corpus, choice, seed):
    """Train once, and give micro-F1."""
    (notes, other_notes, y, other_y), titles, epochs = corpus
    undone, own = CHOICES[choice]
    pipeline = make_icd_pipeline(
        "ld-plam",
        size="small",
        classes=list(titles),
        label_titles=titles,
        patience=None,
        precision="bfloat16",
        threshold=0.5,
        random_state=seed,
        **{"max_epochs": epochs, "train_label_vectors": True, **own},
    )
    with undone():
        pipeline.fit(notes, y)
    scores = pipeline.predict_proba(other_notes)
    predicted = scores >= best_f1_threshold(other_y, scores)
    return f1_report(other_y, predicted.astype(int))["micro"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", nargs="+", choices=list(CORPORA), default=list(CORPORA))
    parser.add_argument("--choices", nargs="+", choices=list(CHOICES), default=list(CHOICES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = {choice: {"undone": choice} for choice in arguments.choices}
    for name in arguments.corpora:
        corpus = read(name)
        for choice, row in rows.items():
            f1 = [measure(corpus, choice, seed) for seed in arguments.seeds]
            row[name] = f"{np.mean(f1):.3f} ({min(f1):.3f} to {max(f1):.3f})"
            print(f"{name}, {choice}: {row[name]}", flush=True)
    if vars(arguments) == vars(parser.parse_args([])):
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["undone", *CORPORA], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows.values())


if __name__ == "__main__":
    main()
