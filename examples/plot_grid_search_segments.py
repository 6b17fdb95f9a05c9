"""
Grid search over the segments of a transformer
==============================================

A transformer reads some hundred tokens at once, so PLM-ICD cuts a note into segments. Long ones
give each word more context, and cost more: attention inside a segment grows with its square. The
segment length is a parameter of the tokenizer, and a grid search chooses it like any other.
"""

# %%
# A transformer
# -------------
#
# Use one that was pretrained on clinical text, by its folder or its name on the Hugging Face hub.
# To run anywhere in seconds, this example makes a tiny one with random weights, which learns from
# a few made notes less than a simple model would: it shows how to search, not what is best.

from tempfile import TemporaryDirectory

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from sklearn_icd.datasets import make_notes

made = make_notes(
    n_notes=200, n_codes=4, mean_words=60, sd_words=15, codes_per_note=2, random_state=0
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

# %%
# The grid
# --------
#
# Candidates with the same segment length share the text steps through `memory`: here those that
# differ in the threshold. The folder then holds text of the notes, and is removed in the end.

from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV

from sklearn_icd.metrics import f1_micro
from sklearn_icd.pipelines import make_icd_pipeline

pipeline = make_icd_pipeline(
    "plm-icd",
    size="small",
    pretrained=folder.name,
    classes=made.target_names,
    lr=0.003,
    max_epochs=12,
    validation_fraction=None,
    random_state=0,
)
grid = {"tokenize__segment_length": [8, 32, 128], "clf__threshold": [0.3, 0.5]}
search = GridSearchCV(pipeline, grid, scoring=make_scorer(f1_micro), cv=2, refit=False)
with TemporaryDirectory() as cache:
    search.set_params(estimator__memory=cache).fit(made.data, made.target)
folder.cleanup()

# %%
# What came out
# -------------

import matplotlib.pyplot as plt

results = search.cv_results_
fig, (left, right) = plt.subplots(ncols=2, figsize=(9, 3.5), layout="constrained")
for threshold in grid["clf__threshold"]:
    own = results["param_clf__threshold"] == threshold
    lengths = results["param_tokenize__segment_length"][own]
    left.plot(lengths, results["mean_test_score"][own], "o-", label=f"threshold {threshold}")
    right.plot(lengths, results["mean_fit_time"][own], "o-", label=f"threshold {threshold}")
left.set(xlabel="tokens per segment", ylabel="micro-F1", ylim=(0, 1), xscale="log")
right.set(xlabel="tokens per segment", ylabel="seconds per fit", xscale="log")
for ax in (left, right):
    ax.set_xticks(grid["tokenize__segment_length"], grid["tokenize__segment_length"])
    ax.minorticks_off()
left.legend()
plt.show()
