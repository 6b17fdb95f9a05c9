"""What a paper's system is beside its classifier: text steps, and settings for few notes."""

from dataclasses import dataclass, field

from sklearn_icd.text import SegmentTokenizer


@dataclass(frozen=True)
class System:
    """Say how a paper ran its system, and what suits few notes.

    Parameters
    ----------
    reads : str
        What reads the note, in a few words.

    attends : str
        What a code looks at, in a few words.

    text : dict of str to transformer
        Its text steps, in their order. Those that need a transformer have none yet.

    small : dict, default={}
        Settings for a thousand notes and two cores, with what the paper has beside them.
    """

    reads: str
    attends: str
    text: dict
    small: dict = field(default_factory=dict)

    @property
    def has_transformer(self):
        """Whether it reads with a pretrained transformer, which must be given."""
        return isinstance(self.text["tokenize"], SegmentTokenizer)
