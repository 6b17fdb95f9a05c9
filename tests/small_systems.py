"""Every system of the package, in a size that trains in a second: new ones need no line here."""

from tiny_models import tiny_model

from sklearn_icd.utils import all_systems


class EveryTitle:
    """Stand in for the titles of whatever codes a check makes up."""

    def __repr__(self):
        return "EveryTitle()"  # part of the names of tests, which all processes must agree on

    def __contains__(self, code):
        return True

    def __getitem__(self, code):
        return "some condition"


TINY_BERT = tiny_model("bert")
WORDS = {"embedding_dim": 16, "word_vectors": None, "lr": 0.02}
TRANSFORMER = {"pretrained": TINY_BERT, "lr": 0.01, "warmup_steps": 0}
# For all that have them.
SIZES = {
    "attention_size": 16,
    "document_dim": 8,
    "document_epochs": 2,
    "document_size": 8,
    "feedforward_size": 32,
    "hidden_size": 16,
    "n_blocks": 2,
    "n_filters": 16,
    "n_pseudo_labels": 8,
    "projection_size": 4,
    "reduction": 4,
    "sentence_length": 3,
    "title_dim": 8,
}
# Where a system needs something else to learn what the checks give it, or to be as quick.
OWN = {
    "DRCAMLClassifier": {"label_titles": EveryTitle()},
    "DeepLabelerClassifier": {"n_filters": 8, "dropout": 0.2},
    "EffectiveCANClassifier": {"kernel_size": 3},
    "FusionClassifier": {"n_filters": 8, "kernel_sizes": (3, 5)},
    "HLANClassifier": {"hidden_size": 8, "dropout": 0.2},
    "JointLAATClassifier": {"categories": EveryTitle()},
    "KAICDClassifier": {
        "n_filters": 8,
        "hidden_size": 8,
        "dropout": 0.2,
        "label_titles": EveryTitle(),
    },
    "LDPLAMClassifier": {"optimizer": "adam"},
    "LEAMClassifier": {"kernel_size": 3, "dropout": 0.2},
    "MVCLDAClassifier": {"kernel_sizes": (2, 4)},
    "MVCRLDAClassifier": {"kernel_sizes": (2, 4), "label_titles": EveryTitle()},
    "MultiResCNNClassifier": {"n_filters": 8, "kernel_sizes": (3, 5)},
    "PLMICDClassifier": {"threshold": 0.5},
    "TextCNNClassifier": {"n_filters": 32},
    "TransICDClassifier": {"n_heads": 2, "lr": 0.005},
}


def reads_words(system):
    """Tell whether a system reads words, not the pieces of a transformer, and trains a network."""
    return "word_vectors" in system._get_param_names()


def has_transformer(system):
    """Tell whether a system cannot do without a pretrained transformer."""
    return "pretrained" in system._get_param_names() and not reads_words(system)


def small_settings(system):
    """Give parameters of a system's class."""
    known = system._get_param_names()
    sizes = {name: value for name, value in SIZES.items() if name in known}
    reading = WORDS if reads_words(system) else TRANSFORMER if has_transformer(system) else {}
    return {**reading, **sizes, **OWN.get(system.__name__, {})}


SYSTEMS = dict(all_systems())
SMALL = {system: small_settings(system) for system in SYSTEMS.values()}
