"""The one thing that systems without an attention over words say when asked for it."""


class WithoutAttention:
    """Say why a classifier has no `attention`, where others have the method.

    ``hasattr(classifier, "attention")`` is False. A class tells in `_reads_notes_by` what it
    knows of a note instead.
    """

    @property
    def attention(self):
        """Missing: no code of this system looks at single words."""
        raise AttributeError(
            f"{type(self).__name__} has no attention: {self._reads_notes_by}. Classifiers whose "
            "codes attend to words, such as CAMLClassifier, have it."
        )
