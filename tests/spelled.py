"""Ids as programs, spreadsheets and accidents write them."""

from hypothesis import strategies as st

PLAIN = st.sampled_from(
    [
        "{}", " {}", "{} ", "\u00a0{}", "{}\t", "\u200b{}", "{}\u200b", "\ufeff{}", "\u200e{}",
        "{}", "{}.0", "{}.00", "{},0", "{},00", '="{}"', "'{}", "0{}", "00{}", "+{}", "{}x", "x{}",
        '"{}', '{}"', '""{}""', "№{}", "{}.", "{}e0", "-{}", "{}\r", "\r{}",
    ]
)  # fmt: skip
NARROW = st.sampled_from(["", " ", "\u00a0", "\u202f", "\u2009", "\u200b", ".", ",", "'", "-"])


@st.composite
def spellings(draw, one):
    """One id as some program, or some accident, may write it."""
    how = draw(st.sampled_from(["plain", "plain", "apart", "exponent", "wide"]))
    if how == "apart":
        at = draw(st.integers(1, len(one) - 1))
        one = one[:at] + draw(NARROW) + one[at:]
    if how == "exponent":
        digits = draw(st.integers(0, 8))
        one = f"{float(one):.{digits}E}".replace(".", draw(st.sampled_from([".", ","])))
    if how == "wide":
        one = "".join(chr(0xFF10 + int(digit)) for digit in one)
    return draw(PLAIN).format(one)
