"""Shards give exactly what their whole files give, wherever they are cut, and only while the files are what they were."""

import gzip
import json
import os
import random
from collections import Counter

import pyarrow.ipc
import pyarrow.parquet
import pytest

from spacy_relext.batch.manifest import Plan, Shard, write_plan
from spacy_relext.batch.planning import ChangedError, learned_orders, plan_shards, read_shard, roles_of
from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.inputs import Given, Inputs
from spacy_relext.formats.reading import SUPERSEDED, Options
from spacy_relext.formats.roles import RolesError
from tests.formats.test_pubmed import BAD, record
from tests.stress.pubmed import HEAD, TAIL, deletions

MARK = "\ufeff"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def seen(documents, errors, counts):
    return [(d.id, d.text, d.mentions, d.concept_relations, str(d.source), d.line) for d in documents], list(map(str, errors)), +counts


def whole(paths, **settings):
    """What plain reading gives of the inputs, in the order of a plan."""
    inputs, errors = Inputs([str(path) for path in paths], **settings), []
    inputs.finding.sources = inputs.finding.by_name
    return seen(inputs.read(errors.append), errors, inputs.left_out)


def planned(paths, size, order=None, **settings):
    """What the shards of a plan of them give, read in some order, put together in theirs."""
    inputs = Inputs([str(path) for path in paths], **settings)
    plan = [Shard.from_line(shard.to_line().encode()) for shard in plan_shards(inputs, size, lambda error: None)]
    found = {}
    for number in order(len(plan)) if order else range(len(plan)):
        errors, counts = [], Counter()
        found[number] = list(read_shard(plan[number], inputs.options, errors.append, counts)), errors, counts
    shards = [found[number] for number in sorted(found)]
    for shard, (documents, errors, counts) in zip(plan, shards, strict=True):
        if shard.documents is not None:
            assert len(documents) + len(errors) + counts[SUPERSEDED] == shard.documents
    return seen(
        [document for documents, _, _ in shards for document in documents],
        [error for _, errors, _ in shards for error in errors],
        sum((counts for _, _, counts in shards), Counter()),
    )


LINES = [
    "One.\n",
    "\n",
    "  \r\n",
    '{"id": "ID", "text": "Two."}\r\n',
    "Three\rparts.\n",
    b"\xff no text\n",
    "{no JSON\n",
    "\u00e9\u2028.\n",
]
JSONL = ['{"text": "One."}\n', "\n", '{"id": "ID", "text": "Two."}\r\n', "[]\n", "no JSON\n", b'{"text": "\xff"}\n']

ROWS = [
    "One.,1\n",
    "\r\n",
    '"Two, and\r\nmore\n",2\r\n',
    "Three,3\r",
    '"Fo""ur",4\n',
    "Fi\x00ve,5\n",
    b"\xff,6\n",
    "a,b,c\n",
    '"no"t,7\n',
    "x,\n",
]
BLOCKS = [
    "ID|t|Aspirin.\nID|a|Headache.\nID\t0\t7\tAspirin\tChemical\tD1\nID\t9\t17\tHeadache\tDisease\tD2\nID\tREL\tD1\tD2\n\n",
    "ID|t|Aspirin.\r\n",
    "ID|a|Only this.\n",
    "\n",
    "No header.\n",
    "5\t0\t7\tStray\tChemical\tD1\n",
    MARK + "ID|t|Marked.\n",
    "ID|t|A title.\n\nNo header.\nID|a|An abstract.\n",
    b"ID|t|\xff\n",
]


def shuffled(number):
    return random.Random(1).sample(range(number), number)


def numbered(raw, chosen):
    """With another id than all others."""
    return raw.replace(b"ID", b"%d" % chosen.randrange(10, 10**12))


