"""Are reasons beyond noise, and does the interval of an importance hold?

Four studies, each where the truth is known; each of the families is searched and calibrated as in
`train`, with fewer candidates.

permuted    The labels of DATA are permuted, so that behaviour tells nothing: a customer who has a
            reason all the same is an error. The grade, which would give nobody a reason here, is
            left out.
shuffled    In simulated shops half of the columns are dealt out anew among the customers, the
            others are as they are: how many customers have a reason, and how many a false one?
steady      The floor of one and the same model by six seeds.
importance  Fresh simulated shops: how often does a shop's interval hold the mean over all shops?

Beside the floor as used stands the rule it took the place of ("columns"): the 95th percentile of
what three columns of noise, added to the others, contribute.

Usage: python benchmarks/reasons.py FOLDER [--studies permuted shuffled steady importance]
    [--families logistic extra_trees boosting] [--draws 20] [--shops 12] [--folds 5]
where FOLDER holds the four exports.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from shops import CustomersOf, customers_of, labelled, of_project
from sklearn.base import clone

from retention.core.hashing import dealt
from retention.core.progress import progress
from retention.core.running import stage
from retention.core.vocabulary import LABEL, REASON_RANKS
from retention.explanation.explainer import Again, explainer, refit_explainer
from retention.explanation.importance import AbsoluteSums, mean_contributions
from retention.explanation.noise_floor import ERROR, noise_floor, permuted_peaks
from retention.explanation.reasons import find_reasons, typical_among
from retention.explanation.refits import REFITS, fold_of, refit_without_folds
from retention.explanation.roles import Roles, roles_of
from retention.explanation.shap_values import Attributions
from retention.models.estimators import RiskModel
from retention.models.selection import train_model
from retention.stats.effects import wilson
from simulation.shop import simulate_customers

SHOWN = 8
"""Features on the page."""


@dataclass(frozen=True)
class Shop:
    """Labelled customers and a model of them.

    Attributes
    ----------
    table : DataFrame
        ``split``, ``scored``, ``twin_key``, ``drop``, features and ``risk``.
    names : list of str
        Features.
    model : RiskModel
    """

    table: pd.DataFrame
    names: list[str]
    model: RiskModel

    @property
    def features(self) -> pd.DataFrame:
        """The customers' values."""
        return self.table[self.names]

    @property
    def roles(self) -> Roles:
        """Which rows play which part."""
        return roles_of(self.table.assign(out_of_fold=self.table["split"] == "train"))

    @property
    def train(self) -> np.ndarray:
        """Rows of the training customers."""
        return training(self.table)

    @property
    def label(self) -> np.ndarray:
        """Outcomes of the training customers."""
        return self.table[LABEL].iloc[self.train].to_numpy("int64")

    @property
    def key(self) -> np.ndarray:
        """Behaviour keys of the training customers."""
        return self.table["twin_key"].to_numpy()[self.train]

    @cached_property
    def found(self) -> Attributions:
        """What the explain stage finds of everyone."""
        everyone, options = np.arange(len(self.table)), of_project()[1].explain
        return explainer(self.table, options, self.roles)(self.model, self.features, everyone)

    @property
    def again(self) -> Again:
        """What explains refits as the model was explained."""
        return self.again_of(self.features)

    def again_of(self, features: pd.DataFrame) -> Again:
        """Return what explains refits of other features as the model was explained."""
        how = {"explained": len(self.found.values)}
        options, method = of_project()[1].explain, self.found.method
        return refit_explainer(self.table, features, method, options, self.roles, **how)

    def peaks(self, *, seed: int, **how: int) -> np.ndarray:
        """Return the strongest contributions of refits on permuted outcomes."""
        again, everyone = self.again, np.arange(len(self.table))
        return permuted_peaks(
            self.model,
            self.features.iloc[self.train],
            self.label,
            self.key,
            explained=lambda model: again(model, everyone),
            seed=seed,
            **how,
        )

    def columns_floor(self, *, seed: int) -> float:
        """Return the 95th percentile of what three added columns of noise contribute."""
        numbers = list(self.features.select_dtypes("number"))
        key = self.table["twin_key"].to_numpy()
        added = {
            f"noise_{place}": self.features[name].to_numpy("float64")[
                dealt(key, seed=seed, purpose=f"noise {place}")
            ]
            for place, name in enumerate(numbers[:15:5])
        }
        wide = self.features.assign(**added)
        pipeline = clone(self.model.pipeline)
        (first, scaled, old), *others = pipeline.named_steps["prepare"].transformers
        pipeline.named_steps["prepare"].set_params(
            transformers=[(first, scaled, [*old, *added]), *others]
        )
        pipeline.fit(wide.iloc[self.train], self.label)
        model = RiskModel(**{**self.model.get_params(deep=False), "pipeline": pipeline})
        values = self.again_of(wide)(model, np.arange(len(wide)))
        return float(values[list(added)].abs().stack().quantile(1 - ERROR))

    def reasons(self, floor: float) -> pd.DataFrame:
        """Return each explained customer's reasons, rows as explained."""
        own = self.features.loc[self.found.values.index]
        loyal = self.features.iloc[self.train][self.label == 0]
        typical = typical_among(self.names, loyal.__getitem__).beside(own)
        found = find_reasons(self.found.values, own, typical, threshold=floor)
        return found[list(REASON_RANKS)]


