"""The measurement of a campaign as a page to read."""

from collections.abc import Mapping
from typing import Any

from retention.core.arms import Arm
from retention.core.vocabulary import ASSUMED_EFFECT
from retention.data.matching import Match
from retention.measurement.ab_test import MIN_GROUP, MIN_POOLED

Found = Mapping[str, Any]
_ARMS = (Arm.CONTROL, Arm.TREATMENT)
"""The arms as tables show them, from left to right."""


def as_markdown(content: Found, *, alone: bool = True) -> str:
    """Return the measurement as Markdown.

    Parameters
    ----------
    content : mapping
        What measured.json holds.
    alone : bool
        Whether effects for the next campaign are to follow from this one alone.
    """
    if content.get("left_out"):
        return f"# What the campaign did\n\nLeft out: {content['left_out_why']}."
    parts = [_who_answered(content)]
    if content["drop"]:
        parts += [_drops(content), _money(content["money"])]
        if alone:
            parts.append(next_campaign(content))
    parts += [_amounts(name, content[name]) for name in ("revenue", "profit") if content[name]]
    return "\n\n".join(["# What the campaign did", *parts])


def _who_answered(content: Found) -> str:
    lines = [f"| | {' | '.join(_ARMS)} |", "|---|---:|---:|"]
    rows = {"on the list": "listed", "mean risk before, %": "mean_risk"}
    rows |= {f"{name} known": f"{name}_known" for name in content["missing_p"]}
    rows["drop share as it came, %"] = "drop_share"
    for name, key in rows.items():
        cells = content["arms"].get(key)
        if cells:
            shown = [
                "" if c is None else f"{100 * c:.1f}" if isinstance(c, float) else str(c)
                for c in (cells[arm] for arm in _ARMS)
            ]
            lines.append(f"| {name} | {' | '.join(shown)} |")
    split = content["split"]
    notes = [
        str(Match(**content["matched"])) + ".",
        f"The split fits campaign.control_share {split['control_share']:g} "
        f"(p = {split['p']:.2g}; in segments at least {split['least_segment_p']:.2g}).",
    ]
    if content["not_on_list"]:
        notes.append(
            f"{content['not_on_list']} customers of the file are not on the list and were left "
            f"out, such as {content['not_on_list_example']}."
        )
    if content["repeated_rows"]:
        notes.append(f"{content['repeated_rows']} rows stood twice and were counted once.")
    for name, p in content["missing_p"].items():
        listed, known = content["arms"]["listed"], content["arms"][f"{name}_known"]
        lost = {arm: listed[arm] - known[arm] for arm in Arm}
        missing = (
            f"{name} is missing for {lost[Arm.CONTROL]} customers in control and "
            f"{lost[Arm.TREATMENT]} in treatment"
        )
        if p < 0.05:
            notes.append(
                f"**Warning:** {missing}, more unevenly than chance would have it (p = {p:.2g}); "
                "if those who are missing did otherwise than the rest, the effects below are off."
            )
        elif any(lost.values()):
            notes.append(f"{missing}, no more unevenly than by chance (p = {p:.2g}).")
    return "\n".join(lines) + "\n\n" + "\n".join(notes)


