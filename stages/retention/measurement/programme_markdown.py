"""What all measured campaigns show together, as a page to read."""

from collections.abc import Iterable, Mapping
from typing import Any

from retention.core.arms import Arm
from retention.measurement.ab_test import MIN_POOLED
from retention.measurement.markdown import next_campaign
from retention.measurement.pooling import FEWER, MIN_CELL, MORE, UNTOLD

Told = Mapping[str, Any]
_DROPS = {FEWER: "fewer drops", MORE: "more drops", UNTOLD: "cannot be told"}
_PAID = {"paid": "it paid", "not_paid": "it did not pay", UNTOLD: "cannot be told whether it paid"}
_REASONS = {
    "broken_split": "its split is broken",
    "one_arm": "it has one arm only",
    "no_drops": "nobody's drop is known",
    "few_members": "too few members of the global control have an outcome",
}


def programme_markdown(content: Told) -> str:
    """Return the programme as Markdown; `content` is what programme.json holds."""
    parts = [_campaigns(content["campaigns"]), _pooled(content), _kept(content)]
    parts += [_against_global(content["programme"]), _moved(content), _power(content["next"])]
    told = content["catalogue"]
    parts.append(
        next_campaign(
            {
                "offers": told["effects"],
                "effects_on_list": True,
                "changed_since": told["changed_since"],
            }
        )
    )
    if told["unknown_offers"]:
        parts.append(
            f"**Warning:** offers.yaml has no {', '.join(told['unknown_offers'])} any more. What "
            "was measured of it stands under its own code and goes to no other; an offer that was "
            "renamed keeps what was learnt if it gets its code back."
        )
    return "\n\n".join(part for part in parts if part)