@pytest.mark.parametrize(
    ("name", "begin", "lines"),
    [
        ("x.txt", [""], LINES),
        ("x.jsonl", [""], JSONL),
        ("x.csv", ["text,note\n", "\r\ntext,note\r\n", '"text"x\ntext,note\n', "note,other\n", "", '"text'], ROWS),
        ("x.pubtator", [""], BLOCKS),
    ],
)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_wherever_it_is_cut(tmp_path, name, begin, lines, packed):
    chosen = random.Random(0)
    settings = {"format": "lines"} if name == "x.txt" else {}
    for trial in range(20):
        paths = []
        for part in range(2):
            drawn = [chosen.choice(begin), *chosen.choices(lines, k=chosen.randrange(1, 12))]
            raw = b"".join(numbered(line if isinstance(line, bytes) else line.encode(), chosen) for line in drawn)
            raw = (MARK.encode() if chosen.random() < 0.5 else b"") + raw.removesuffix(b"\n" if chosen.random() < 0.5 else b"")
            paths.append(write(tmp_path / str(trial) / f"{part}" / f"{part}-{name}{packed}", raw))
        expected = whole(paths, **settings)
        for size in (1, 2, 3, 100):
            assert planned(paths[::-1], size, chosen.choice([None, shuffled]), **settings) == expected


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_records_that_are_revised(tmp_path, packed):
    """Those of which another shard has a later version are not read, whatever is wrong in them or beside them."""
    chosen = random.Random(0)
    for trial in range(20):
        paths = []
        for part in range(3):
            drawn = [record(chosen.randrange(1, 9), f"{trial} {part} {i}.", version=chosen.choice((1, 1, 2))) for i in range(6)]
            drawn += [text for text, _ in chosen.sample(list(BAD.values()), 2)] + [deletions([chosen.randrange(1, 9)])]
            tail = TAIL if chosen.random() < 0.8 else chosen.choice(("", record(3)[:90]))
            content = HEAD + "".join(chosen.sample(drawn, len(drawn))) + tail
            paths.append(write(tmp_path / str(trial) / f"{chosen.random()}" / f"n{part}.xml{packed}", content))
        expected = whole(paths, format="pubmed")
        assert expected[2][SUPERSEDED]
        for size in (1, 2, 3, 100):
            assert planned(paths[::-1], size, chosen.choice([None, shuffled]), format="pubmed") == expected


def test_texts(tmp_path):
    """A document per file: many in a shard."""
    paths = [write(tmp_path / "in" / f"{i % 3}" / f"{i}.txt{'.gz' * (i % 2)}", f"Text {i}." if i != 5 else b"\xff") for i in range(10)]
    write(tmp_path / "in" / "1" / "x.jsonl", "".join(f'{{"text": "Text {i}."}}\n' for i in range(5)))
    expected = whole([tmp_path / "in"])
    assert len(expected[0]) == 14
    for size in (1, 3, 100):
        assert planned([tmp_path / "in"], size, shuffled) == expected
    shards = list(plan_shards(Inputs([str(tmp_path / "in")]), 4))
    assert [shard.documents for shard in shards] == [4, 4, 4, 3]
    assert list(plan_shards(Inputs([str(path) for path in [*paths[::-1], tmp_path / "in" / "1" / "x.jsonl"]]), 4)) == shards


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.txt", "x.txt.gz"])
def test_changed_since(tmp_path, name):
    source = write(tmp_path / name, '{"text": "One."}\n{"text": "Two."}\n')
    other = write(tmp_path / "a.jsonl", '{"text": "Zero."}\n')
    shards = list(plan_shards(Inputs([str(other), str(source)]), 3))
    for content in ('{"text": "One."}\n{"text": "Too."}\n', '{"text": "One."}\n{"text": "Two."}\n{"text": "Three."}\n', "", None):
        source.unlink() if content is None else write(source, content)
        with pytest.raises(ChangedError, match=f"{name}: shard 0: ") as raised:
            list(read_shard(shards[0], Options(), [].append, Counter()))
        assert raised.value.path == str(source)


