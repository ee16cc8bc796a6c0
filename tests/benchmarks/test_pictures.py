"""What pictures cost: documents of corpora are chosen, and all figures are there."""

import json

import srsly

from benchmarks.pictures import choose, crowded, pictures
from tests.conftest import DEMO


def test_documents_are_as_many_of_each_corpus_the_densest_among_them(tmp_path):
    mention = [{"id": str(i), "start": 2 * i, "end": 2 * i + 1, "type": "T"} for i in range(9)]
    for name in "ab":
        lines = []
        for n in range(9):
            relations = [{"head": "0", "tail": str(i + 1), "label": "R"} for i in range(n)]
            lines.append({"id": f"{name}{n}", "text": "a b c d e f g h i", "mentions": mention, "relations": relations})
        srsly.write_jsonl(tmp_path / f"{name}.jsonl", lines)
    corpora = [f"jsonl={tmp_path / name}.jsonl" for name in "ab"]
    chosen = choose(corpora, 7, seed=0)
    assert [name for name, _ in chosen] == ["jsonl"] * 7
    sizes = [len(picture["rels"]) for _, picture in chosen]
    assert (sizes[0], sizes[3:5]) == (8, [8, 7])
    assert max(sizes[1:3] + sizes[5:]) < 8
    assert chosen == choose(corpora, 7, seed=0)


def test_the_crowded_text_is_as_crowded_as_was_asked_for():
    picture = crowded(100, seed=1, n_words=200)
    assert len(picture["rels"]) == 100
    assert [picture["text"][ent["start"] : ent["end"]] for ent in picture["ents"]] == [f"mention{i}" for i in range(0, 200, 5)]
    assert picture["sents"][-1][1] == len(picture["text"])


def test_all_figures_are_printed(capsys):
    pictures([f"jsonl={DEMO / 'test.jsonl'}"], n_documents=3, seed=0, repeats=1, n_relations=50)
    figures = json.loads(capsys.readouterr().out)
    assert figures["documents"] == 3
    assert figures["one layout"]["kB, mean, style included"] < figures["two layouts"]["kB, mean, style included"]
    assert figures["crowded"]["one layout"].keys() == {"seconds", "MB", "says"}