def training(table: pd.DataFrame) -> np.ndarray:
    """Return the rows of the training customers."""
    return np.flatnonzero((table["split"] == "train") & table["scored"])


def learnt(customers: CustomersOf, family: str, *, candidates: int = 3) -> Shop:
    """Return the shop with a model of `family`, searched and calibrated on training customers."""
    _, params = of_project()
    table, names = customers.table, customers.features
    rows = training(table)
    model = train_model(
        table[names].iloc[rows],
        table[LABEL].iloc[rows].to_numpy("int64"),
        table["twin_key"].to_numpy()[rows],
        train=params.train.model_copy(
            update={
                "model": family,
                "families": [family],
                "candidates": candidates,
                "comparisons": 1,
                "jobs": 1,
            }
        ),
        models=params.models,
        words=customers.words,
        quiet=True,
    ).model
    return Shop(table.assign(risk=model.risk(table[names])), names, model)


def fresh(count: int, *, seed: int) -> CustomersOf:
    """Return simulated customers, all labelled."""
    return customers_of(simulate_customers(count, unlabelled=0, seed=seed).customers)


def permuted_study(folder: Path, families: list[str], draws: int) -> None:
    """Print the share of customers who have a reason where behaviour tells nothing."""
    least = of_project()[1].explain.least_reason
    print(f"permuted: customers with a reason, {draws} permutations of the labels of {folder}")
    print("| family | least reason | mean (95 % interval of the mean) | by draw | columns |")
    print("|---|---|---|---|---|")
    known = labelled(folder)
    for family in families:
        rates: dict[object, list[float]] = {0.0: [], least: [], "columns": []}
        for draw in progress(range(draws), what="permuted", unit="draws"):
            rng = np.random.default_rng(draw)
            table = known.table.assign(**{LABEL: rng.permutation(known.table[LABEL])})
            shop = learnt(CustomersOf(table, known.features, known.words), family)
            peaks = shop.peaks(seed=1)
            floors = {floor: noise_floor(peaks, least=floor) for floor in (0.0, least)}
            for floor, used in (floors | {"columns": shop.columns_floor(seed=1)}).items():
                rates[floor].append(float(shop.reasons(used)["reason_1"].notna().mean()))
        for floor in (0.0, least):
            told = np.array(rates[floor])
            half = 2.09 * told.std(ddof=1) / np.sqrt(draws)
            print(
                f"| {family} | {floor:g} | {told.mean():.1%} ({max(0, told.mean() - half):.1%} to "
                f"{told.mean() + half:.1%}) | {told.min():.1%} to {told.max():.1%} "
                f"| {np.mean(rates['columns']):.1%} |",
                flush=True,
            )


