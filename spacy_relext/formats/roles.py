"""Which of the two arguments of a relation is its head, where the file names their roles.

A relation has a direction, and the order of its arguments in a file is often an accident: `Theme:T2 Cause:T1` says what `Cause:T1 Theme:T2`
says. What decides, in this order:

1. what the user says (`--roles HEAD,TAIL`);
2. the roles that are known (HEADS, TAILS), if one of the two stands in each list;
3. the number, if both roles are one name with numbers: Theme, Theme2;
4. the order in the file, if it is the same for all relations with this label and these roles in the whole input. If not, that is an error,
   also where errors are skipped: what would be left out, and the direction of the rest, would rest on the order of the files;
   but events, which name their arguments in any order, are directed as the first one with these roles, and counted.

Roles are compared without case, `-` and `_`; a trailing number is looked at first, and then left off.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from spacy_relext.errors import DataError, RelextError

# Of brat, BioC, the BioNLP shared tasks, UIMA, and the tables and graphs of relations.
HEADS = frozenset(["arg1", "e1", "head", "source", "subject", "subj", "cause", "agent", "governor", "from", "entity1", "anaphora"])
TAILS = frozenset(["arg2", "e2", "tail", "target", "object", "obj", "theme", "patient", "dependent", "to", "entity2", "antecedent"])

Argument = TypeVar("Argument")


class RolesError(DataError):
    """Nothing says which argument is the head. It concerns the whole input: what was read before has a direction by chance."""


class Roles:
    """Directs the relations of one input; it remembers the order of roles that it does not know.

    given: Pairs of roles as the user writes them, "HEAD,TAIL". orders: What another one has learned of the whole input (`orders`), where
    this one reads a part. judges: False: no order is an error, since nobody wants the relations.
    RAISES: RelextError for what are no such pairs, or contradict each other.
    """

    def __init__(self, given: Iterable[str] = (), *, orders: Iterable[Sequence[str]] = (), judges: bool = True):
        self.given = [_pair(text) for text in given]
        for head, tail in self.given:
            if (tail, head) in self.given:
                raise RelextError(f"`roles` says {head},{tail} and {tail},{head}. Expected one of them.")
        # For a label and two roles: the role that came first, and the relation that had it so.
        self._orders: dict[tuple[str, frozenset[str]], tuple[str, str]] = {
            (label, frozenset((first, second))): (first, f"{label} {first} {second}") for label, first, second in orders
        }
        self._judges = judges

    @property
    def orders(self) -> list[list[str]]:
        """What it has learned: of a label and two roles, in which order they came first."""
        return sorted([label, first, *(roles - {first} or {first})] for (label, roles), (first, _) in self._orders.items())

    def direct(
        self,
        label: str,
        arguments: Sequence[tuple[str, Argument]],
        path: Path | str | None = None,
        line: int | None = None,
        *,
        on_other_order: Callable[[], None] | None = None,
    ) -> tuple[Argument, Argument]:
        """Head and tail of a relation, from its two arguments, each with its role, as the file has them (an empty role: it has none).

        path, line: Where the relation stands.
        on_other_order: Is called instead of an error, and the relation is directed as the first one with these roles.
        RAISES: RolesError where nothing says which is which: the roles are unknown, and their order is another one than before.
        """
        (first, a), (second, b) = arguments
        forward = self._is_forward(_plain(first), _plain(second))
        if forward is None:
            forward = self._is_as_before(label, arguments, path, line, raises=on_other_order is None)
            if not forward and on_other_order is not None:
                on_other_order()
        return (b, a) if forward is False else (a, b)

    def _is_forward(self, first: str, second: str) -> bool | None:
        """Whether the first role is that of the head; None where roles do not tell."""
        known = [(frozenset({head}), frozenset({tail})) for head, tail in self.given]
        for heads, tails in [*known, (HEADS, TAILS)]:
            forward, backward = (_is_in(a, heads) and _is_in(b, tails) for a, b in ((first, second), (second, first)))
            if forward != backward:
                return forward
        (stem, number), (other, other_number) = _parted(first), _parted(second)
        return number < other_number if stem == other and number != other_number else None

    def _is_as_before(
        self, label: str, arguments: Sequence[tuple[str, object]], path: Path | str | None, line: int | None, *, raises: bool
    ) -> bool:
        """Whether the roles come in the order of the first relation with this label and these roles."""
        if not self._judges:
            return True
        first, second = (_plain(role) for role, _ in arguments)
        shown = f"{label} {' '.join(f'{role}:{argument}' for role, argument in arguments)}"
        place = f"{path}:{line}" if line is not None else f"{path}"
        came_first, before = self._orders.setdefault((label, frozenset({first, second})), (first, f"{shown} ({place})"))
        if came_first != first and raises:
            a, b = (role for role, _ in arguments)
            raise RolesError(
                f"which argument is the head? Saw {shown!r} here, and in the other order {before!r}. Say which role is that of the head, "
                f"and which that of the tail: `roles=['{a},{b}']` or `roles=['{b},{a}']`.",
                path=path,
                line=line,
            )
        return came_first == first


def _pair(text: str) -> tuple[str, str]:
    names = text.split(",") if isinstance(text, str) else ()
    head, tail = map(_plain, names) if len(names) == 2 else ("", "")
    if not head or not tail or head == tail:
        raise RelextError(f"`roles` is {text!r:.60}; expected the role of the head, a comma, and that of the tail: Cause,Theme.")
    return head, tail


def _plain(role: str) -> str:
    return re.sub(r"[-_\s]", "", role).casefold()


def _parted(role: str) -> tuple[str, int]:
    """A role without its number, and the number; -1 for none."""
    stem = role.rstrip("0123456789")
    return (stem, int(role[len(stem) :][-18:] or -1)) if stem else (role, -1)


def _is_in(role: str, names: frozenset[str]) -> bool:
    return role in names or _parted(role)[0] in names
