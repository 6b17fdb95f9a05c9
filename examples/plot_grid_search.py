"""
Grid search over pseudo labels and threshold
============================================

A system is a scikit-learn estimator, so :class:`~sklearn.model_selection.GridSearchCV` searches its
parameters and those of its text steps alike. Most parameters need a fit for each value. The
threshold does not: the second half of this example tunes it after one fit.
"""

# %%
# The grid
# --------
#
# With `memory`, the Pipeline keeps what the text steps gave for the notes of each fold, and all
# candidates that differ in the classifier alone share it. The folder then holds text of the notes:
# here it is gone after the search. Nets train on CUDA where there is one (``device="auto"``).

from tempfile import TemporaryDirectory

from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, train_test_split

from sklearn_icd.datasets import make_notes
from sklearn_icd.metrics import f1_micro
from sklearn_icd.pipelines import make_icd_pipeline

made = make_notes(
    n_notes=400, n_codes=6, mean_words=50, sd_words=15, codes_per_note=2, random_state=0
)
notes, notes_test, Y, Y_test = train_test_split(
    made.data, made.target, test_size=0.25, random_state=0
)

pipeline = make_icd_pipeline(
    "ld-plam",
    size="small",
    classes=made.target_names,
    word_vectors=None,
    embedding_dim=32,
    hidden_size=32,
    lr=0.01,
    max_epochs=12,
    validation_fraction=None,
    threshold=0.5,
    random_state=0,
)
grid = {"clf__n_pseudo_labels": [4, 64], "clf__threshold": [0.2, 0.5, 0.8]}
search = GridSearchCV(pipeline, grid, scoring=make_scorer(f1_micro), cv=2)
with TemporaryDirectory() as folder:
    search.set_params(estimator__memory=folder).fit(notes, Y)
search.best_estimator_.set_params(memory=None)
print(f"best: {search.best_params_}, micro-F1 of cross-validation {search.best_score_:.3f}")
print(f"micro-F1 of the test notes: {search.score(notes_test, Y_test):.3f}")

# %%
# With ``n_jobs=2`` give each process one thread of torch (``OMP_NUM_THREADS=1``).
#
# Thresholds from one fit
# -----------------------
#
# The six candidates above, twice each, are twelve fits, though only the number of pseudo labels
# changes what is learned. A threshold is cheaper tuned after one fit: predict the probabilities of
# notes that the fit has not seen, and read micro-F1 at all thresholds off one sorted list of them.

from sklearn.metrics import precision_recall_curve
from sklearn.model_selection import cross_val_predict

curves = {}
for m in grid["clf__n_pseudo_labels"]:
    probabilities = cross_val_predict(
        pipeline.set_params(memory=None, clf__n_pseudo_labels=m),
        notes,
        Y.toarray(),
        cv=2,
        method="predict_proba",
    )
    precision, recall, thresholds = precision_recall_curve(
        Y.toarray().ravel(), probabilities.ravel()
    )
    f1 = 2 * precision * recall / (precision + recall + 1e-12)
    curves[m] = thresholds, f1[:-1]

# %%
# Four fits give the lines, at every threshold; twelve gave the dots. (The dots are means over two
# folds, the lines pool the notes of both, so that they need not agree to the last digit.)

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
results = search.cv_results_
for color, (m, (thresholds, f1)) in zip(["C0", "C1"], curves.items(), strict=True):
    ax.plot(thresholds, f1, color=color, label=f"{m} pseudo labels, one fit a fold")
    own = results["param_clf__n_pseudo_labels"] == m
    ax.plot(
        results["param_clf__threshold"][own],
        results["mean_test_score"][own],
        "o",
        color=color,
        label=f"{m} pseudo labels, grid search",
    )
ax.set(xlabel="threshold", ylabel="micro-F1", xlim=(0, 1), ylim=(0, 1))
ax.legend(loc="upper center", ncols=2, fontsize="small")
plt.show()

# %%
# Shorter still: :func:`~sklearn_icd.metrics.best_f1_threshold` finds the best cut of given
# probabilities, and ``threshold="tuned"`` lets ``fit`` do so on its validation notes.

from sklearn_icd.metrics import best_f1_threshold

print(f"best cut for {m} pseudo labels: {best_f1_threshold(Y, probabilities):.2f}")