def _campaigns(campaigns: Iterable[Told]) -> str:
    lines = [
        "# What all campaigns did",
        "",
        "| campaign | from | control | treatment | global control | difference, points (95 %) "
        "| share of drops prevented, % (95 %) | verdict |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    notes = []
    for one in campaigns:
        counts = " | ".join(str(one["answered"][key]) for key in (*_ARMS, "global_control"))
        drop = one["drop"]
        cells = " | | cannot be told"
        if one["left_out"]:
            cells = " | | left out"
            notes.append(f"Left out: {one['name']}, {one['left_out_why']}.")
        elif drop:
            cells = (
                f"{_share(drop, 'difference', 'low', 'high')} "
                f"| {_share(drop, 'prevented', 'prevented_low', 'prevented_high')} "
                f"| {_DROPS[drop['verdict']]}"
            )
        lines.append(f"| {one['name']} | {one['date']} | {counts} | {cells} |")
    return "\n".join([*lines, *([""] if notes else []), *notes])


_ARMS = (str(Arm.CONTROL), str(Arm.TREATMENT))


def _pooled(content: Told) -> str:
    pooled = content["pooled"]
    lines = [
        "## Drops, campaigns together",
        "",
        "| who | campaigns | answers, control | answers, treatment | difference, points (95 %) "
        "| share of drops prevented, % (95 %) | spread between campaigns, % | verdict |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    untold = []
    groups = [("everyone", pooled["all"])]
    for kind in ("offers", "channels", "segments"):
        groups += [(f"{kind[:-1]} {name}", found) for name, found in pooled[kind].items()]
    for who, found in groups:
        counts = " | ".join(str(found[arm]) for arm in _ARMS)
        if found["prevented"] is None:
            untold.append(f"{who} {counts.replace(' | ', ' and ')}")
            continue
        spread = "" if found["tau"] is None else f"{100 * found['tau']:.1f}"
        lines.append(
            f"| {who} | {found['campaigns']} | {counts} "
            f"| {_share(found, 'difference', 'difference_low', 'difference_high')} "
            f"| {_share(found, 'prevented', 'low', 'high')} | {spread} "
            f"| {_DROPS[found['verdict']]} |"
        )
    several, so_far = pooled["all"]["campaigns"] > 1, pooled["all"]["so_far"]
    note = "One campaign tells what it did itself; what such campaigns do on average takes two."
    if several:
        note = (
            "What such campaigns do on average, where they may differ: random effects, the spread "
            f"between campaigns summed over a half-normal prior ({content['method']['source']})."
        )
    lines += ["", note]
    if several and so_far:
        lines.append(
            f"These very campaigns prevented {_share(so_far, 'prevented', 'low', 'high')} % of the "
            f"drops that their lists would have had: {_DROPS[so_far['verdict']]}."
        )
    small = [
        f"{who} in {', '.join(found['too_small'])}"
        for who, found in groups
        if found["too_small"] and found["prevented"] is not None
    ]
    if small:
        lines.append(
            f"Not counted, as fewer than {MIN_CELL} an arm have an outcome: {'; '.join(small)}."
        )
    if untold:
        lines.append(
            "Cannot be told, as too few have an outcome (answers, control and treatment): "
            f"{', '.join(untold)}."
        )
    for name in ("revenue", "profit"):
        found = pooled["all"][name]
        if found:
            verdict = {MORE: f"more {name}", FEWER: f"less {name}"}.get(
                found["verdict"], "cannot be told"
            )
            lines.append(
                f"{name.capitalize()} a customer, {_count(found['campaigns'])}: "
                f"{found['difference']:+.1f} ({found['low']:+.1f} to {found['high']:+.1f}): "
                f"{verdict}."
            )
    return "\n".join(lines)


def _kept(content: Told) -> str:
    money = content["money"]
    if money is None:
        return "## Money, campaigns together\n\nCannot be told."
    return (
        f"## Money, campaigns together\n\n{_count(money['campaigns'])}, in the unit of profit: "
        f"{_sum(money)}"
    )


def _sum(money: Told) -> str:
    return (
        f"kept {money['saved']:.2f} ({money['low']:.2f} to {money['high']:.2f}), cost "
        f"{money['cost']:.2f}: {_PAID[money['verdict']]}."
    )


def _against_global(found: Told) -> str:
    lines = ["## Against the global control", ""]
    # A member may have been recorded by several campaigns.
    known = [f"{one['global_control']} answers in {one['name']}" for one in found["campaigns"]]
    for who, name in (("listed", "everybody listed, of both arms"), ("treatment", "the treated")):
        effect = found[who]
        if effect["prevented"] is None:
            lines.append(
                f"Of {name} it cannot be told: "
                f"{', '.join(known) or 'no outcome is known'} of the global control; needed are "
                f"{MIN_CELL} in a campaign, and {MIN_POOLED} over all campaigns."
            )
            continue
        lines.append(
            f"Of the drops of {name} {_share(effect, 'prevented', 'low', 'high')} % were prevented "
            f"({_count(effect['campaigns'])}, {effect[who]} answers against "
            f"{effect['global_control']}): {_DROPS[effect['verdict']]}."
        )
    if found["money"]:
        lines.append(f"In the unit of profit: {_sum(found['money'])}")
    left_out = [one for one in found["campaigns"] if one["left_out"]]
    lines += [f"Left out: {one['name']}, {_REASONS[one['left_out']]}." for one in left_out]
    return "\n".join(lines)


def _moved(content: Told) -> str:
    rows = [
        f"| {code} | {segment} | {found['control']} | {found['treatment']} "
        f"| {_share(found, 'prevented', 'low', 'high')} | {100 * found['others']:+.1f} "
        f"| {_share(found, 'difference', 'difference_low', 'difference_high')} "
        f"| {_MOVED[found['verdict']]} | {found['more_treated']} |"
        for code, segments in content["offer_by_segment"].items()
        for segment, found in segments.items()
    ]
    asked = content["interaction"]
    if not rows:
        return "## Who is moved\n\nCannot be told of any offer: too few in each segment."
    return "\n".join(
        [
            "## Who is moved",
            "",
            "| offer | segment | answers, control | answers, treatment | prevented there, % (95 %) "
            "| of its other customers, % | difference, points (95 %) | verdict | more to treat |",
            "|---|---|---:|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
            "More to treat: customers of the offer, until a difference of "
            f"{100 * asked['difference']:.0f} points is found with {100 * asked['power']:.0f} % "
            "chance, be it the first of all rows to be found. Until then nobody is chosen by it. "
            "Verdicts allow for the number of rows (Holm).",
        ]
    )


_MOVED = {MORE: "more there", FEWER: "fewer there", UNTOLD: "cannot be told"}


def _power(found: Told | None) -> str:
    if found is None or found["alone"] is None:
        return ""
    together = ""
    if found["pooled"] is not None:
        together = f"; with those that were measured from {100 * found['pooled']:.1f} %"
    return (
        f"## The next campaign\n\nThe list of today has {found['customers']} customers. By itself "
        f"it shows an effect from {100 * found['alone']:.1f} % of the drops prevented on{together}."
    )


def _share(found: Told, name: str, low: str, high: str) -> str:
    ends = "no limits"
    if found[low] is not None:
        ends = f"{100 * found[low]:+.1f} to {100 * found[high]:+.1f}"
    return f"{100 * found[name]:+.1f} ({ends})"


def _count(campaigns: int) -> str:
    return f"{campaigns} campaign{'s' if campaigns != 1 else ''}"
