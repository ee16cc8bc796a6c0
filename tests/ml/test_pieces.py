"""From windows to word pieces: whatever the text, every token has the vectors of a part that the encoder can read."""

import logging
import random
from types import SimpleNamespace

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy_transformers.align import get_alignment_via_offset_mapping
from spacy_transformers.layers.transformer_model import forward as stock_forward
from spacy_transformers.span_getters import configure_get_sent_spans, configure_strided_spans, get_doc_spans
from thinc.api import reduce_mean
from transformers import AutoConfig, AutoModel, AutoTokenizer, BertTokenizer, RobertaConfig, RobertaModel

from spacy_relext.errors import RelextError
from spacy_relext.ml.limits import longest_text
from spacy_relext.ml.transformer import create_tok2vec_transformer, create_transformer_model
from spacy_relext.ml.windows import sentence_windows
from spacy_relext.notices import gathering

# Dropout would make two runs differ.
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
LIMIT = 64
END = "Rifampicin induces CYP3A4 and thereby lowers the exposure to midazolam."
NAMES = ", ".join(f"{i % 9 + 1}-(trifluoromethylphenyl)methylquinazolinamine" for i in range(30))
LONG = {
    "names": f"We tested {NAMES}, and {END}",
    "rule": f"Medications {'-' * 520} {END}",
    "primer": f"Primers were 5'-{'acgtgctagctagctagcatcgatcg' * 8}-3' for {END}",
    "address": f"See https://example.org/{'a1b2c3d4/' * 30}index.html for {END}",
    "chinese": "利福平诱导细胞色素酶并降低咪达唑仑的暴露量" * 8 + END,
    "many words": "warfarin increases aspirin levels " * 60 + END,
    "two rules": f"{'-' * 90} warfarin {'=' * 70} {END} {'-' * 200}",
}
ODD = ["\u200b", "a \u200b b", "\x00\x01", " ", "\n\n", "\u00ad\ufeff", "\U0001f469\u200d\U0001f52c warfarin"]


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    return nlp


def make_model(folder, get_spans=None, tokenizer_config=None, **settings):
    torch.manual_seed(0)
    config = {"use_fast": True, **(tokenizer_config or {})}
    model = create_transformer_model(str(folder), get_spans or sentence_windows(), config, dict(NO_DROPOUT), **settings)
    model.initialize()
    return model


def vectors_of(data, token):
    """The vectors of the pieces of a token, in their order."""
    first = int(data.align.lengths[:token].sum())
    indices = data.align.dataXd.reshape(-1)[first : first + int(data.align.lengths[token])]
    return numpy.asarray(data.model_output.last_hidden_state).reshape(-1, data.width)[indices]


def n_pieces(tokenizer, text):
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("kind", LONG)
def test_every_token_has_all_its_pieces(tiny_bert, nlp, kind):
    model, doc = make_model(tiny_bert), nlp(LONG[kind])
    with gathering() as found:
        output = model.predict([doc])
    (data,) = output.doc_data
    assert output.wordpieces.input_ids.shape[1] <= LIMIT
    alone = [n_pieces(model.tokenizer, token.text) for token in doc]
    assert data.align.lengths.tolist() == [min(n, LIMIT - 2) for n in alone]
    told = [line.split(". ")[0] for line in found.lines()]
    n_cut = sum(n > LIMIT - 2 for n in alone)
    assert told[0].startswith("Windows of more than the 64 word pieces that the encoder reads: ")
    assert [line.rsplit(": ", 1)[1] for line in told[1:]] == ([str(n_cut)] if n_cut else [])


