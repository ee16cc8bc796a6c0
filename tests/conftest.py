"""What all tests share: a tiny BERT built on the spot, small annotated Docs, and where the real corpora are."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Small models: a second thread of torch's gains nothing, and stalls where the machine is busy. Results do not depend on the cores either.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
import spacy
from hypothesis import HealthCheck, settings
from spacy.lang.en import English
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.relations import Relation, register_extensions, set_relations

# The special cases of English's tokenizer (don't, 8am, :-), e.g.) took half of the time of all tests: they are put into the vocabulary of
# every pipeline that is made. Here it has the abbreviations alone; what is about the others asks for `all_special_cases`.
SPECIAL_CASES = English.Defaults.tokenizer_exceptions
ABBREVIATIONS = {text: tokens for text, tokens in SPECIAL_CASES.items() if text.endswith(".") and len(tokens) == 1}
English.Defaults.tokenizer_exceptions = ABBREVIATIONS

# A busy machine is slow, which is no fault of an example.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "assets" / "demo"
SHARED_DATA = ROOT.parent / "shared" / "data"

# Head and tail are given as (index of the mention).
TRAIN_DATA = [
    ("Aspirin increases warfarin levels.", [("Aspirin", "DRUG"), ("warfarin", "DRUG")], [(0, 1, "MECHANISM")]),
    ("Avoid ketamine with warfarin or aspirin.", [("ketamine", "DRUG"), ("warfarin", "DRUG"), ("aspirin", "DRUG")],
     [(0, 1, "ADVISE"), (0, 2, "ADVISE")]),
    ("Warfarin levels were raised by rifampicin.", [("Warfarin", "DRUG"), ("rifampicin", "DRUG")], [(1, 0, "MECHANISM")]),
    ("Ketamine did not alter warfarin.", [("Ketamine", "DRUG"), ("warfarin", "DRUG")], []),
    ("Ritonavir inhibits CYP3A4 and spares quinine.", [("Ritonavir", "DRUG"), ("CYP3A4", "GENE"), ("quinine", "DRUG")],
     [(0, 1, "INHIBITS")]),
    ("Nothing is said here.", [], []),
]  # fmt: skip


def make_doc(nlp: Language, text: str, mentions: list[tuple[str, str]], relations: list[tuple[int, int, str]]) -> Doc:
    """A Doc of one sentence with entities, found by their text, and relations."""
    doc = nlp.make_doc(text)
    for token in doc:
        token.is_sent_start = token.i == 0
    spans: list[Span] = []
    position = 0
    for name, kind in mentions:
        position = text.index(name, position)
        spans.append(doc.char_span(position, position + len(name), label=kind))
        position += len(name)
    doc.set_ents(spans)
    register_extensions()
    set_relations(doc, [Relation(spans[head], spans[tail], label) for head, tail, label in relations])
    return doc


def with_entities(nlp: Language, data: list = TRAIN_DATA) -> list[Doc]:
    """Docs with the annotated entities, but no sentences and no relations."""
    docs = []
    for entry in data:
        reference = make_doc(nlp, *entry)
        doc = nlp.make_doc(reference.text)
        doc.ents = [Span(doc, span.start, span.end, label=span.label) for span in reference.ents]
        docs.append(doc)
    return docs


@pytest.fixture
def nlp() -> Language:
    """A blank English pipeline."""
    return spacy.blank("en")


@pytest.fixture
def examples(nlp: Language) -> list[Example]:
    """Six sentences with three labels, all to be learned by heart in a few steps."""
    references = [make_doc(nlp, *data) for data in TRAIN_DATA]
    return [Example(nlp.make_doc(reference.text), reference) for reference in references]


@pytest.fixture(scope="session", autouse=True)
def interrupts():
    """Tests that interrupt a training do so whoever started them: a shell lets what it runs in the background ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory) -> Path:
    """A folder with a BERT of 2 layers and 32 dimensions, and a tokenizer for the words of the tests."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-bert")
    words = sorted({w.strip(".,").lower() for text, _, _ in TRAIN_DATA for w in text.split()})
    letters = list("abcdefghijklmnopqrstuvwxyz0123456789")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".,()-'@$#*^", *words, *letters, *(f"##{c}" for c in letters)]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(pieces)) + "\n", encoding="utf8")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), do_lower_case=True, model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(dict.fromkeys(pieces)),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """The folder of a small pipeline that has learned seven sentences by heart."""
    from tests.cli.toy import train

    folder = tmp_path_factory.mktemp("toy") / "model"
    train(folder)
    return folder


@pytest.fixture(scope="module")
def all_special_cases():
    """English as it is."""
    English.Defaults.tokenizer_exceptions = SPECIAL_CASES
    yield
    English.Defaults.tokenizer_exceptions = ABBREVIATIONS


@pytest.fixture(scope="module")
def shared_data(all_special_cases) -> Path:
    """The folder of real corpora, which are not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real corpora are not in {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="module")
def chromium():
    """A browser of playwright's. Of a module: an event loop runs as long as it is there, and others need theirs."""
    from tests.browser.chromium import MissingError, started

    with ExitStack() as stack:
        try:
            browser = stack.enter_context(started())
        except MissingError as missing:
            pytest.skip(str(missing))
        yield browser


@pytest.fixture
def axe(chromium):
    """A function that gives what axe-core finds against a page that is shown."""
    from tests.browser.chromium import MissingError, axe_source, violations

    try:
        axe_source()
    except MissingError as missing:
        pytest.skip(str(missing))
    return violations
