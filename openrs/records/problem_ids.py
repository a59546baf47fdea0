"""Problem ids: hashes of normalised problem texts."""

import hashlib
import re
import unicodedata
from functools import lru_cache


def normalise(text: str) -> str:
    """Folds what does not tell two problems apart: Unicode form, case, and white space."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().lower()


@lru_cache(2**17)  # each run that a sweep plans draws its mix from the same problems
def problem_id(text: str) -> str:
    """Names a problem by its normalised text (16 hex digits), never by its row."""
    return hashlib.sha256(normalise(text).encode()).hexdigest()[:16]
