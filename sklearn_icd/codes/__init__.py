"""Codes: one spelling for each, their titles and tree, and vectors of their titles."""

from sklearn_icd.codes._binarizer import CodeBinarizer
from sklearn_icd.codes._encoder import describe_codes
from sklearn_icd.codes._normalize import normalize_code
from sklearn_icd.codes._system import CodeSystem, find_code_system
from sklearn_icd.codes._title_encoder import TitleEncoder
from sklearn_icd.codes._transformer_encoder import TransformerEncoder
from sklearn_icd.codes._word_vector_encoder import WordVectorEncoder

__all__ = [
    "CodeBinarizer",
    "CodeSystem",
    "TitleEncoder",
    "TransformerEncoder",
    "WordVectorEncoder",
    "describe_codes",
    "find_code_system",
    "normalize_code",
]
