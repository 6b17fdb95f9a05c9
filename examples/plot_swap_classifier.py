"""
One classifier swapped for another
==================================

What stands at the end of a pipeline can be swapped without a change to the code around it: LD-PLAM,
a linear model on word counts, or a torch module of your own.
"""

# %%
# Three pipelines
# ---------------
#
# The linear model is scikit-learn's, on TF-IDF.

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from sklearn_icd.datasets import make_notes
from sklearn_icd.pipelines import make_icd_pipeline
from sklearn_icd.text import NoteCleaner, WordTokenizer

ld_plam = make_icd_pipeline(
    "ld-plam",
    size="small",
    n_pseudo_labels=32,
    embedding_dim=32,
    hidden_size=32,
    max_epochs=20,
    random_state=0,
)
linear = make_pipeline(
    NoteCleaner(),
    TfidfVectorizer(sublinear_tf=True),
    OneVsRestClassifier(LogisticRegression(C=100)),
)

# %%
# The third is a small convolutional network: each filter keeps its highest value in the note, and a
# linear layer makes logits of these. A module takes token ids, of which 0 is padding, and gives one
# logit per code; :class:`~sklearn_icd.net.MultiLabelNet` trains it. The tokenizer's
# `max_vocabulary` tells how many rows the table of word vectors needs.

import torch

from sklearn_icd.net import MultiLabelNet


class Convolution(torch.nn.Module):
    def __init__(self, n_tokens, n_codes, n_filters=64):
        super().__init__()
        self.embed = torch.nn.Embedding(n_tokens, 50, padding_idx=0)
        self.filters = torch.nn.Conv1d(50, n_filters, kernel_size=3, padding=1)
        self.score = torch.nn.Linear(n_filters, n_codes)

    def forward(self, ids):
        found = self.filters(self.embed(ids).transpose(1, 2)).relu()  # (n, n_filters, t)
        found = found * (ids != 0)[:, None]  # padding finds nothing
        return self.score(found.amax(dim=2))


n_codes = 12
torch.manual_seed(0)
own_module = make_pipeline(
    NoteCleaner(),
    WordTokenizer(max_vocabulary=2000),
    MultiLabelNet(
        Convolution,
        module__n_tokens=2002,
        module__n_codes=n_codes,
        optimizer=torch.optim.Adam,
        lr=0.003,
        batch_size=16,
        max_epochs=20,
    ),
)

# %%
# One loop
# --------
#
# Each pipeline learns from the same notes. The threshold is the one with the best micro-F1 on
# validation notes, found for all three in the same way; the scores are those of test notes.

from time import perf_counter

from sklearn_icd.metrics import best_f1_threshold, f1_micro, mean_average_precision

made = make_notes(
    n_notes=800, n_codes=n_codes, mean_words=100, sd_words=30, codes_per_note=3, random_state=0
)
notes, notes_test, Y, Y_test = train_test_split(
    made.data, made.target.toarray(), test_size=0.25, random_state=0
)
notes_train, notes_valid, Y_train, Y_valid = train_test_split(
    notes, Y, test_size=0.2, random_state=0
)

pipelines = {"LD-PLAM": ld_plam, "linear": linear, "own module": own_module}
scores = {}
for name, pipeline in pipelines.items():
    start = perf_counter()
    pipeline.fit(notes_train, Y_train)
    seconds = perf_counter() - start
    threshold = best_f1_threshold(Y_valid, pipeline.predict_proba(notes_valid))
    probabilities = pipeline.predict_proba(notes_test)
    scores[name] = (
        f1_micro(Y_test, probabilities >= threshold),
        mean_average_precision(Y_test, probabilities),
    )
    print(f"{name:11} micro-F1 {scores[name][0]:.3f}  MAP {scores[name][1]:.3f}  {seconds:.1f} s")

# %%
# The notes are made, and which of the three comes first says nothing about real ones.

import matplotlib.pyplot as plt
import numpy as np

fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
positions = np.arange(len(scores))
for offset, metric, values in zip(
    [-0.2, 0.2], ["micro-F1", "MAP"], zip(*scores.values(), strict=True), strict=True
):
    bars = ax.bar(positions + offset, values, width=0.4, label=metric)
    ax.bar_label(bars, fmt="%.2f")
ax.set_xticks(positions, scores)
ax.set(ylim=(0, 1.25), ylabel="on the test notes")
ax.legend(loc="upper right", ncols=2)
plt.show()