def half_shuffled(customers: CustomersOf, *, seed: int) -> tuple[CustomersOf, list[str]]:
    """Return the customers with half of their columns dealt out anew, and these columns."""
    rng = np.random.default_rng(seed)
    names = [name for name in customers.features if name != "consent"]
    false = sorted(rng.choice(names, len(names) // 2, replace=False))
    table = customers.table.copy()
    table[false] = table[false].to_numpy(dtype=object)[rng.permutation(len(table))]
    table = table.astype(customers.table[false].dtypes.to_dict())
    return CustomersOf(table, customers.features, customers.words), false


def shuffled_study(families: list[str], shops: int) -> None:
    """Print how many customers have a reason, and a false one, where half of the columns are."""
    least = of_project()[1].explain.least_reason
    print(f"shuffled: half of the columns know nothing, {shops} shops of 1,300 customers")
    print(
        "| family | floor | log-odds | customers with a reason | of those called at risk "
        "| with a false one | reasons that are true |\n|---|---|---|---|---|---|---|"
    )
    for family in families:
        rows = []
        for seed in progress(range(shops), what="shuffled", unit="shops"):
            customers, false = half_shuffled(fresh(1300, seed=100 + seed), seed=seed)
            shop = learnt(customers, family)
            floors = {
                "as used": noise_floor(shop.peaks(seed=1), least=least),
                "columns": shop.columns_floor(seed=1),
            }
            risky = shop.table.loc[shop.found.values.index, "risk"] >= 0.5
            for kind, floor in floors.items():
                given = shop.reasons(floor)
                wrong = given.isin(false)
                any_ = given["reason_1"].notna()
                rows.append(
                    {
                        "kind": kind,
                        "floor": floor,
                        "any": any_.mean(),
                        "risky": any_[risky].mean(),
                        "false": wrong.any(axis=1).mean(),
                        "true": 1 - wrong.to_numpy().sum() / max(1, given.notna().to_numpy().sum()),
                    }
                )
        for kind, row in pd.DataFrame(rows).groupby("kind").mean().iterrows():
            print(
                f"| {family} | {kind} | {row['floor']:.2f} | {row['any']:.1%} | {row['risky']:.1%} "
                f"| {row['false']:.1%} | {row['true']:.1%} |",
                flush=True,
            )


def steady_study(folder: Path, families: list[str]) -> None:
    """Print the floor of one model by six seeds."""
    print("steady: the floor of one and the same model by six seeds, log-odds")
    print("| family | as used | highest by lowest | columns | highest by lowest |")
    print("|---|---|---|---|---|")
    for family in families:
        shop = learnt(labelled(folder), family)
        floors = {
            "as used": [noise_floor(shop.peaks(seed=seed), least=0) for seed in range(6)],
            "columns": [shop.columns_floor(seed=seed) for seed in range(6)],
        }
        told = [
            f"{min(some):.3f} to {max(some):.3f} | {max(some) / min(some):.2f}"
            for some in floors.values()
        ]
        print(f"| {family} | {' | '.join(told)} |", flush=True)


def importances(shop: Shop, folds: int, *, level: float = 0.95) -> Iterator[pd.DataFrame]:
    """Give the table of the features and that of the groups, as explain tells them."""
    columns, _ = of_project()
    groups = {name: columns.by_name[name].group for name in shop.names}
    refits = refit_without_folds(
        shop.model, shop.features.iloc[shop.train], shop.label, shop.key, folds=folds, seed=1
    )
    fold = fold_of(shop.table["twin_key"].to_numpy(), folds=folds, seed=1)
    parts = [shop.again(one.model, np.flatnonzero(fold != one.fold)) for one in refits]
    yield from mean_contributions(
        AbsoluteSums.of(shop.found.values, groups), parts, groups, level=level
    )


def spread_over_customers(values: pd.Series) -> float:
    """Return the half width of the interval that only resamples customers."""
    return 1.96 * float(values.std()) / np.sqrt(len(values))


def importance_study(families: list[str], shops: int, folds: list[int]) -> None:
    """Print how often the interval of a mean contribution holds the mean over fresh shops."""
    print(f"importance: 95 % intervals of {shops} fresh shops of 1,300 customers each")
    print(
        "| family | of | folds | hold the mean of all shops | half width by spread over shops "
        "| resampling customers only |\n|---|---|---|---|---|---|"
    )
    for family in families:
        settled = learnt(fresh(1300, seed=999), family)
        tables: dict[int, list[pd.DataFrame]] = {count: [] for count in folds}
        groups: dict[int, list[pd.DataFrame]] = {count: [] for count in folds}
        naive = []
        for seed in progress(range(shops), what="importance", unit="shops"):
            customers = fresh(1300, seed=200 + seed)
            rows = training(customers.table)
            label = customers.table[LABEL].iloc[rows].to_numpy("int64")
            pipeline = clone(settled.model.pipeline)
            pipeline.fit(customers.table[settled.names].iloc[rows], label)
            model = RiskModel(**{**settled.model.get_params(deep=False), "pipeline": pipeline})
            risk = model.risk(customers.table[settled.names])
            shop = Shop(customers.table.assign(risk=risk), settled.names, model)
            for count in folds:
                table, by_group = importances(shop, count)
                tables[count].append(table.sort_index())
                groups[count].append(by_group.sort_index())
            naive.append(shop.found.values.abs().apply(spread_over_customers).sort_index())
        shown = [np.argsort(-one["mean_abs"].to_numpy())[:SHOWN] for one in tables[folds[0]]]
        width = len(tables[folds[0]][0])
        kinds = {
            "all features": (tables, [np.arange(width)] * shops),
            "the strongest, as on the page": (tables, shown),
            "groups": (groups, [np.arange(len(groups[folds[0]][0]))] * shops),
        }
        for of, (found, places) in kinds.items():
            for count in folds:
                mean, low, high = (
                    np.array([one[name] for one in found[count]])
                    for name in ("mean_abs", "low", "high")
                )
                true, spread = mean.mean(axis=0), mean.std(axis=0, ddof=1)
                held = np.concatenate(
                    [
                        (low[shop, some] <= true[some]) & (true[some] <= high[shop, some])
                        for shop, some in enumerate(places)
                    ]
                )
                least, most = wilson(held.mean(), held.size, level=0.95)
                half = np.median((high - mean).mean(axis=0) / spread)
                alone = ""
                if of != "groups":
                    alone = f"{np.median(np.mean(naive, axis=0) / spread):.2f}"
                print(
                    f"| {family} | {of} | {count} | {held.mean():.1%} ({least:.1%} to {most:.1%}) "
                    f"| {half:.2f} | {alone} |",
                    flush=True,
                )


@stage
def main() -> None:
    """Print the tables of the studies asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--studies", nargs="+", default=["permuted", "shuffled", "steady", "importance"]
    )
    parser.add_argument("--families", nargs="+", default=["logistic", "extra_trees", "boosting"])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--shops", type=int, default=12)
    parser.add_argument("--folds", type=int, nargs="+", default=[REFITS])
    options = parser.parse_args()
    folder = options.folder.resolve()
    studies: dict[str, Callable[[], None]] = {
        "permuted": lambda: permuted_study(folder, options.families, options.draws),
        "shuffled": lambda: shuffled_study(options.families, options.shops),
        "steady": lambda: steady_study(folder, options.families),
        "importance": lambda: importance_study(options.families, options.shops, options.folds),
    }
    for name in options.studies:
        studies[name]()
        print()


if __name__ == "__main__":
    main()
