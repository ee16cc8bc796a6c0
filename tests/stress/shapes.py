"""Corpora that are made in the shape of public ones, whose readers must lose no document, and report each line that they leave out.

    python -m tests.stress.shapes --documents 200 --seed 0

Each shape follows the public documentation that its reader names: ends of both kinds, discontinuous mentions, roles in any order, pairs
without a relation, relations that cannot be held. What was made is known: documents, relations by label, and what is to be left out.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from random import Random
from xml.sax.saxutils import quoteattr

import spacy

from spacy_relext.conversion.converting import make_options
from spacy_relext.errors import DataError
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.denials import without_denials
from spacy_relext.formats.docs import SAME_PLACE, to_doc
from spacy_relext.formats.offsets import DISCONTINUOUS
from spacy_relext.formats.reading import Reading
from tests.stress import standoff_shapes
from tests.stress.shape import Shape

WORDS = [
    "the",
    "of",
    "and",
    "with",
    "was",
    "in",
    "über",
    "naïve",
    "cells",
    "binding",
    "shows",
    "after",
    "été",
    "slow",
    "acid",
    "level",
    "–",
    "rate",
]
NAMES = ["AbcA", "AbcB", "IL-4", "STAT6", "TNF-α", "p53", "Kinase-2", "Ätzkali", "5-HT", "NF-κB"]


@dataclass
class Sentence:
    """Tokens with a space between them, and the places of names: first token and last, exclusive."""

    tokens: list[str]
    names: list[int]

    @property
    def text(self) -> str:
        return " ".join(self.tokens)

    def offsets(self, token: int) -> tuple[int, int]:
        """First character and exclusive end."""
        start = sum(len(word) + 1 for word in self.tokens[:token])
        return start, start + len(self.tokens[token])


def sentence(random: Random, n_names: int) -> Sentence:
    tokens = random.choices(WORDS, k=random.randint(4, 12))
    for name in random.sample(NAMES, n_names):
        # Apart, so that no part of a discontinuous mention is beside another.
        tokens[random.randint(0, len(tokens)) : 0] = [name, random.choice(WORDS)]
    tokens.append(".")
    return Sentence(tokens, [i for i, token in enumerate(tokens) if token in NAMES])


def ppi(random: Random, n: int, corpus: str = "AIMed", ends: int = 1) -> Shape:
    """Inclusive ends (1) with a pair for each two entities, or exclusive ones (0) with those that interact alone."""
    shape = Shape("ppi", target=f"{corpus}.xml", n_documents=n)
    parts = [f'<?xml version="1.0" encoding="UTF-8"?>\n<corpus source="{corpus}">\n']
    for i in range(n):
        parts.append(f'<document id="{corpus}.d{i}" origId="{i}">\n')
        for j in range(random.randint(1, 4)):
            parts.append(_ppi_sentence(random, f"{corpus}.d{i}.s{j}", shape, ends))
        parts.append("</document>\n")
    shape.files[shape.target] = "".join([*parts, "</corpus>\n"])
    return shape


def _ppi_sentence(random: Random, name: str, shape: Shape, ends: int) -> str:
    made = sentence(random, random.randint(1, 4))
    entities = [([made.offsets(token)], made.tokens[token]) for token in made.names]
    if len(made.names) > 2 and random.random() < 0.3:
        # "A … C" of "A and B … C".
        first, last = made.offsets(made.names[0]), made.offsets(made.names[2])
        entities.append(([first, last], f"{made.tokens[made.names[0]]} {made.tokens[made.names[2]]}"))
        shape.left_out[DISCONTINUOUS] += 1
    lines = [f"<sentence id={quoteattr(name)} text={quoteattr(made.text)}>"]
    for k, (places, text) in enumerate(entities):
        offsets = ",".join(f"{start}-{end - ends}" for start, end in places)
        lines.append(f'<entity id="{name}.e{k}" charOffset="{offsets}" text={quoteattr(text)} type="protein"/>')
    for k, (a, b) in enumerate(combinations(range(len(entities)), 2)):
        is_true = random.random() < 0.3
        shape.relations["PPI"] += is_true
        pair = f'id="{name}.p{k}" e1="{name}.e{a}" e2="{name}.e{b}"'
        if ends:
            lines.append(f'<pair {pair} interaction="{is_true}"/>')
        elif is_true:
            lines.append(f'<interaction {pair} type="PPI" directed="True"/>')
    return "\n".join([*lines, "</sentence>\n"])


def drugprot(random: Random, n: int) -> Shape:
    shape = Shape("drugprot", n_documents=n)
    rows: dict[str, list[str]] = {"abstracs": [], "entities": [], "relations": []}
    for i in range(n):
        title, abstract = sentence(random, 1), sentence(random, 4)
        rows["abstracs"].append(f"{i}\t{title.text}\t{abstract.text}")
        for k, token in enumerate(abstract.names, start=1):
            start, end = (len(title.text) + 1 + offset for offset in abstract.offsets(token))
            rows["entities"].append(f"{i}\tT{k}\t{'CHEMICAL' if k % 2 else 'GENE-N'}\t{start}\t{end}\t{abstract.tokens[token]}")
        for label in random.sample(["INHIBITOR", "PART-OF", "SUBSTRATE"], random.randint(0, 3)):
            arguments = random.sample(["Arg1:T1", "Arg2:T2"], 2)
            rows["relations"].append("\t".join([str(i), label, *arguments]))
            shape.relations[label] += 1
    random.shuffle(rows["entities"])
    shape.files = {f"drugprot_training_{kind}.tsv": "".join(row + "\n" for row in some) for kind, some in rows.items()}
    return shape


def docred(random: Random, n: int) -> Shape:
    shape = Shape("docred", target="train.json", n_documents=n)
    records = []
    for i in range(n):
        sentences = [sentence(random, 2) for _ in range(3)]
        mentions = [{"name": s.tokens[t], "sent_id": j, "pos": [t, t + 1], "type": "ORG"} for j, s in enumerate(sentences) for t in s.names]
        clusters = [[m for m in mentions if m["name"] == name] for name in dict.fromkeys(m["name"] for m in mentions)]
        labels = []
        for h, t in combinations(range(len(clusters)), 2):
            if random.random() < 0.3:
                labels.append({"h": h, "t": t, "r": f"P{t}", "evidence": random.sample(range(3), random.randint(0, 2))})
                shape.relations[f"P{t}"] += 1
        records.append({"title": f"Document {i // 2 * 2}" if i % 9 == 1 else f"Document {i}", "sents": [s.tokens for s in sentences]})
        records[-1] |= {"vertexSet": clusters, "labels": labels}
    shape.files[shape.target] = json.dumps(records)
    return shape


def scierc(random: Random, n: int) -> Shape:
    """SciERC, as its authors publish it (Luan et al., EMNLP 2018): clusters of coreferent mentions too, which are not read."""
    shape = Shape("dygie", target="train.json", n_documents=n)
    lines = []
    for i in range(n):
        sentences = [sentence(random, random.randint(1, 3)) for _ in range(random.randint(1, 4))]
        ner: list[list] = []
        relations: list[list] = []
        first = 0
        for made in sentences:
            places = [first + token for token in made.names]
            ner.append([[place, place, random.choice(["Task", "Method", "OtherScientificTerm"])] for place in places])
            related = [(a, b) for a, b in combinations(places, 2) if random.random() < 0.4]
            relations.append([[b, b, a, a, "USED-FOR"] for a, b in related])
            shape.relations["USED-FOR"] += len(related)
            first += len(made.tokens)
        record = {
            "clusters": [],
            "sentences": [s.tokens for s in sentences],
            "ner": ner,
            "relations": relations,
            "doc_key": f"ICML_{i}_abs",
        }
        lines.append(json.dumps(record) + "\n")
    shape.left_out["documents with 'clusters', not read"] = n
    shape.files[shape.target] = "".join(lines)
    return shape


def ehealth(random: Random, n: int) -> Shape:
    """eHealth-KD (Piad-Morffis et al., IberLEF 2019 to 2021): brat, a sentence per line, with equivalences and attributes of mentions."""
    shape = Shape("brat", n_documents=n)
    for i in range(n):
        text, lines, number = "", [], 1
        for _ in range(random.randint(1, 5)):
            made = sentence(random, 3)
            names = []
            for token in made.names:
                start, end = (len(text) + offset for offset in made.offsets(token))
                names.append((f"T{number}", start, end, made.tokens[token]))
                lines.append(f"T{number}\t{random.choice(['Concept', 'Action'])} {start} {end}\t{made.tokens[token]}")
                number += 1
            (a, *first), (b, *_), (c, *last) = names
            if random.random() < 0.3:
                # "A … C" of "A and B … C".
                lines.append(f"T{number}\tConcept {first[0]} {first[1]};{last[0]} {last[1]}\t{first[2]} {last[2]}")
                shape.left_out[DISCONTINUOUS] += 1
                number += 1
            for label in random.sample(["subject", "target", "is-a", "in-place"], 2):
                lines.append(f"R{number}\t{label} Arg1:{a} Arg2:{b}\t")
                shape.relations[label] += 1
                number += 1
            if random.random() < 0.3:
                lines += [f"*\tsame-as {b} {c}", f"A{number}\tNegated {c}"]
                shape.left_out += Counter({"equivalences": 1, "attributes": 1})
            text += made.text + "\n"
        random.shuffle(lines)
        shape.files[f"S{i}.txt"], shape.files[f"S{i}.ann"] = text, "".join(line + "\n" for line in lines)
    return shape


def tacred(random: Random, n: int) -> Shape:
    shape = Shape("tacred", target="train.json", n_documents=n)
    records = []
    for i in range(n):
        made = sentence(random, 2)
        a, b = random.sample(made.names, 2)
        label = random.choice(["no_relation", "per:title", "org:founded"])
        shape.relations[label] += label != "no_relation"
        shape.left_out["denied relations (read as none)"] += label == "no_relation"
        record = {"id": f"{i:x}", "docid": "x", "relation": label, "token": made.tokens, "subj_start": a, "subj_end": a, "obj_start": b}
        records.append(record | {"obj_end": b, "subj_type": "PERSON", "obj_type": "TITLE", "stanford_ner": ["O"] * len(made.tokens)})
    shape.files[shape.target] = json.dumps(records)
    return shape


def semeval(random: Random, n: int) -> Shape:
    shape = Shape("semeval", target="TRAIN_FILE.TXT", n_documents=n)
    lines = []
    for i in range(n):
        made = sentence(random, 2)
        for name, token in zip(("e1", "e2"), made.names, strict=True):
            made.tokens[token] = f"<{name}>{made.tokens[token]}</{name}>"
        label = random.choice(["Other", "Cause-Effect(e2,e1)", "Component-Whole(e1,e2)"])
        shape.relations[label.partition("(")[0]] += label != "Other"
        comment = random.choice(["", " unclear"])
        shape.left_out["comments"] += bool(comment)
        lines.append(f'{i}\t"{made.text}"\r\n{label}\r\nComment:{comment}\r\n\r\n')
    shape.files[shape.target] = "".join(lines)
    return shape


def blinded(random: Random, n: int) -> Shape:
    shape = Shape("blinded", target="train.tsv", n_documents=n)
    rows = ["index\tsentence\tlabel\n"]
    for i in range(n):
        made = sentence(random, 2)
        for marker, token in zip(random.sample(["@GENE$", "@CHEMICAL$"], 2), made.names, strict=True):
            made.tokens[token] = marker
        label = random.choice(["false", "CPR:3", "CPR:9"])
        if random.random() < 0.1:
            made.tokens[made.names[0]], made.tokens[made.names[1]] = "@CHEM-GENE$", "it"
            shape.left_out[SAME_PLACE] += label != "false"
        else:
            shape.relations[label] += label != "false"
        rows.append(f"{i}.T1.T2\t{made.text}\t{label}\n")
    shape.files[shape.target] = "".join(rows)
    return shape


def strings(random: Random, n: int) -> Shape:
    shape = Shape("strings", target="train.json", n_documents=n)
    lines = []
    for _ in range(n):
        made = sentence(random, 3)
        names = [made.tokens[token] for token in made.names]
        triples = [[names[0], "in", names[1]], [names[2], "in", random.choice([names[0], "Nowhere"])]]
        shape.relations["in"] += 1 + (triples[1][2] != "Nowhere")
        shape.left_out["triples of a name that is not in the text"] += triples[1][2] == "Nowhere"
        lines.append(json.dumps({"text": made.text, "triple_list": triples}) + "\n")
    shape.files[shape.target] = "".join(lines)
    return shape


def bigbio(random: Random, n: int) -> Shape:
    shape = Shape("bigbio", target="train.jsonl", n_documents=n)
    lines = []
    for i in range(n):
        title, made = sentence(random, 1), sentence(random, 3)
        offset = len(title.text) + 1
        passages = [{"id": f"{i}p{j}", "type": "title", "text": [s.text], "offsets": [[at, at + len(s.text)]]}
                    for j, (s, at) in enumerate([(title, 0), (made, offset)])]  # fmt: skip
        entities = []
        for k, token in enumerate(made.names):
            start, end = (offset + place for place in made.offsets(token))
            concept = [{"db_name": "MESH", "db_id": f"D{k}"}]
            entities.append(
                {"id": f"{i}e{k}", "type": "Protein", "text": [made.tokens[token]], "offsets": [[start, end]], "normalized": concept}
            )
        relations = [{"id": f"{i}r", "type": "binds", "arg1_id": f"{i}e0", "arg2_id": f"{i}e1", "normalized": []}]
        roles = random.choice([["Theme", "Cause"], ["Theme"], ["Theme", "Cause", "Site"]])
        arguments = [{"role": role, "ref_id": f"{i}e{k}"} for k, role in enumerate(roles)]
        events = [
            {"id": f"{i}E", "type": "Regulation", "trigger": {"text": [], "offsets": []}, "arguments": random.sample(arguments, len(roles))}
        ]
        shape.relations += Counter({"binds": 1, "Regulation": int(len(roles) == 2)})
        shape.left_out["events with"] += len(roles) != 2
        record = {
            "id": str(i),
            "document_id": f"d{i}",
            "passages": passages,
            "entities": entities,
            "relations": relations,
            "events": events,
        }
        lines.append(json.dumps(record | {"coreferences": []}) + "\n")
    shape.files[shape.target] = "".join(lines)
    return shape


CORPORA = ("AIMed", "BioInfer", "HPRD50", "IEPA", "LLL")
SHAPES: dict[str, Callable[[Random, int], Shape]] = {
    **{f"{corpus}, inclusive ends": partial(ppi, corpus=corpus, ends=1) for corpus in CORPORA},
    **{f"{corpus}, exclusive ends": partial(ppi, corpus=corpus, ends=0) for corpus in CORPORA},
    "DrugProt": drugprot,
    "DocRED": docred,
    "SciERC": scierc,
    "eHealth-KD": ehealth,
    "TACRED": tacred,
    "SemEval-2010 task 8": semeval,
    "BLURB": blinded,
    "WebNLG": strings,
    "BigBio": bigbio,
    "annotated materials syntheses": standoff_shapes.syntheses,
    "NEREL": standoff_shapes.nerel,
    "BioNLP": standoff_shapes.bionlp,
}  # fmt: skip


def check(shape: Shape, folder: Path) -> list[str]:
    """What of a shape its reader does not make of it; nothing if all is right."""
    for name, text in shape.files.items():
        (folder / name).write_text(text, encoding="utf8", newline="")
    errors: list[DataError] = []
    made = get_format(shape.format)
    reading = Reading(errors.append, options=make_options(made))
    nlp, counts, n_documents = spacy.blank("en"), Counter[str](), 0
    labels: Counter[str] = Counter()
    for document in made.read(folder / shape.target, reading):
        try:
            to_doc(document, nlp, counts)
        except DataError as error:
            errors.append(error)
            continue
        n_documents += 1
        affirmed = without_denials(document)
        relations = affirmed.relations if affirmed.concept_relations is None else affirmed.concept_relations
        labels.update(relation.label for relation in relations or ())
    counts += reading.counts
    wrong = [f"error: {error}" for error in errors]
    if n_documents != shape.n_documents:
        wrong.append(f"{n_documents} documents, and {shape.n_documents} were made")
    if labels != +shape.relations:
        wrong.append(f"relations {dict(labels)}, and {dict(+shape.relations)} were made")
    for what, n in shape.left_out.items():
        n_found = sum(count for name, count in counts.items() if what in name)
        if n_found != n:
            wrong.append(f"{n_found} {what}, and {n} were made")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    failed = False
    for name, make in SHAPES.items():
        shape = make(Random(f"{options.seed}-{name}"), options.documents)
        with tempfile.TemporaryDirectory() as folder:
            wrong = check(shape, Path(folder))
        failed |= bool(wrong)
        n_left_out = sum(shape.left_out.values())
        print(
            f"{name}: {shape.n_documents} documents, {shape.relations.total()} relations, {n_left_out} left out and reported",
            *wrong[:10],
            sep="\n  ",
        )
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
