"""Transformers over raw notes: cleaning, sections, shortening, words as numbers, word vectors."""

from sklearn_icd.text._cleaner import NoteCleaner
from sklearn_icd.text._cleaner_recipes import make_note_cleaner
from sklearn_icd.text._section_reorderer import SectionReorderer
from sklearn_icd.text._segment_tokenizer import SegmentTokenizer
from sklearn_icd.text._tokenizer import WordTokenizer
from sklearn_icd.text._truncator import TfidfTruncator
from sklearn_icd.text._word_vectors import train_skip_gram

__all__ = [
    "NoteCleaner",
    "SectionReorderer",
    "SegmentTokenizer",
    "TfidfTruncator",
    "WordTokenizer",
    "make_note_cleaner",
    "train_skip_gram",
]