@pytest.mark.parametrize("kind", LONG)
def test_vectors_are_those_of_the_part_alone(tiny_bert, nlp, kind):
    """Against the Hugging Face encoder on the pieces of each part by itself."""
    model, doc = make_model(tiny_bert), nlp(LONG[kind])
    output = model.predict([doc])
    hidden = numpy.asarray(output.model_output.last_hidden_state)
    for row, ids in enumerate(output.wordpieces.input_ids):
        n = int(output.wordpieces.lengths[row])
        assert (ids[0], ids[n - 1]) == (model.tokenizer.cls_token_id, model.tokenizer.sep_token_id)
        with torch.no_grad():
            alone = model.transformer(torch.as_tensor(ids[None, :n])).last_hidden_state[0].numpy()
        numpy.testing.assert_allclose(hidden[row, :n], alone, atol=1e-5)
    # A token has the pieces that it has alone, in one row.
    names = [name for row in output.wordpieces.strings for name in row]
    first = 0
    for token, count in zip(doc, output.align.lengths, strict=True):
        indices = output.align.dataXd.reshape(-1)[first : first + count]
        alone = model.tokenizer.tokenize(token.text)
        assert [names[i] for i in indices] == alone[:count]
        assert len(set((indices // hidden.shape[1]).tolist())) <= 1
        first += count


def test_spans_are_the_parts(tiny_bert, nlp):
    docs = [nlp(""), nlp(LONG["many words"]), nlp("Nothing."), nlp(LONG["rule"])]
    output = make_model(tiny_bert).predict(docs)
    assert len(output.wordpieces.strings) == sum(map(len, output.spans))
    for doc, spans in zip(docs, output.spans, strict=True):
        assert {token.i for span in spans for token in span} == set(range(len(doc)))
    assert [len(data.align.lengths) for data in output.doc_data] == list(map(len, docs))


@pytest.mark.parametrize("text", ODD)
def test_odd_texts(tiny_bert, nlp, text):
    """As with the stock model, also beside a long text."""
    model, doc = make_model(tiny_bert), nlp(text)
    expected = stock_forward(model, [doc], False)[0].doc_data[0].align.lengths.tolist()
    assert model.predict([doc]).doc_data[0].align.lengths.tolist() == expected
    long = nlp(LONG["rule"])
    assert [d.align.lengths.tolist() for d in model.predict([long, doc]).doc_data][1] == expected
    joined = nlp.make_doc(f"{text} {LONG['rule']} {text}")
    assert make_model(tiny_bert, get_doc_spans).predict([joined]).doc_data[0].align.lengths[-3] > 0


def test_docs_without_tokens(tiny_bert, nlp):
    for get_spans in (sentence_windows(), get_doc_spans):
        model = make_model(tiny_bert, get_spans)
        assert [len(data.align.lengths) for data in model.predict([nlp(""), nlp("")]).doc_data] == [0, 0]
        assert [len(data.align.lengths) for data in model.predict([nlp(""), nlp("Warfarin.")]).doc_data] == [0, 2]


CHARACTERS = [
    "abcdefg hij",
    "利福平诱导细胞色素酶并降低",
    "\u200b\u200d\ufeff\x00\t\n ",
    "👩\u200d🔬🧪é ü ß",
    "-=_/.,()'",
    "acgt",
    "ﬁ İ ẞ ŉ",
]


def random_text(rng):
    words = ["".join(rng.choices(rng.choice(CHARACTERS), k=rng.choice([1, 3, 8, 30, 90]))) for _ in range(rng.randint(0, 12))]
    return rng.choice(["", " "]).join(words)


@pytest.mark.parametrize("encoder", ["tiny_bert", "tiny_roberta"])
@pytest.mark.parametrize(
    "get_spans", [sentence_windows(20), get_doc_spans, configure_strided_spans(15, 10)], ids=["ours", "doc", "strided"]
)
def test_random_texts(encoder, get_spans, request):
    """Every token has its pieces, as an encoder without a limit would give them, in every window that has it."""
    model, rng = make_model(request.getfixturevalue(encoder), get_spans), random.Random(0)
    limit = longest_text(model.tokenizer, model.transformer.config, model.transformer)
    nlp = spacy.blank("xx")
    for _ in range(12):
        docs = [nlp(random_text(rng)) for _ in range(rng.randint(1, 3))]
        output = model.predict(docs)
        for doc, data, parts in zip(docs, output.doc_data, output.spans, strict=True):
            names = [name for row in data.wordpieces.strings for name in row]
            windows = [window for window in get_spans([doc])[0] if len(window)] if len(doc) else []
            expected = [[] for _ in doc]
            for window in windows:
                encoding = model.tokenizer(window.text, return_offsets_mapping=True, return_tensors="np", verbose=False)
                align = get_alignment_via_offset_mapping([window], encoding["offset_mapping"])
                pieces = model.tokenizer.convert_ids_to_tokens(encoding["input_ids"][0])
                for token in window:
                    first = int(align.lengths[: token.i].sum())
                    of_token = align.dataXd[first : first + align.lengths[token.i]]
                    expected[token.i] += [pieces[i] for i in of_token][: limit - 2]
            ends = data.align.lengths.cumsum()
            indices = [data.align.dataXd.reshape(-1)[end - n : end] for end, n in zip(ends, data.align.lengths, strict=True)]
            assert [[names[i] for i in of_token] for of_token in indices] == expected
            assert {token.i for part in parts for token in part} == set(range(len(doc)))


@pytest.mark.parametrize("get_spans", [get_doc_spans, configure_get_sent_spans(), configure_strided_spans(80, 60)])
def test_other_windows(tiny_bert, nlp, get_spans):
    texts = [LONG["many words"], LONG["names"], "Short.", LONG["rule"]]
    docs = [nlp(text) for text in texts]
    model = make_model(tiny_bert, get_spans)
    for doc, data in zip(docs, model.predict(docs).doc_data, strict=True):
        n_windows = sum(doc[-1] in span for span in get_spans([doc])[0])
        assert data.align.lengths[-1] == n_pieces(model.tokenizer, doc[-1].text) * n_windows
        assert (data.align.lengths > 0).all()


def test_windows_that_fit_are_what_they_were(tiny_bert, nlp, caplog):
    model = make_model(tiny_bert)
    texts = ["Warfarin raises aspirin levels.", "", "Avoid ketamine. Nothing is said here.", "\u200b", "a " * 61 + "b"]
    docs = [nlp(text) for text in texts]
    for is_train in (False, True):
        # The stock model has a row for every window, and fails on one without tokens.
        expected, output = stock_forward(model, docs, is_train)[0], model(docs, is_train)[0]
        assert torch.equal(output.model_output.last_hidden_state, expected.model_output.last_hidden_state)
        assert output.wordpieces.strings == expected.wordpieces.strings
        assert numpy.array_equal(output.align.dataXd, expected.align.dataXd)
        assert numpy.array_equal(output.align.lengths, expected.align.lengths)
    assert not caplog.messages


def test_window_of_exactly_the_limit_is_not_split(tiny_bert):
    doc = Doc(spacy.blank("en").vocab, words=["a"] * (LIMIT - 2))
    model = make_model(tiny_bert)
    assert model.predict([doc]).wordpieces.input_ids.shape == (1, LIMIT)
    longer = Doc(doc.vocab, words=["a"] * (LIMIT - 1))
    assert model.predict([longer]).wordpieces.input_ids.shape == (2, LIMIT)


def test_a_window_that_fits_stays_what_it_is_beside_a_long_one(tiny_bert, nlp):
    model = make_model(tiny_bert)
    short, long = nlp("Warfarin raises aspirin levels."), nlp(LONG["names"])
    expected = model.predict([short]).doc_data[0]
    for docs in ([short, long], [long, short]):
        data = model.predict(docs).doc_data[docs.index(short)]
        for token in range(len(short)):
            numpy.testing.assert_allclose(vectors_of(data, token), vectors_of(expected, token), atol=1e-5)


# Gradients


def test_gradients_reach_the_part_that_a_token_takes(tiny_bert, nlp):
    """Against torch on the parts, with weights of our own for every token."""
    doc = nlp(LONG["two rules"])
    model = create_tok2vec_transformer(str(tiny_bert), sentence_windows(), reduce_mean(), {"use_fast": True}, 1.0, dict(NO_DROPOUT))
    model.initialize()
    transformer = model.layers[0].layers[0]
    (vectors,), backprop = model.begin_update([doc])
    weights = numpy.random.default_rng(0).normal(size=vectors.shape).astype("float32")
    backprop([weights])
    gradients = {name: p.grad.to_dense().clone() for name, p in transformer.transformer.named_parameters() if p.grad is not None}
    assert len(gradients) > 30
    transformer.transformer.zero_grad()
    windows = transformer.predict([doc])
    hidden = transformer.transformer(
        input_ids=torch.as_tensor(windows.wordpieces.input_ids), attention_mask=torch.as_tensor(windows.wordpieces.attention_mask)
    ).last_hidden_state.flatten(0, 1)
    ends = windows.align.lengths.cumsum()
    means = [hidden[windows.align.dataXd.reshape(-1)[end - n : end]].mean(0) for n, end in zip(windows.align.lengths, ends, strict=True)]
    numpy.testing.assert_allclose(vectors, torch.stack(means).detach().numpy(), atol=1e-5)
    (torch.stack(means) * torch.as_tensor(weights)).sum().backward()
    for name, p in transformer.transformer.named_parameters():
        if p.grad is not None:
            expected = p.grad.to_dense()
            scale = max(1.0, float(expected.abs().max()))
            torch.testing.assert_close(gradients[name], expected, rtol=1e-3, atol=1e-4 * scale, msg=name)


# Tokenizers and limits


def test_a_slow_tokenizer(tiny_bert, nlp):
    fast, slow = make_model(tiny_bert), make_model(tiny_bert, tokenizer_config={"use_fast": False})
    assert isinstance(slow.tokenizer, BertTokenizer)
    docs = [nlp(LONG["names"]), nlp(LONG["rule"])]
    for a, b in zip(fast.predict(docs).doc_data, slow.predict(docs).doc_data, strict=True):
        assert a.align.lengths.tolist() == b.align.lengths.tolist()
        numpy.testing.assert_allclose(a.model_output.last_hidden_state, b.model_output.last_hidden_state, atol=1e-5)


def test_padding_on_the_left(tiny_bert, nlp):
    right, left = make_model(tiny_bert), make_model(tiny_bert, tokenizer_config={"padding_side": "left"})
    docs = [nlp("Warfarin."), nlp(LONG["names"])]
    a, b = right.predict(docs), left.predict(docs)
    assert b.wordpieces.strings[0][0] == "[PAD]"
    assert [len(row) for row in b.wordpieces.strings] == [len(row) for row in a.wordpieces.strings]
    for of_doc, other in zip(a.doc_data, b.doc_data, strict=True):
        assert of_doc.align.lengths.tolist() == other.align.lengths.tolist()


@pytest.fixture(scope="module")
def tiny_roberta(tmp_path_factory):
    """A RoBERTa of 42 positions, of which two are not used, with a byte-level tokenizer that does not know it."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-roberta")
    bpe = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    bpe.train_from_iterator(["warfarin increases aspirin levels"] * 3, vocab_size=300, special_tokens=special)
    bpe.save_model(str(folder))
    RobertaTokenizerFast(vocab_file=str(folder / "vocab.json"), merges_file=str(folder / "merges.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=bpe.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=42,
        type_vocab_size=1,
        pad_token_id=1,
    )
    RobertaModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", LONG)
def test_roberta_reads_two_pieces_less_than_it_has_positions(tiny_roberta, nlp, kind):
    model, doc = make_model(tiny_roberta), nlp(LONG[kind])
    assert model.tokenizer.model_max_length > 10**6
    output = model.predict([doc])
    assert output.wordpieces.input_ids.shape[1] <= 40
    assert (output.align.lengths > 0).all()
    assert output.align.lengths[-1] == (38 if kind == "two rules" else 1)


def test_limits(tiny_bert, tiny_roberta):
    bert, roberta = make_model(tiny_bert), make_model(tiny_roberta)
    assert longest_text(bert.tokenizer, bert.transformer.config, bert.transformer) == 64
    assert longest_text(roberta.tokenizer, roberta.transformer.config, roberta.transformer) == 40
    # A tokenizer may allow less than the encoder, and an encoder may have no limit.
    short = AutoTokenizer.from_pretrained(tiny_bert, model_max_length=16)
    assert longest_text(short, bert.transformer.config) == 16
    bert.transformer.config.max_position_embeddings = -1
    assert longest_text(roberta.tokenizer, bert.transformer.config) is None


SIZES = {"vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
FAMILIES = {
    "bert": SIZES,
    "electra": {**SIZES, "embedding_size": 16},
    "distilbert": {"vocab_size": 30, "dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16},
    "roberta": SIZES,
    "xlm-roberta": SIZES,
    "mpnet": SIZES,
    "camembert": SIZES,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_limits_of_families(family):
    """As many pieces as are said to be read can be read, and not one more."""
    model = AutoModel.from_config(AutoConfig.for_model(family, **FAMILIES[family], max_position_embeddings=22)).eval()
    limit = longest_text(SimpleNamespace(model_max_length=10**30), model.config, model)
    with torch.no_grad():
        assert model(torch.full((1, limit), 7)).last_hidden_state.shape[1] == limit
        with pytest.raises((IndexError, RuntimeError)):
            model(torch.full((1, limit + 1), 7))


def test_the_tokenizer_may_say_less(tiny_bert, nlp):
    model = make_model(tiny_bert, tokenizer_config={"model_max_length": 16})
    output = model.predict([nlp(LONG["many words"])])
    assert output.wordpieces.input_ids.shape[1] == 16
    assert (output.align.lengths > 0).all()


def test_a_limit_without_place_for_text_is_an_error(tiny_bert, nlp):
    model = make_model(tiny_bert, tokenizer_config={"model_max_length": 2})
    with pytest.raises(RelextError, match="read 2 word pieces, of which 2 are special ones"):
        model.predict([nlp("Warfarin.")])


def test_what_was_cut_is_told_once_and_counted(tiny_bert, nlp, caplog):
    logging.getLogger("spacy").propagate = True
    model = make_model(tiny_bert)
    docs = [nlp(LONG["two rules"]), nlp(LONG["many words"])]
    for _ in range(2):
        model.predict(docs)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert caplog.messages[0] == "Windows of more than the 64 word pieces that the encoder reads: 3. They are read in overlapping parts."
    assert "Tokens of more word pieces than fit into the 64 that the encoder reads" in caplog.messages[1]
    with gathering() as found:
        for _ in range(2):
            model.predict(docs)
    assert [line.split(". ")[0].rsplit(": ", 1)[1] for line in found.lines()] == ["6", "4"]
