"""What was probably meant by a name that is not known: "(did you mean RUN?)"."""

from collections.abc import Iterable

_TOO_FAR = 3  # BuildKit's, which has it from HCL


def suggest(name: str, known: Iterable[str], *, any_case: bool = False) -> str:
    """The nearest of `known`, "" when none is near or `name` is one of them.

    `any_case`: case is not compared, and the answer is in the case of `name`.
    """
    wanted = name.lower() if any_case else name
    best, best_distance = "", (_TOO_FAR, 0)
    for option in sorted(known):
        other = option.lower() if any_case else option
        if other == wanted:
            return ""
        if abs(len(other) - len(wanted)) < _TOO_FAR:
            # Of equally near ones the one that has two letters swapped: RNU is RUN rather than ENV.
            distance = _distance(wanted, other), _distance(wanted, other, swaps=True)
            if distance < best_distance:
                best, best_distance = other, distance
    if any_case and best:
        return best.upper() if name == name.upper() else best
    return best


def did_you_mean(message: str, name: str, known: Iterable[str], *, any_case: bool = False) -> str:
    """The message, with a suggestion if there is one."""
    match = suggest(name, known, any_case=any_case)
    return f"{message} (did you mean {match}?)" if match else message


def _distance(one: str, other: str, *, swaps: bool = False) -> int:
    """Levenshtein's; with `swaps`, two neighbours that changed places count once."""
    rows = [list(range(len(other) + 1))]
    for i, char in enumerate(one, 1):
        row = [i]
        for j, against in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (char != against))
            if swaps and i > 1 and j > 1 and char == other[j - 2] and one[i - 2] == against:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
