"""What the encoders of code descriptions have in common: their texts."""

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from sklearn_icd.utils._notes import check_notes


def describe_codes(titles):
    """
    Write each code and its title as one text, "CODE: title".

    This is the text that LD-PLAM makes the vector of a code from [1]_ (section 4.2).

    Parameters
    ----------
    titles : mapping of str to str
        From code to title, as :meth:`~sklearn_icd.codes.CodeSystem.titles` gives it.

    Returns
    -------
    list of str
        One text for each code, in the order of the mapping.

    References
    ----------
    .. [1] Y. Wu, M. Zeng, Y. Yu, Y. Li and M. Li, "A pseudo label-wise attention network
       for automatic ICD coding", IEEE Journal of Biomedical and Health Informatics, 2022.

    Examples
    --------
    >>> from sklearn_icd.codes import describe_codes
    >>> describe_codes({"E11.9": "Type 2 diabetes mellitus without complications"})
    ['E11.9: Type 2 diabetes mellitus without complications']
    """
    return [f"{code}: {title}" for code, title in titles.items()]


class TextEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A transformer from texts to vectors."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    @staticmethod
    def _check_texts(X):
        texts = check_notes(X, name="X")
        if not texts:
            raise ValueError("X holds no text: give at least one.")
        return texts
