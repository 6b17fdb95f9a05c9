"""The command ``compare``: systems trained and scored alike, and the table of the field."""

__all__ = []
