"""A table of the published systems: their text steps, their classifier, and small settings."""

from dataclasses import dataclass, field

from sklearn_icd.text import (
    NoteCleaner,
    SectionReorderer,
    SegmentTokenizer,
    TfidfTruncator,
    WordTokenizer,
    make_note_cleaner,
)


@dataclass(frozen=True)
class System:
    """Say how a paper ran its system, and what suits few notes.

    Parameters
    ----------
    classifier : str
        Name of its classifier in `sklearn_icd.models`.

    text : dict of str to transformer
        Its text steps, in their order. Those that need a transformer have none yet.

    small : dict
        Settings for a thousand notes and two cores, with what the paper has beside them.
    """

    classifier: str
    text: dict
    small: dict = field(default_factory=dict)

    @property
    def has_transformer(self):
        """Whether it reads with a pretrained transformer, which must be given."""
        return isinstance(self.text["tokenize"], SegmentTokenizer)


def _segments(**settings):
    return SegmentTokenizer(None, **settings)


_TEXT_OF_CAML = {
    "clean": make_note_cleaner("caml"),
    "tokenize": WordTokenizer(min_notes=3, max_length=2500),
}
_SMALL_CAML = {
    "embedding_dim": 64,  # 100
    "lr": 0.003,  # 0.0001
    "batch_size": 8,  # 16
    "max_epochs": 30,  # 200
    "threshold": "tuned",  # 0.5
}
_TEXT_OF_LAAT = {
    # Runs of letters and digits with a letter among them; brackets keep their words.
    "clean": NoteCleaner(remove_deidentification=False, remove_rules=False, token_pattern=r"\w+"),
    # Its authors keep every word of the training notes.
    "tokenize": WordTokenizer(min_notes=1, max_length=4000),
}
_SMALL_LAAT = {
    "embedding_dim": 64,  # 100
    "hidden_size": 64,  # 512
    "attention_size": 64,  # 512
    "lr": 0.003,  # 0.001
    "max_epochs": 30,  # 50
    "patience": 10,  # 6
    "threshold": "tuned",  # 0.5
}

