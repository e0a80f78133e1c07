"""Text that a spreadsheet shows and never runs: no cell may begin as a formula.

Excel and its likes run a cell that begins with ``= + - @`` (CSV injection, CWE-1236). Which cells
there are depends on the separator the program expects, and in Russia that is the semicolon, so
what follows a separator or a quote within a cell is guarded too. The guard is an apostrophe;
:func:`unguarded` takes it off again, exactly.
"""

import re

import numpy as np
import pandas as pd

_RISKY = "=+\\-@\t\r\n＝＋－＠"
_START = re.compile(f"(^|[;,\\t\\r\\n\"])('*)(?=[{_RISKY}])")
_ANYWHERE = f"(?:^|[;,\\t\\r\\n\"])'*[{_RISKY}]"
_GUARDED = re.compile(f"(^|[;,\\t\\r\\n\"])'('*)(?=[{_RISKY}])")


def guard(text: str) -> str:
    """Return `text` with an apostrophe before whatever could run as a formula."""
    return _START.sub(r"\1'\2", text)


def unguard(text: str) -> str:
    """Return the text that :func:`guard` was given."""
    return _GUARDED.sub(r"\1\2", text)


def guarded(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with the words of every column of text guarded; numbers stay numbers."""
    safe = table.copy()
    for name in table.select_dtypes(include=["object", "str", "category"]):
        codes, words = pd.factorize(table[name])
        plain = np.array(words, dtype=object)
        risky = pd.Series(words, dtype="str").str.contains(_ANYWHERE, regex=True)
        for place in np.flatnonzero(risky.to_numpy(dtype=bool)):
            plain[place] = guard(plain[place])
        safe[name] = np.append(plain, None)[codes]
    return safe


def unguarded(ids: pd.Series) -> pd.Series:
    """Return the ids of a file that went through :func:`guarded` as they were before."""
    return ids.map(unguard, na_action="ignore")
