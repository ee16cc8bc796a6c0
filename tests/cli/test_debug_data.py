"""`relext debug-data`, run in process."""

import copy
import json
import re

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_relext.formats.docs import to_doc
from spacy_relext.relations import register_extensions
from tests.cli.toy import relext
from tests.conftest import ROOT
from tests.diagnosis.test_settings import FITTING
from tests.diagnosis.toy import make_parts


def write(parts, folder, *, store_user_data=True):
    register_extensions()
    nlp = spacy.blank("en")
    for name, documents in parts.items():
        DocBin(docs=[to_doc(d, nlp) for d in documents], store_user_data=store_user_data).to_disk(folder / f"{name}.spacy")
    return folder


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A folder with train.spacy, dev.spacy and test.spacy."""
    return write(make_parts(), tmp_path_factory.mktemp("clean"))


def debug(folder, *options):
    return relext("debug-data", folder / "train.spacy", "--dev", folder / "dev.spacy", "--test", folder / "test.spacy", *options)


def section(output, title):
    """The lines of a section of the report."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", output)
    return re.search(rf"^=+ {re.escape(title)} =+\n(.*?)(?=^=+ |\Z)", plain, flags=re.DOTALL | re.MULTILINE).group(1)


def test_report_of_a_clean_corpus(clean, tmp_path):
    result = debug(clean, "--output", tmp_path / "new" / "report.json")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in section(result.stdout, "Relations").splitlines()]
    assert ["RAISES", "36", "24", "24"] in [row[:4] for row in rows]
    assert ["train", "45", "180", "2,340", "360", "180", "108", "108"] in [
        line.split() for line in section(result.stdout, "Parts").splitlines()
    ]
    assert re.search(r"DRUG – GENE +72 +36 +50 %", section(result.stdout, "Pairs in a sentence, by types"))
    by_distance = re.findall(
        r"^\S+ +(\d+) +(\d+) +[\d.]+ %", section(result.stdout, "Pairs in a sentence, by distance"), flags=re.MULTILINE
    )
    assert sum(int(pairs) for pairs, _ in by_distance) == 180
    assert sum(int(related) for _, related in by_distance) == 108
    # Both directions of 180 pairs; with rules, both of 108 pairs of drugs, and one of drug and gene.
    candidates = section(result.stdout, "Candidates")
    assert re.search(r"sentence_pairs\(ordered=True, overlapping=False\) +360 +30 % +100 %", candidates)
    assert re.search(r"with the suggested type_rules +288 +38 % +100 %", candidates)
    settings = spacy.util.load_config_from_str(section(result.stdout, "Suggested settings"))
    assert settings["components"]["relation_extractor"]["type_rules"]["BLOCKS"] == [["DRUG", "GENE"]]
    assert "Errors: 0. Warnings: 0. For your information: 0." in result.stdout
    report = json.loads((tmp_path / "new" / "report.json").read_text(encoding="utf8"))
    assert report["findings"] == []
    assert report["suggestions"]["labels"] == ["BLOCKS", "LOWERS", "RAISES"]
    assert report["tables"]["Parts"][1][:2] == ["train", 45]


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    """The same with five documents of the training part in the test part."""
    parts = make_parts()
    parts["test"] += copy.deepcopy(parts["train"][:5])
    return write(parts, tmp_path_factory.mktemp("leaking"))


def test_errors_end_with_status_1_and_show_where(leaking):
    result = debug(leaking)
    assert result.exit_code == 1
    assert re.search(r"shared-documents: .* 5\s+\(5\s+of\s+test\s+in\s+train\)", result.stdout, flags=re.DOTALL)
    assert re.findall(r"^    test: (train-\d): .* and train: \1$", result.stdout, flags=re.MULTILINE) == ["train-0", "train-1", "train-2"]
    assert "Errors: 1. Warnings: 0. For your information: 0." in result.stdout
    assert "Traceback" not in result.output


def test_all_examples_where_wanted(leaking):
    assert len(re.findall(r"^    test: train-\d:", debug(leaking, "--verbose").stdout, flags=re.MULTILINE)) == 5


def test_warnings_are_no_errors(tmp_path):
    parts = make_parts()
    parts["train"].append(copy.deepcopy(parts["train"][0]))
    result = debug(write(parts, tmp_path))
    assert result.exit_code == 0
    assert "Errors: 0. Warnings: 1." in result.stdout


def test_data_without_relations_has_a_report_too(tmp_path):
    """The commonest mistake: a DocBin that does not keep what extensions hold."""
    result = debug(write(make_parts(), tmp_path, store_user_data=False))
    assert result.exit_code == 1
    assert "store_user_data=True" in result.stdout
    assert "Suggested settings" not in result.stdout
    assert "Errors: 3." in result.stdout


def test_folds_are_parts(tmp_path):
    parts = make_parts()
    folds = {f"fold-{i}": parts["train"][i::3] for i in range(3)}
    folds["fold-2"].append(copy.deepcopy(folds["fold-0"][0]))
    folder = write(folds, tmp_path)
    result = relext("debug-data", folder)
    assert result.exit_code == 1
    assert re.search(r"1\s+of\s+fold-2\s+in\s+fold-0", result.stdout)
    assert ["RAISES", "12", "12", "13"] in [line.split()[:4] for line in section(result.stdout, "Relations").splitlines()]
    refused = relext("debug-data", folder, "--dev", folder / "fold-0.spacy")
    assert refused.exit_code == 1
    assert "Leave --dev and --test out" in " ".join(refused.stderr.split())


def test_config_and_its_overrides(clean, tiny_bert):
    config = ("--config", ROOT / "configs" / "ddi.cfg", "--paths.encoder", tiny_bert)
    result = relext("debug-data", clean / "train.spacy", *config)
    assert result.exit_code == 1
    assert re.search(r"unknown-labels: settings name labels that there are not: 4\.", " ".join(result.stdout.split()))
    fitting = [text for name, value in FITTING.items() for text in (f"--{name}", json.dumps(value))]
    result = relext("debug-data", clean / "train.spacy", *config, *fitting)
    # 64 word pieces are too few for the sentences, which is no error.
    assert (result.exit_code, "Errors: 0. Warnings: 1." in result.stdout) == (0, True)


def test_mentions_of_doc_ents(clean):
    result = debug(clean, "--spans-key", "ents")
    assert result.exit_code == 0
    assert "spans_key" not in section(result.stdout, "Suggested settings")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--system.seed", "1"), r"system\.seed: settings of a config, and there is none"),
        (("--encoder", "no/such/encoder"), r"there is no encoder 'no/such/encoder': no such folder"),
        (("--config", "no.cfg"), r"no\.cfg: there is no such config file"),
        (("--tokenizer", "nothing"), r"there is no tokenizer 'nothing'"),
        (("--dev", "no.spacy"), r"no\.spacy: there is no such file"),
    ],
)
def test_what_cannot_be_read_is_said(options, message, clean):
    result = relext("debug-data", clean / "train.spacy", *options)
    assert result.exit_code == 1
    assert re.search(message, " ".join(result.stderr.split())), result.stderr
