"""
Notes in, codes out
===================

A system is a :class:`~sklearn.pipeline.Pipeline` of text steps and a classifier. Here it is written
out by hand; :func:`~sklearn_icd.pipelines.make_icd_pipeline` makes the same one in a line.
"""

# %%
# Notes and codes
# ---------------
#
# Notes are a list of texts (or an array or a series of them). Codes are a 0/1 table with a row for
# each note and a column for each code. These notes are made by a program: they show how things
# work, and say nothing about scores on real notes.

from sklearn.model_selection import train_test_split

from sklearn_icd.datasets import make_notes

made = make_notes(
    n_notes=600, n_codes=12, mean_words=100, sd_words=30, codes_per_note=3, random_state=0
)
notes_train, notes_test, Y_train, Y_test = train_test_split(
    made.data, made.target, test_size=0.25, random_state=0
)
print(notes_train[0][:400], "...")

# %%
# The pipeline
# ------------
#
# The text steps clean the notes, shorten the long ones and turn words into numbers. What they learn
# (word importance, vocabulary) they learn from the training notes alone. The classifier is LD-PLAM;
# its sizes are smaller here than the paper's, which are the defaults.
#
# The table of codes is an array, so the names of its columns are passed as `classes`; a data frame
# would bring its own. A tenth of the training notes (`validation_fraction`) is held out to choose
# the best epoch and, with ``threshold="tuned"``, the probability from which on a code is assigned.

from sklearn.pipeline import Pipeline

from sklearn_icd.models import LDPLAMClassifier
from sklearn_icd.text import NoteCleaner, TfidfTruncator, WordTokenizer

pipeline = Pipeline(
    [
        ("clean", NoteCleaner()),
        ("truncate", TfidfTruncator(max_words=2500)),
        ("tokenize", WordTokenizer(min_notes=3)),
        (
            "clf",
            LDPLAMClassifier(
                classes=made.target_names,
                n_pseudo_labels=64,
                embedding_dim=32,
                hidden_size=32,
                optimizer="adam",
                lr=0.005,
                batch_size=8,
                max_epochs=25,
                threshold="tuned",
                random_state=0,
            ),
        ),
    ]
)
pipeline.fit(notes_train, Y_train)
print(f"best threshold on the held-out notes: {pipeline['clf'].threshold_:.2f}")

# %%
# Predictions
# -----------
#
# ``predict`` gives a 0/1 table like the one that ``fit`` got, ``predict_proba`` the probabilities.

Y_pred = pipeline.predict(notes_test)
probabilities = pipeline.predict_proba(notes_test)
codes = pipeline["clf"].classes_
for i in range(3):
    print(f"test note {i}")
    assigned, true = Y_pred[[i]].toarray()[0], Y_test[[i]].toarray()[0]
    for j in (assigned | true).nonzero()[0]:
        verdict = "right" if assigned[j] and true[j] else "missed" if true[j] else "wrong"
        print(f"  {codes[j]:6} {probabilities[i, j]:.2f} {verdict:6} {made.titles[codes[j]]}")

# %%
# Metrics
# -------
#
# "Macro-F1" means four different things in the papers of this field, so it always comes with its
# name; see :doc:`/metrics`.

from sklearn_icd.metrics import f1_report, mean_average_precision, precision_at_k

for name, value in f1_report(Y_test, Y_pred).items():
    print(f"F1 {name:15} {value:.3f}")
print(f"P@3                {precision_at_k(Y_test, probabilities, 3):.3f}")
print(f"MAP                {mean_average_precision(Y_test, probabilities):.3f}")

# %%
# The learning curve
# ------------------
#
# ``history_`` holds what skorch recorded in each epoch. The parameters of the best epoch are the
# ones that were kept.

import matplotlib.pyplot as plt
import numpy as np

history = pipeline["clf"].history_
epochs = history[:, "epoch"]
best = epochs[np.flatnonzero(history[:, "valid_loss_best"])[-1]]

fig, (left, right) = plt.subplots(ncols=2, figsize=(9, 3.5), layout="constrained")
left.plot(epochs, history[:, "train_loss"], label="training notes")
left.plot(epochs, history[:, "valid_loss"], label="held-out notes")
left.set(xlabel="epoch", ylabel="binary cross-entropy", ylim=0)
left.legend()
right.plot(epochs, history[:, "valid_score"], color="C1")
right.axvline(best, color="grey", linestyle=":", label=f"kept: epoch {best}")
right.set(xlabel="epoch", ylabel="micro-F1 of held-out notes", ylim=(0, 1))
right.legend(loc="lower right")
plt.show()
