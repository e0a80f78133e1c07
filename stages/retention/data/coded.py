"""A column of text as codes into its distinct words: each word is looked at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Coded:
    """A column of text.

    Attributes
    ----------
    codes : ndarray of int, shape (n_rows,)
        Which word each row holds.
    words : list of str
        The distinct words; after :meth:`renamed` two codes may share one.
    """

    codes: np.ndarray
    words: list[str]

    @classmethod
    def of(cls, column: Any) -> "Coded":
        """Return an Arrow column of text, missing cells as empty text."""
        import pyarrow as pa

        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        array = column.unify_dictionaries().combine_chunks()
        words = array.dictionary.to_pylist()
        codes = array.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
        return cls(codes, [*words, ""] if array.null_count else words)

    def __len__(self) -> int:
        return len(self.codes)

    def renamed(self, words: Sequence[str]) -> "Coded":
        """Return the same rows with other words in the place of the present ones."""
        return Coded(self.codes, list(words))

    def rows(self, chosen: Sequence[bool]) -> np.ndarray:
        """Tell which rows hold one of the words that `chosen` marks."""
        return np.asarray(chosen, dtype=bool)[self.codes]

    def count(self, chosen: Sequence[bool]) -> int:
        """Return how many rows hold one of the words that `chosen` marks."""
        sizes = np.bincount(self.codes, minlength=len(self.words))
        return int(sizes[np.asarray(chosen, dtype=bool)].sum())

    def first(self, chosen: Sequence[bool]) -> str:
        """Return the word of the first row that holds one of those that `chosen` marks."""
        return self.words[self.codes[self.place(chosen)]]

    def place(self, chosen: Sequence[bool]) -> int:
        """Return the first row that holds one of the words that `chosen` marks."""
        return int(np.argmax(self.rows(chosen)))

    def unlike(self, form: str) -> np.ndarray:
        """Return the places of the words that a regular expression does not find (RE2)."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = pc.match_substring_regex(pa.array(self.words, pa.string()), form)
        return np.flatnonzero(~found.to_numpy(zero_copy_only=False))

    def at(self, rows: np.ndarray) -> list[str]:
        """Return the words of the rows numbered `rows`."""
        return [self.words[code] for code in self.codes[rows]]