def test_file_that_cannot_be_read(tmp_path):
    """An error of the plan, or where it is skipped of the shard: nothing of the file is read, as without a plan."""
    source = write(tmp_path / "b.jsonl.gz", "".join(f'{{"text": "{random.random()}"}}\n' for _ in range(500)))
    source.write_bytes(source.read_bytes()[:-100])
    paths = [write(tmp_path / "a.jsonl", '{"text": "A."}\n'), source, write(tmp_path / "c.jsonl", '{"text": "C."}\n')]
    paths += [write(tmp_path / "d.jsonl", "\n"), write(tmp_path / "e.jsonl", ""), write(tmp_path / "f.jsonl", gzip.compress(b"{}"))]
    with pytest.raises(DataError, match=r"b\.jsonl\.gz: no whole gzip file"):
        list(plan_shards(Inputs([str(path) for path in paths]), 2))
    documents, errors, _ = whole(paths)
    assert [document[1] for document in documents] == ["A.", "C."]
    assert len(errors) == 4
    for size in (1, 2, 100):
        assert planned(paths, size) == (documents, errors, Counter())


def test_what_cannot_be_planned(tmp_path):
    source = write(tmp_path / "a.jsonl", '{"text": "A."}\n')
    os.mkfifo(tmp_path / "pipe.jsonl")
    for inputs, message in [
        (Inputs(["-"]), "standard input cannot be planned"),
        (Given(["A text."]), "texts that are given cannot be planned"),
        (Inputs([str(source), str(tmp_path / "*.jsonl")]), "among the inputs twice"),
        (Inputs([str(tmp_path / "pipe.jsonl")]), "a pipe"),
    ]:
        with pytest.raises(RelextError, match=message):
            list(plan_shards(inputs, 2))
    with pytest.raises(RelextError, match="0 documents per shard"):
        plan_shards(Inputs([str(source)]), 0)


def tables(folder, rows, size):
    """Rows in Parquet, in partitions with an empty file; and as a data set of two splits."""
    table = pyarrow.table(rows)
    for year, part in ((2019, table.slice(0, 0)), (2020, table.slice(0, 5)), (2021, table.slice(5))):
        path = folder / "parquet" / f"year={year}" / "part-00000.parquet"
        path.parent.mkdir(parents=True)
        pyarrow.parquet.write_table(part, path, row_group_size=size)
    for split, part in (("test", table.slice(0, 5)), ("train", table.slice(5))):
        path = folder / "set" / split / "data-00000-of-00001.arrow"
        path.parent.mkdir(parents=True)
        with pyarrow.ipc.new_stream(str(path), part.schema) as writer:
            writer.write_table(part, max_chunksize=size)
        (path.parent / "state.json").write_text(json.dumps({"_data_files": [{"filename": path.name}]}), encoding="utf8")
        # What Dataset.map keeps there.
        (path.parent / "cache-1.arrow").write_bytes(path.read_bytes())
    (folder / "set" / "dataset_dict.json").write_text("{}", encoding="utf8")


@pytest.mark.parametrize("size", [1, 3, 100])
def test_rows_of_parquet_and_of_data_sets(size, tmp_path):
    rows = {"text": ["One.", None, "Two.\n", "", "💊", "Six.", "Seven.", None], "n": list(range(8)), "x": [b""] * 8}
    tables(tmp_path, rows, size)
    options = Options(meta_columns=("year",))
    expected = whole([tmp_path / "parquet"], options=options)
    documents, errors, counts = expected
    assert [name for name, *_ in documents] == [
        *(f"year=2020/part-00000-{i}" for i in (1, 3, 4, 5)),
        *(f"year=2021/part-00000-{i}" for i in (1, 2)),
    ]
    assert [("record 2" in error, "part-00000.parquet" in error) for error in errors] == [(True, True), (False, True)]
    assert counts == {"documents with 'n', not read": 6, "documents with 'x', not read": 6, "files without any row": 1}
    for shard in (1, 2, 100):
        assert planned([tmp_path / "parquet"], shard, options=options) == expected
    expected = whole([tmp_path / "set"], format="datasets")
    assert [name for name, *_ in expected[0]] == [
        *(f"test/data-00000-of-00001-{i}" for i in (1, 3, 4, 5)),
        *(f"train/data-00000-of-00001-{i}" for i in (1, 2)),
    ]
    for shard in (1, 2, 100):
        assert planned([tmp_path / "set"], shard, format="datasets") == expected


