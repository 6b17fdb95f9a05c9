"""
Grid search over the threshold of every system
==============================================

The five systems are one kind of estimator, so that one grid serves them all. Here each searches
its threshold, the probability from which on a code is assigned.
"""

# %%
# Five pipelines
# --------------
#
# They are tiny, so that this example runs in seconds, and their scores say nothing about the
# systems. The transformer of HiLAT and PLM-ICD has random weights; use one that was pretrained on
# clinical text.

from tempfile import TemporaryDirectory

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from sklearn_icd.datasets import make_notes
from sklearn_icd.pipelines import make_icd_pipeline

made = make_notes(
    n_notes=160, n_codes=4, mean_words=50, sd_words=10, codes_per_note=2, random_state=0
)
folder = TemporaryDirectory()
torch.manual_seed(0)
tokenizer = BertTokenizerFast().train_new_from_iterator(made.data, 2000, show_progress=False)
config = BertConfig(
    vocab_size=len(tokenizer),
    hidden_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=64,
)
tokenizer.save_pretrained(folder.name)
BertModel(config).save_pretrained(folder.name)

words = {"word_vectors": None, "embedding_dim": 32, "lr": 0.01}
pretrained = {"pretrained": folder.name, "lr": 0.003}
systems = {
    "fusion": {**words, "n_filters": 8, "kernel_sizes": (3, 5)},
    "hilat": {**pretrained, "tokenize__segment_length": 64},
    "jlan": {**words, "hidden_size": 32, "attention_size": 32},
    "ld-plam": {**words, "hidden_size": 32},
    "plm-icd": {**pretrained, "tokenize__segment_length": 64},
}
pipelines = {
    name: make_icd_pipeline(
        name,
        size="small",
        classes=made.target_names,
        max_epochs=6,
        validation_fraction=None,
        random_state=0,
        **parameters,
    )
    for name, parameters in systems.items()
}

# %%
# One grid
# --------
#
# `memory` keeps what the text steps gave for each fold, in a folder that is removed in the end.

from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV

from sklearn_icd.metrics import f1_micro

thresholds = [0.2, 0.4, 0.6]
scores = {}
for name, pipeline in pipelines.items():
    search = GridSearchCV(
        pipeline,
        {"clf__threshold": thresholds},
        scoring=make_scorer(f1_micro),
        cv=2,
        refit=False,
    )
    with TemporaryDirectory() as cache:
        search.set_params(estimator__memory=cache).fit(made.data, made.target)
    scores[name] = search.cv_results_["mean_test_score"]
folder.cleanup()

# %%
# What came out
# -------------

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, score in scores.items():
    ax.plot(thresholds, score, "o-", label=name)
    print(f"{name:8}", *[f"{value:.3f}" for value in score])
ax.set(xlabel="threshold", ylabel="micro-F1 of cross-validation", ylim=(0, 1), xticks=thresholds)
ax.legend(ncols=2)
plt.show()

# %%
# A threshold changes nothing of what a fit learns, so that a search pays for it with a fit per
# value. ``threshold="tuned"`` lets one fit choose among all values on its validation notes; see
# :ref:`sphx_glr_auto_examples_plot_grid_search.py` for how the two compare.
