"""
Grid search over the truncated loss of JLAN
===========================================

Codes of real notes are partly wrong. :class:`~sklearn_icd.models.JLANClassifier` leaves out of its
loss the positives that are hardest to believe, at most the share `epsilon` of them. This example
chooses `epsilon` and the threshold together, on made notes of which one label in five is wrong.
"""

# %%
# Notes with wrong codes
# ----------------------
#
# The test notes keep their right codes, so that the score tells what was learned of the truth.

from sklearn.model_selection import train_test_split

from sklearn_icd.datasets import make_notes

made = make_notes(
    n_notes=300,
    n_codes=5,
    mean_words=50,
    sd_words=10,
    codes_per_note=2,
    label_noise=0.2,
    random_state=0,
)
notes, notes_test, Y, _, _, Y_test = train_test_split(
    made.data, made.target, made.target_clean, test_size=0.3, random_state=0
)

# %%
# The grid
# --------
#
# `memory` keeps what the text steps gave for each fold, for all candidates.

from tempfile import TemporaryDirectory

from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV

from sklearn_icd.metrics import f1_micro
from sklearn_icd.pipelines import make_icd_pipeline

pipeline = make_icd_pipeline(
    "jlan",
    size="small",
    classes=made.target_names,
    word_vectors=None,
    embedding_dim=32,
    hidden_size=32,
    attention_size=32,
    lr=0.005,
    max_epochs=10,
    validation_fraction=None,
    random_state=0,
)
grid = {"clf__epsilon": [0.0, 0.1, 0.2, 0.3], "clf__threshold": [0.3, 0.5]}
search = GridSearchCV(pipeline, grid, scoring=make_scorer(f1_micro), cv=2)
with TemporaryDirectory() as folder:
    search.set_params(estimator__memory=folder).fit(notes, Y)
print(f"best: {search.best_params_}, micro-F1 of cross-validation {search.best_score_:.3f}")
print(f"micro-F1 of the test notes with their right codes: {search.score(notes_test, Y_test):.3f}")

# %%
# Cross-validation scores against labels that are wrong themselves, so that its values are low and
# differ by little; what it ranks first need not be best on right codes. Where you can, check some
# notes by hand and choose on those.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
results = search.cv_results_
for threshold in grid["clf__threshold"]:
    own = results["param_clf__threshold"] == threshold
    ax.errorbar(
        results["param_clf__epsilon"][own],
        results["mean_test_score"][own],
        results["std_test_score"][own],
        fmt="o-",
        capsize=4,
        label=f"threshold {threshold}",
    )
ax.set(xlabel="epsilon", ylabel="micro-F1 of cross-validation", xticks=grid["clf__epsilon"])
ax.legend()
plt.show()

# %%
# The share that is left out grows in the first epoch, and the history of a fit holds it. The same
# loss serves the other systems as ``loss=TruncatedBCE()``, and the grid then has the key
# ``clf__loss__epsilon``.

history = search.best_estimator_["clf"].history_
print(f"left out in the end: {history[-1, 'drop_rate']:.0%} of the positives")
