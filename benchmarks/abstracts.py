"""Abstracts of the lengths of real ones, in PubMed's XML: every sentence is a real one, in the place of one of its length."""

import gzip
from collections import defaultdict
from pathlib import Path
from xml.sax.saxutils import escape

import spacy
import typer

from spacy_relext.conversion import read
from tests.stress.pubmed import HEAD, LABELLED, LABELS, TAIL, Records


def abstracts(
    folder: Path = typer.Argument(..., help="Where the files are written."),
    sources: list[str] = typer.Argument(..., metavar="FORMAT:PATH...", help="Corpora whose texts begin with the title."),
    number: int = typer.Option(12_000, help="Records, all with an abstract."),
    records_per_file: int = typer.Option(3000, help="Records of a file."),
    seed: int = typer.Option(0, help="Seed."),
):
    """Write files as PubMed's are, whose titles and abstracts are made of those of corpora."""
    folder.mkdir(parents=True)
    records = _Made([source.partition(":") for source in sources], seed)
    for first in range(0, number, records_per_file):
        with gzip.open(folder / f"pubmed25n{first // records_per_file + 1:04}.xml.gz", "wt", compresslevel=6, encoding="utf8") as file:
            pmids = range(first + 1, min(number, first + records_per_file) + 1)
            file.writelines((HEAD, *map(records.article, pmids), TAIL + "\n"))

    print(f"{number:,} records, {records.n_tokens:,} tokens, {records.n_tokens / number:.1f} each")


class _Made(Records):
    """Records with real sentences. n_tokens: Of all that were made."""

    def __init__(self, sources: list[tuple[str, str, str]], seed: int):
        super().__init__(seed)
        nlp = spacy.blank("en")
        nlp.add_pipe("sentencizer")
        self.n_tokens = 0
        # Of each real text: how many tokens its title has, and each sentence of its abstract.
        self._lengths: list[list[int]] = []
        self._titles, self._sentences = defaultdict[int, list[str]](list), defaultdict[int, list[str]](list)
        for format, _, path in sources:
            for document in read(path, format):
                title, *rest = nlp(document.text.replace("\n", " ")).sents
                if rest:
                    self._lengths.append([len(title), *map(len, rest)])
                    self._titles[len(title)].append(title.text)
                    for sentence in rest:
                        self._sentences[len(sentence)].append(sentence.text)

    def _title(self) -> str:
        self._chosen = self.random.choice(self._lengths)
        self.n_tokens += sum(self._chosen)
        return escape(self.random.choice(self._titles[self._chosen[0]]))

    def _abstract(self) -> str:
        sentences = [escape(self.random.choice(self._sentences[length])) for length in self._chosen[1:]]
        n_parts = len(LABELS) if self.random.random() < LABELLED and len(sentences) >= len(LABELS) else 1
        parts = [sentences[len(sentences) * i // n_parts : len(sentences) * (i + 1) // n_parts] for i in range(n_parts)]
        names = [f' Label="{label}" NlmCategory="{kind}"' for label, kind in LABELS] if n_parts > 1 else [""]
        texts = (f"        <AbstractText{name}>{' '.join(part)}</AbstractText>\n" for name, part in zip(names, parts, strict=True))
        return f"      <Abstract>\n{''.join(texts)}      </Abstract>\n"
