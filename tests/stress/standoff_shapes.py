"""Corpora of .txt files with annotation beside them: events of syntheses, nested mentions in Russian, events of the BioNLP shared tasks.

Shaped after the annotated materials syntheses (Mysore et al., LAW 2019: operations as events with any number of arguments, relations
between them), NEREL (Loukachevitch et al., RANLP 2021: nested mentions, many relations, some of the same characters, links to Wikidata),
and the GENIA event task (Kim et al., BioNLP-ST 2011: events of events, negation and speculation).
"""

from collections import Counter
from itertools import combinations, pairwise
from random import Random

from spacy_relext.formats import standoff
from spacy_relext.formats.offsets import DISCONTINUOUS
from spacy_relext.formats.types import SAME_PLACE, SELF
from tests.stress.shape import Shape


class Standoff:
    """A text that grows, and the lines that annotate it."""

    def __init__(self) -> None:
        self.text = ""
        self.lines: list[str] = []
        self.places: dict[str, list[tuple[int, int]]] = {}
        self._numbers: Counter[str] = Counter()

    def say(self, words: str) -> tuple[int, int]:
        """Put words behind the text; their place."""
        start = len(self.text) + bool(self.text)
        self.text += f" {words}" if self.text else words
        return start, start + len(words)

    def mention(self, kind: str, *places: tuple[int, int]) -> str:
        """A mention at some places of the text."""
        offsets = ";".join(f"{start} {end}" for start, end in places)
        name = self.line("T", f"{kind} {offsets}\t{' '.join(self.text[start:end] for start, end in places)}")
        self.places[name] = sorted(places)
        return name

    def line(self, letter: str, rest: str) -> str:
        """Another line of a kind; its name."""
        self._numbers[letter] += 1
        name = f"{letter}{self._numbers[letter]}"
        self.lines.append(f"{name}\t{rest}")
        return name

    @property
    def annotation(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


OPERATIONS, MATERIALS = ["dissolved", "heated", "stirred", "dried"], ["NaCl", "LiFePO₄", "water", "ethanol", "TiO2"]
ROLES = ["Recipe_Precursor", "Solvent_Material", "Atmospheric_Material", "Participant_Material"]


def syntheses(random: Random, n: int) -> Shape:
    """Operations with none to four arguments, in any order, and the order of the operations as relations between events."""
    shape = Shape("brat", n_documents=n)
    first_roles: dict[frozenset[str], str] = {}
    for number in range(n):
        made, events = Standoff(), []
        for _ in range(random.randint(1, 7)):
            trigger = made.mention("Operation", made.say(random.choice(OPERATIONS)))
            materials = []
            for _ in range(random.randint(0, 4)):
                made.say("with")
                materials.append(made.mention("Material", made.say(random.choice(MATERIALS))))
            roles = random.sample(ROLES, len(materials))
            arguments = "".join(f" {role}:{material}" for role, material in zip(roles, materials, strict=True))
            events.append(made.line("E", f"Operation:{trigger}{arguments}" + random.choice(["", " "])))
            if len(roles) == 2:
                shape.relations["Operation"] += 1
                shape.left_out["triggers of events"] += 1
                shape.left_out[standoff.OTHER_ORDER] += first_roles.setdefault(frozenset(roles), roles[0]) != roles[0]
            else:
                shape.left_out[standoff.EVENTS.get(len(roles), standoff.MORE_ARGUMENTS)] += 1
            for a, b in combinations(materials[:3], 2):
                made.line("R", f"Mixed_With Arg2:{b} Arg1:{a}")
                shape.relations["Mixed_With"] += 1
            if materials and random.random() < 0.2:
                made.line("R", f"Coref_Of Arg1:{materials[0]} Arg2:{materials[0]}")
                shape.left_out[SELF] += 1
            made.say("then")
        for a, b in pairwise(events):
            made.line("R", f"Next_Operation Arg1:{a} Arg2:{b}\t")
            shape.left_out[standoff.OF_EVENTS] += 1
        _add(shape, f"{number:04}", made, random)
    return shape


def nerel(random: Random, n: int) -> Shape:
    """Mentions in mentions, a few discontinuous ones, relations between most of them, and links."""
    shape = Shape("brat", n_documents=n)
    for number in range(n):
        made = Standoff()
        for _ in range(random.randint(1, 5)):
            _nested(random, made, shape)
        known = [(f"{place[0][0]} {place[-1][1]}", name) for name, place in made.places.items()]
        for (place, a), (other, b) in random.sample(list(combinations(known, 2)), k=min(12, len(known))):
            label = random.choice(["WORKS_AT", "HEADQUARTERED_IN", "ALTERNATIVE_NAME"])
            ends = [f"Arg1:{a}", f"Arg2:{b}"]
            made.line("R", f"{label} {' '.join(random.sample(ends, 2))}\t")
            same = place == other
            shape.relations[label] += not same
            shape.left_out[SAME_PLACE] += same
        for name in random.sample(list(made.places), 2):
            made.line("N", f"Reference {name} Wikidata:Q{random.randint(1, 99)}\tимя")
            shape.left_out["names of concepts (N)"] += 1
        made.line("#", "AnnotatorNotes T1\tпроверить")
        made.lines.append("*\tALTERNATIVE_NAME T1 T2")
        shape.left_out[standoff.NOTES] += 1
        shape.left_out[standoff.EQUIVALENCES] += 1
        _add(shape, f"{number:04}_text", made, random)
    return shape


def _nested(random: Random, made: Standoff, shape: Shape) -> None:
    """The president of a bank of a country: six mentions, two of them at the same characters."""
    made.say(random.choice(["Вчера", "Сегодня 🙂", "\n\nПо словам"]))
    post, bank, country = (made.say(word) for word in ("президент", "Национального банка", random.choice(["Перу", "Армении"])))
    made.mention("PROFESSION", (post[0], country[1]))
    made.mention("ORGANIZATION", (bank[0], country[1]))
    made.mention("COUNTRY", country)
    made.mention("LOCATION", country)
    person = made.say(random.choice(["Иван Петров", "А. Саркисян"]))
    made.mention("PERSON", person)
    if random.random() < 0.3:
        # In the order of the file, which is not that of the text.
        made.mention("DATE", person, post)
        shape.left_out[DISCONTINUOUS] += 1
    made.say("сказал .")


def bionlp(random: Random, n: int) -> Shape:
    """Phosphorylation of a protein by another, regulation of it, binding of two and more, negation and speculation."""
    shape = Shape("bionlp", n_documents=n)
    for number in range(n):
        made = Standoff()
        proteins = []
        for _ in range(random.randint(2, 5)):
            proteins.append(made.mention("Protein", made.say(random.choice(["IL-4", "STAT6", "NF-κB"]))))
            made.say("and")
        given = made.annotation
        made.lines.clear()
        triggers = [made.mention(kind, made.say(kind.lower())) for kind in ("Phosphorylation", "Positive_regulation", "Binding")]
        a, b = random.sample(proteins, 2)
        event = made.line("E", "Phosphorylation:{} {} {}".format(triggers[0], *random.sample([f"Theme:{a}", f"Cause:{b}"], 2)))
        made.line("E", f"Positive_regulation:{triggers[1]} Theme:{event} Cause:{a}")
        shape.left_out[standoff.EVENTS_OF_EVENTS] += 1
        themes = "".join(f" Theme{'' if i == 1 else i}:{protein}" for i, protein in enumerate(proteins, start=1))
        made.line("E", f"Binding:{triggers[2]}{themes}")
        is_denied = random.random() < 0.3
        if is_denied or random.random() < 0.3:
            made.line("M", f"{'Negation' if is_denied else 'Speculation'} {event}")
        shape.relations["Phosphorylation"] += not is_denied
        shape.left_out["denied relations (read as none)"] += is_denied
        shape.relations["Binding"] += len(proteins) == 2
        shape.left_out[standoff.MORE_ARGUMENTS] += len(proteins) > 2
        name = f"PMID-{number}"
        shape.files |= {f"{name}.txt": made.text, f"{name}.a1": given, f"{name}.a2": made.annotation}
    return shape


def _add(shape: Shape, name: str, made: Standoff, random: Random) -> None:
    """Lines may refer to later ones. Only events stay in their order, in which the first with its roles is known."""
    random.shuffle(made.lines)
    made.lines.sort(key=lambda line: int(line[1:].partition("\t")[0]) if line[0] == "E" else 0)
    shape.files |= {f"{name}.txt": made.text, f"{name}.ann": made.annotation}
