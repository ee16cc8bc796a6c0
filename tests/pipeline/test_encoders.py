"""Any encoder by its name: families, and scales, which are one to the head and stored with it."""

import io
from functools import partial

import numpy
import pytest
import torch
import transformers
from spacy.util import load_model
from tokenizers import ByteLevelBPETokenizer, SentencePieceUnigramTokenizer
from tokenizers.processors import TemplateProcessing
from torch import nn
from transformers import AutoModel, AutoTokenizer

from spacy_relext.ml.head import PairScorer
from spacy_relext.ml.summaries import Mentions
from tests.conftest import TRAIN_DATA
from tests.pipeline.test_encodings import marked_pipeline, overfit, shared_pipeline
from tests.pipeline.test_with_transformer import encoder_of, initialize, make_examples, scores_of, step, transformer_pipeline

LETTERS = list("abcdefghijklmnopqrstuvwxyz0123456789.,()-'@$#*^")
DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, **DROPOUT}
# Of these, positions are counted from the number of the padding piece on, and there are two more than texts have pieces.
ROBERTA = {"max_position_embeddings": 66, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
ANGLES = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def word_pieces(folder, special):
    """A file of word pieces: the words of the tests, and letters."""
    words = sorted({w.strip(".,").lower() for text, _, _ in TRAIN_DATA for w in text.split()})
    pieces = dict.fromkeys([*special, *LETTERS, *words, *(f"##{letter}" for letter in LETTERS)])
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf8")
    return str(folder / "vocab.txt")


def byte_pairs(folder):
    """A tokenizer of byte pairs, as RoBERTa has."""
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator([text for text, _, _ in TRAIN_DATA], vocab_size=400, special_tokens=ANGLES, show_progress=False)
    tokenizer.save_model(str(folder))
    return {"vocab_file": str(folder / "vocab.json"), "merges_file": str(folder / "merges.txt")}


def sentence_pieces(special, lower, first, last):
    """A tokenizer of sentence pieces, whose words begin with ▁."""
    tokenizer = SentencePieceUnigramTokenizer()
    texts = [text.lower() if lower else text for text, _, _ in TRAIN_DATA] + [" ".join(LETTERS)]
    tokenizer.train_from_iterator(texts, vocab_size=150, special_tokens=special, unk_token=special[3], show_progress=False)
    places = [(piece, tokenizer.token_to_id(piece)) for piece in (first, last)]
    tokenizer.post_processor = TemplateProcessing(single=f"{first} $A {last}", pair=f"{first} $A {last} $B {last}", special_tokens=places)
    return tokenizer._tokenizer


def bert(folder, tokenizer=transformers.BertTokenizerFast):
    return tokenizer(vocab_file=word_pieces(folder, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))


FAMILIES = {
    "BERT": (bert, transformers.BertConfig, SIZES),
    "ELECTRA": (
        partial(bert, tokenizer=transformers.ElectraTokenizerFast), transformers.ElectraConfig, {**SIZES, "embedding_size": 16}),
    "DistilBERT": (
        partial(bert, tokenizer=transformers.DistilBertTokenizerFast), transformers.DistilBertConfig,
        {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "dropout": 0.0, "attention_dropout": 0.0}),
    "MPNet": (
        lambda folder: transformers.MPNetTokenizerFast(vocab_file=word_pieces(folder, [*ANGLES, "[UNK]"])), transformers.MPNetConfig,
        {**SIZES, **ROBERTA}),
    "RoBERTa": (
        lambda folder: transformers.RobertaTokenizerFast(**byte_pairs(folder)), transformers.RobertaConfig, {**SIZES, **ROBERTA}),
    "XLM-R": (
        lambda folder: transformers.XLMRobertaTokenizerFast(tokenizer_object=sentence_pieces(ANGLES, False, "<s>", "</s>")),
        transformers.XLMRobertaConfig, {**SIZES, **ROBERTA}),
    "DeBERTa-v2": (
        lambda folder: transformers.DebertaV2TokenizerFast(
            tokenizer_object=sentence_pieces(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"], True, "[CLS]", "[SEP]")),
        transformers.DebertaV2Config,
        {**SIZES, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "norm_rel_ebd": "layer_norm", "share_att_key": True}),
}  # fmt: skip


def make_encoder(family, folder, scale=1.0):
    """A folder with a small encoder of a family, as Hugging Face stores it."""
    make_tokenizer, config_class, settings = FAMILIES[family]
    tokenizer = make_tokenizer(folder)
    tokenizer.model_max_length = 64
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    model = AutoModel.from_config(config_class(**{"max_position_embeddings": 64, "vocab_size": len(tokenizer), **settings}))
    model.save_pretrained(folder)
    return rescaled(folder, folder, scale)


def rescaled(folder, target, scale):
    """The encoder of a folder, in another one, whose last layer's values are `scale` times as large."""
    model = AutoModel.from_pretrained(folder)
    last = [module for name, module in model.named_modules() if isinstance(module, nn.LayerNorm) and ".layer.1." in name][-1]
    with torch.no_grad():
        last.weight.mul_(scale)
        last.bias.mul_(scale)
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(folder).save_pretrained(target)
    return target


@pytest.fixture(scope="module")
def quiet(tiny_bert, tmp_path_factory):
    """The tiny BERT, with values a twentieth as large."""
    return rescaled(tiny_bert, tmp_path_factory.mktemp("quiet"), 0.05)


def scale_of(nlp):
    return nlp.get_pipe("relation_extractor").model.get_ref("head").shims[0]._model.scale


def test_the_scale_is_set_by_the_first_update_and_stored(quiet, tmp_path):
    nlp = transformer_pipeline(quiet)
    examples, optimizer = initialize(nlp)
    assert scale_of(nlp) is None
    assert scale_of(transformer_pipeline(quiet).from_bytes(nlp.to_bytes())) is None
    step(nlp, examples[-1:], optimizer)  # no pair
    assert scale_of(nlp) is None
    step(nlp, examples, optimizer)
    assert scale_of(nlp) == 4.0
    expected = scores_of(nlp)
    nlp.to_disk(tmp_path)
    loaded = load_model(tmp_path)
    again = transformer_pipeline(quiet).from_bytes(nlp.to_bytes())
    again.replace_listeners("transformer", "relation_extractor", ["model.tok2vec"])
    for other in (loaded, again):
        assert scale_of(other) == 4.0
        numpy.testing.assert_allclose(scores_of(other), expected, rtol=1e-5, atol=1e-7)
    with nlp.use_params({}):
        numpy.testing.assert_array_equal(scores_of(nlp), expected)
    # A new label, and more training, keep it; another initialisation does not.
    loaded.get_pipe("relation_extractor").add_label("NEW")
    step(loaded, examples, optimizer)
    assert scale_of(loaded) == 4.0
    initialize(nlp)
    assert scale_of(nlp) is None


def test_a_pipeline_that_was_stored_without_a_scale_reads_its_encoder_as_it_is(quiet):
    nlp = shared_pipeline(quiet, "mentions")
    examples, optimizer = initialize(nlp)
    shim = nlp.get_pipe("relation_extractor").model.get_ref("head").shims[0]
    nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    assert scale_of(nlp) == 4.0
    shim._model.scale = 1.0
    expected = scores_of(nlp)
    shim._model.scale = 4.0
    stored = torch.load(io.BytesIO(shim._serialize_model(shim._model)), weights_only=True)
    del stored["scale"]
    older = io.BytesIO()
    torch.save(stored, older)
    shim._model = shim._deserialize_model(PairScorer(Mentions(), hidden_width=32, max_cells=2**19), older.getvalue(), torch.device("cpu"))
    assert scale_of(nlp) == 1.0
    numpy.testing.assert_array_equal(scores_of(nlp), expected)
    nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    assert scale_of(nlp) == 1.0


# All scales, encodings and precisions, for one family or another.
CASES = [
    ("BERT", 0.05, "shared", "float32"),
    ("BERT", 20.0, "shared", "bfloat16"),
    ("BERT", 0.05, "marked", "bfloat16"),
    ("BERT", 20.0, "marked", "float32"),
    ("ELECTRA", 20.0, "shared", "float32"),
    ("ELECTRA", 5.0, "marked", "bfloat16"),
    ("DistilBERT", 0.05, "shared", "bfloat16"),
    ("DistilBERT", 20.0, "marked", "float32"),
    ("MPNet", 0.1, "shared", "bfloat16"),
    ("MPNet", 0.1, "marked", "float32"),
    ("RoBERTa", 5.0, "shared", "float32"),
    ("RoBERTa", 0.2, "marked", "bfloat16"),
    ("XLM-R", 1.0, "shared", "bfloat16"),
    ("XLM-R", 0.05, "marked", "float32"),
    ("DeBERTa-v2", 0.2, "shared", "float32"),
    ("DeBERTa-v2", 1.0, "marked", "bfloat16"),
]


@pytest.mark.parametrize(("family", "scale", "encoding", "precision"), CASES)
def test_every_family_learns_at_every_scale(tmp_path, family, scale, encoding, precision):
    folder = make_encoder(family, tmp_path, scale)
    if encoding == "marked":
        nlp = marked_pipeline(folder, "attention", hidden_width=32, precision=precision)
    else:
        nlp = shared_pipeline(folder, "mentions", precision)
    overfit(nlp, limit=120)
    # The spread that a word has of its pieces is less than that of these.
    assert 0.14 < scale_of(nlp) * scale < 1.3
    nlp.to_disk(tmp_path / "pipeline")
    numpy.testing.assert_allclose(scores_of(load_model(tmp_path / "pipeline")), scores_of(nlp), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("family", ["BERT", "MPNet"])
def test_a_stored_encoder_has_its_small_numbers(tmp_path, family):
    nlp = transformer_pipeline(make_encoder(family, tmp_path))
    nlp.initialize(lambda: make_examples(nlp))
    again = transformer_pipeline(tmp_path).from_bytes(nlp.to_bytes())
    stored, loaded = ([m.eps for m in encoder_of(p).modules() if isinstance(m, nn.LayerNorm)] for p in (nlp, again))
    assert stored == loaded
    assert encoder_of(again).config.layer_norm_eps == 1e-12