def test_parquet_that_is_written_anew_or_changed(tmp_path):
    path = tmp_path / "a.parquet"
    table = pyarrow.table({"text": [f"Text {i}." for i in range(10)], "other": list(range(10))})
    pyarrow.parquet.write_table(table, path)
    inputs = Inputs([str(path)])
    shards = list(plan_shards(inputs, 4))
    assert [shard.documents for shard in shards] == [4, 4, 2]
    pyarrow.parquet.write_table(table, path, row_group_size=3, compression="zstd")
    assert [d.text for d in read_shard(shards[1], inputs.options, None, Counter())] == [f"Text {i}." for i in range(4, 8)]
    pyarrow.parquet.write_table(table.slice(0, 9), path)
    assert len(list(read_shard(shards[1], inputs.options, None, Counter()))) == 4
    with pytest.raises(ChangedError, match="shard 2: it is not what it was when it was planned"):
        list(read_shard(shards[2], inputs.options, None, Counter()))
    path.write_bytes(b"PAR1")
    with pytest.raises(ChangedError, match="shard 1: no whole Parquet file"):
        list(read_shard(shards[1], inputs.options, None, Counter()))


BIOC = """<collection><source/><date/><key/><document><id>%s</id><passage><offset>0</offset><text>A to B.</text>
<annotation id="T1"><infon key="type">X</infon><location offset="0" length="1"/><text>A</text></annotation>
<annotation id="T2"><infon key="type">X</infon><location offset="5" length="1"/><text>B</text></annotation>
<relation id="R1"><infon key="type">REL</infon>%s</relation></passage></document></collection>"""
FORWARD = '<node refid="T1" role="one"/><node refid="T2" role="other"/>'
BACKWARD = '<node refid="T2" role="other"/><node refid="T1" role="one"/>'


def test_directions_do_not_depend_on_the_shard(tmp_path):
    """Of roles that say nothing: the order must be the same in all files, in whatever shards they are."""
    for name, nodes in (("a", FORWARD), ("b", FORWARD), ("c", BACKWARD)):
        write(tmp_path / f"{name}.xml", BIOC % (name, nodes))
    same = Inputs([str(tmp_path / "[ab].xml")], "biocxml")
    orders = learned_orders(same)
    assert orders == [["REL", "one", "other"]]
    plan = write_plan(tmp_path / "work", plan_shards(same, 1), {}, {}, {}, orders)
    assert Plan.read(tmp_path / "work") == plan
    documents, errors, _ = whole([tmp_path / "[ab].xml"], format="biocxml")
    for number, document in enumerate(documents):
        roles = roles_of(plan, Options())
        [read] = read_shard(plan.shard(number), Options(), errors.append, Counter(), roles)
        assert read.id == document[0]
        assert [(r.head, r.tail) for r in read.relations] == [("T1", "T2")]
    both = Inputs([str(tmp_path / "*.xml")], "biocxml")
    with pytest.raises(RolesError, match="which argument is the head"):
        learned_orders(both)
    # Where nobody wants them.
    read = [d.id for shard in plan_shards(both, 1) for d in read_shard(shard, Options(), errors.append, Counter())]
    assert (read, errors) == (["a", "b", "c"], [])


def test_nothing_is_left_of_a_plan_that_cannot_be_made(tmp_path):
    source = write(tmp_path / "in.jsonl", "")
    with pytest.raises(DataError, match="there is no document in it"):
        write_plan(tmp_path / "run", plan_shards(Inputs([str(source)]), 4), {}, {}, {})
    assert list((tmp_path / "run").iterdir()) == []