def _drops(content: Found) -> str:
    lines = [
        "## Drops",
        "",
        "| who | control | treatment | dropped in control, % | dropped in treatment, % "
        "| difference, points (95 %) | share of drops prevented, % (95 %) | verdict |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    told, untold = _parted(content["drop"])
    for who, found in told:
        share = found["prevented"]
        prevented = "" if share is None else f"{100 * share:+.1f} ({_range(found, 'prevented')})"
        lines.append(
            f"| {who} | {_customers(found)} | {_means(found, 100)} "
            f"| {100 * found['difference']:+.1f} ({_range(found, 'difference')}) "
            f"| {prevented} | {_verdict(found, ('fewer drops', 'more drops'))} |"
        )
    lines += [
        "",
        "Adjusted for the risk told before the campaign; each interval for itself.",
        *untold,
    ]
    pooled = content["drop"]["pooled"]["everyone"]
    if "smallest" in pooled:
        lines.append(
            f"With 80 % chance this campaign would show a difference of "
            f"{100 * pooled['smallest']:.1f} points in the drop share of everyone."
        )
    return "\n".join(lines)


def _parted(groups: Found) -> tuple[list[tuple[str, Found]], list[str]]:
    """Return the groups with an effect, and sentences about those too small to have one."""
    told, untold = [], []
    for kind in ("pooled", "offer", "segment"):
        for name, found in groups[kind].items():
            who = name if kind == "pooled" else f"{kind} {name}"
            if "difference" in found:
                told.append((who, found))
            else:
                untold.append((kind, f"{who} {_customers(found, ' and ')}"))
    sentences = []
    for kinds, least in ((("pooled",), MIN_POOLED), (("offer", "segment"), MIN_GROUP)):
        small = [who for kind, who in untold if kind in kinds]
        if small:
            sentences.append(
                f"Cannot be told, as {least} an arm are needed (control and treatment): "
                f"{', '.join(small)}."
            )
    return told, sentences


def _customers(found: Found, between: str = " | ") -> str:
    return between.join(str(found[arm]) for arm in _ARMS)


def _means(found: Found, scale: float = 1) -> str:
    return " | ".join(f"{scale * found[f'mean_{arm}']:.1f}" for arm in _ARMS)


def _range(found: Found, key: str, scale: float = 100) -> str:
    low, high = found[f"{key}_low"], found[f"{key}_high"]
    return "no limits" if low is None else f"{scale * low:+.1f} to {scale * high:+.1f}"


def _verdict(found: Found, words: tuple[str, str]) -> str:
    if found["difference_high"] < 0:
        return words[0]
    return words[1] if found["difference_low"] > 0 else "cannot be told"


def _money(found: Found | None) -> str:
    if found is None:
        return f"## Money\n\nCannot be told: {MIN_POOLED} customers an arm are needed."
    net = [found[key] - found["cost"] for key in ("saved", "saved_low", "saved_high")]
    verdict = "cannot be told whether it paid"
    if net[1] > 0:
        verdict = "it paid"
    elif net[2] < 0:
        verdict = "it did not pay"
    return (
        "## Money\n\nIn the unit of profit, the treatment arm together: kept "
        f"{found['saved']:.2f} ({found['saved_low']:.2f} to {found['saved_high']:.2f}), cost "
        f"{found['cost']:.2f}, net {net[0]:.2f} ({net[1]:.2f} to {net[2]:.2f}): {verdict}."
    )


def next_campaign(content: Found) -> str:
    """Return the effects to use next; of `content` it takes those and what was assumed."""
    offers = content["offers"]
    if not content["effects_on_list"]:
        return (
            "## For the next campaign\n\nCannot be told: the list does not say which effects were "
            "assumed when it was made. offers.yaml may hold these very answers by now, which would "
            f"count twice. Add a column {ASSUMED_EFFECT} to the list: the effect of each offer in "
            "the offers.yaml of the commit that made it."
        )
    if not offers:
        return "## For the next campaign\n\nNothing can be told: the assumed effects stay."
    lines = [
        "## For the next campaign",
        "",
        "| offer | assumed effect | effect to use | 95 % | rests on |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [
        f"| {code} | {found['assumed']:g} | {found['use']:.3f} "
        f"| {found['low']:.3f} to {found['high']:.3f} | {found['rests_on']} |"
        for code, found in offers.items()
    ]
    lines += [
        "",
        "Shrunk towards the effects that were assumed before anything was measured, all moved by "
        "what the offers show together. The interval holds how far an offer may be from the "
        "others.",
    ]
    lines += [
        f"**Warning:** offers.yaml says {effect:g} of {code} today, the list assumed "
        f"{offers[code]['assumed']:g}: it was changed since. If another campaign was measured "
        "there, the effect to use, which knows nothing of it, would take its place."
        for code, effect in content["changed_since"].items()
    ]
    return "\n".join(lines)


def _amounts(name: str, content: Found) -> str:
    lines = [
        f"## {name.capitalize()}",
        "",
        "| who | control | treatment | mean in control | mean in treatment | difference (95 %) "
        "| verdict |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    told, untold = _parted(content)
    lines += [
        f"| {who} | {_customers(found)} "
        f"| {_means(found)} "
        f"| {found['difference']:+.1f} "
        f"({_range(found, 'difference', 1)}) "
        f"| {_verdict(found, (f'less {name}', f'more {name}'))} |"
        for who, found in told
    ]
    return "\n".join([*lines, "", "Adjusted for the risk told before the campaign.", *untold])
