"""Folds of pairs from folds of documents."""

import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from benchmarks.__main__ import app
from spacy_relext.corpus import read_docs
from spacy_relext.formats.docs import from_doc, to_doc
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.relations import register_extensions


def fold(number):
    """Two sentences: *A binds B and C.* with all pairs but (B, C), and *C and D.* with none."""
    text = "A binds B and C. C and D."
    mentions = [Mention(name, text.index(name), text.index(name) + 1, "GENE") for name in "ABC"]
    mentions += [Mention("C2", 17, 18, "GENE"), Mention("D", 23, 24, "GENE")]
    # The tail may stand first.
    relations = [AnnotatedRelation("A", "B", "binds"), AnnotatedRelation("C", "A", "binds")]
    return Document(f"d{number}", text, mentions, relations, [(0, 16), (17, 25)])


def test_every_pair_of_a_sentence_is_a_document_in_one_fold(tmp_path):
    register_extensions()
    nlp = spacy.blank("en")
    (tmp_path / "folds").mkdir()
    for number in range(3):
        DocBin(docs=[to_doc(fold(number), nlp)], store_user_data=True).to_disk(tmp_path / "folds" / f"fold-{number}.spacy")
    result = CliRunner().invoke(app, ["pair-folds", str(tmp_path / "folds"), str(tmp_path / "out")], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "12 pairs, 6 of them related, in 3 folds" in result.output
    parts = [[from_doc(doc) for doc in read_docs(tmp_path / "out" / f"fold-{i}.spacy", nlp)] for i in range(3)]
    assert [len(part) for part in parts] == [4, 4, 4]
    # Pairs of one document are in several folds.
    assert len({document.id.split("-")[0] for document in parts[0]}) > 1
    found = sorted((d.text, *(d.text[m.start : m.end] for m in d.mentions), len(d.relations)) for part in parts for d in part)
    first = "A binds B and C."
    assert found == sorted([(first, "A", "B", 1), (first, "A", "C", 1), (first, "B", "C", 0), ("C and D.", "C", "D", 0)] * 3)
    assert len({document.id for part in parts for document in part}) == 12