SYSTEMS = {
    "attentive-lstm": System(
        "AttentiveLSTMClassifier",
        _TEXT_OF_CAML,  # the paper reads lists of diagnoses
        {
            **_SMALL_CAML,
            "hidden_size": 64,  # not given; 100
        },
    ),
    "bigru": System(
        "BiGRUClassifier",
        _TEXT_OF_CAML,
        {
            **_SMALL_CAML,
            "hidden_size": 64,  # 256
        },
    ),
    "caml": System("CAMLClassifier", _TEXT_OF_CAML, _SMALL_CAML),
    "deep-labeler": System(
        "DeepLabelerClassifier",
        {
            "clean": NoteCleaner(),
            "tokenize": WordTokenizer(min_notes=3, max_length=700),
        },
        {
            **_SMALL_CAML,
            "document_dim": 64,  # 128
            "dropout": 0.5,  # 0.75
        },
    ),
    "dr-caml": System("DRCAMLClassifier", _TEXT_OF_CAML, _SMALL_CAML),
    "effective-can": System(
        "EffectiveCANClassifier",
        _TEXT_OF_CAML,
        {
            **_SMALL_CAML,
            "n_filters": 64,  # not given; 100
            "n_blocks": 2,  # not given; 4
        },
    ),
    "fusion": System(
        "FusionClassifier",  # its section 4.2
        {
            "clean": NoteCleaner(),
            "tokenize": WordTokenizer(min_notes=3, max_length=2500),
        },
        {
            "n_filters": 32,  # 50
            "kernel_sizes": (3, 5, 9),  # and 15, 19, 25
            "embedding_dim": 64,  # 100
            "lr": 0.003,  # 0.0001
            "batch_size": 8,  # 16
            "max_epochs": 30,
            "threshold": "tuned",  # 0.5
        },
    ),
    "hilat": System(
        "HiLATClassifier",  # its sections 3.1 and 3.3
        {
            "reorder": SectionReorderer(),
            "clean": NoteCleaner(),
            "tokenize": _segments(segment_length=512, max_length=5120, special_tokens="segment"),
        },
        {
            "tokenize__segment_length": 128,  # 512
            "tokenize__max_length": 512,  # 5120
            "head_lr": 3e-4,  # as lr, 5e-5
            "warmup_steps": 0.1,  # 500 of 2,500
            "batch_size": 4,  # 16
            "max_epochs": 5,
            "threshold": "tuned",  # 0.5
        },
    ),
    "hlan": System(
        "HLANClassifier",
        _TEXT_OF_CAML,
        {
            **_SMALL_CAML,
            "hidden_size": 32,  # 100
            "dropout": 0.2,  # 0.5
        },
    ),
    "jlan": System(
        "JLANClassifier",  # its "Experiment setting"
        {
            "clean": NoteCleaner(),
            "tokenize": WordTokenizer(min_notes=2, max_length=2500),
        },
        {
            "embedding_dim": 64,  # 256
            "hidden_size": 64,  # 256
            "attention_size": 64,  # 200
            "lr": 0.003,  # 0.001
            "batch_size": 8,  # not given; 16
            "max_epochs": 30,
            "threshold": "tuned",  # 0.5
        },
    ),
    "joint-laat": System(
        "JointLAATClassifier",
        _TEXT_OF_LAAT,
        {**_SMALL_LAAT, "projection_size": 16},  # 128
    ),
    "kaicd": System(
        "KAICDClassifier",
        {
            "clean": NoteCleaner(),
            "truncate": TfidfTruncator(max_words=768),
            "tokenize": WordTokenizer(min_notes=3),
        },
        {
            **_SMALL_CAML,
            "n_filters": 64,  # 448
            "hidden_size": 32,  # 128
            "title_dim": 64,  # 192
            "patience": 10,  # 30
        },
    ),
    "laat": System("LAATClassifier", _TEXT_OF_LAAT, _SMALL_LAAT),
    "ld-plam": System(
        "LDPLAMClassifier",  # its section 5.3
        {
            "clean": NoteCleaner(),
            "truncate": TfidfTruncator(max_words=2500),
            "tokenize": WordTokenizer(min_notes=3),
        },
        {
            "n_pseudo_labels": 64,  # 256, for 8,907 codes
            "embedding_dim": 64,  # 128
            "hidden_size": 64,  # 128
            "optimizer": "adam",  # "lamb"
            "lr": 0.003,  # 0.005
            "batch_size": 8,  # 128
            "max_epochs": 30,
            "patience": 10,  # 64
            "threshold": "tuned",  # 0.5
        },
    ),
    "leam": System(
        "LEAMClassifier",
        _TEXT_OF_CAML,
        {
            **_SMALL_CAML,
            "kernel_size": 3,  # 10
            "dropout": 0.2,  # 0.5
        },
    ),
    "logistic-regression": System(
        "LogisticRegressionBaseline",
        {
            "clean": make_note_cleaner("caml"),
            "tokenize": WordTokenizer(min_notes=3),
        },
        {"threshold": "tuned"},  # 0.5
    ),
    "multirescnn": System(
        "MultiResCNNClassifier",
        _TEXT_OF_CAML,
        {
            "n_filters": 32,  # 50
            "kernel_sizes": (3, 5, 9),  # and 15, 19, 25
            "embedding_dim": 64,  # 100
            "lr": 0.003,  # 0.0001
            "batch_size": 8,  # 16
            "max_epochs": 30,  # 500
            "threshold": "tuned",  # 0.5
        },
    ),
    "mvc-lda": System("MVCLDAClassifier", _TEXT_OF_CAML, _SMALL_CAML),
    "mvc-rlda": System("MVCRLDAClassifier", _TEXT_OF_CAML, _SMALL_CAML),
    "plm-icd": System(
        "PLMICDClassifier",  # its appendix A
        {
            "clean": NoteCleaner(),
            "tokenize": _segments(segment_length=128, max_length=3072, special_tokens="note"),
        },
        {
            "tokenize__max_length": 512,  # 3,072
            "head_lr": 3e-4,  # as lr, 5e-5
            "warmup_steps": 0.1,  # 2,000
            "batch_size": 4,  # 8
            "max_epochs": 5,  # 20
        },
    ),
    "text-cnn": System(
        "TextCNNClassifier",
        _TEXT_OF_CAML,
        {
            **_SMALL_CAML,
            "n_filters": 128,  # 500
        },
    ),
    "transicd": System(
        "TransICDClassifier",
        _TEXT_OF_CAML,
        {
            **_SMALL_CAML,
            "feedforward_size": 128,  # 512
            "attention_size": 64,  # 256
            "lr": 0.001,
        },
    ),
}
