"""What to do where a recipe fails: other recipes are tried before one of them is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from convert import recipes
from convert.console import Console
from convert.errors import BuildError, RecipeFailed
from convert.recipes import Recipe

if TYPE_CHECKING:
    from convert.trial import Trial

# Those that compute in floating point and need no photos, the smallest file first.
_OTHERS: Final = ("dynamic", "float16", "float32")


def convert(recipe: Recipe, attempt: Callable[[Recipe], Trial], console: Console) -> Trial:
    """What `attempt`, which converts and validates, makes of a recipe.

    Raises what it raises; a RecipeFailed with what the other recipes come to, as they were tried.
    """
    try:
        return attempt(recipe)
    except RecipeFailed as failure:
        console.say(f"  {recipe.name} failed; other recipes are tried")
        raise _advised(failure, recipe, attempt) from failure


def _advised(
    failure: RecipeFailed, recipe: Recipe, attempt: Callable[[Recipe], Trial]
) -> RecipeFailed:
    failed: list[str] = []
    missed: list[Trial] = []
    for name in _OTHERS:
        if name == recipe.name:
            continue
        try:
            trial = attempt(recipes.get(name))
        except BuildError:
            failed.append(name)
            continue
        if trial.judged.passed:
            return RecipeFailed(f"{failure} {_passes(trial, recipe)}")
        missed.append(trial)
    if missed:
        best = max(missed, key=lambda trial: trial.judged.agreement)
        return RecipeFailed(
            f"{failure} Of the other recipes, which were tried, none is inside the budget: "
            f"{_share(best)}."
        )
    return RecipeFailed(
        f"{failure} {_listed(failed)} were tried and fail as well: the model itself has to change."
    )


def _passes(trial: Trial, recipe: Recipe) -> str:
    # It takes calibration photos, as this recipe does.
    auto = "; --recipe auto compares all that work" if recipe.needs_calibration else ""
    return f"Use --recipe {trial.draft.recipe.name}, which passes ({_share(trial)}){auto}."


def _share(trial: Trial) -> str:
    judged = trial.judged
    return (
        f"{trial.draft.recipe.name} gives the original's answer on {judged.agreement:.1%} of "
        f"{judged.samples} photos"
    )


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
