"""Makes the golden pipelines: small trained ones, as users have them on their disks, and what they find.

Those that stand here were made at commit cd6fb50, before settings were renamed. They are made anew only where a stored pipeline may
really give something else: with `python -m tests.golden.make NAME`, at a commit whose pipelines are to load from then on.
"""

import json
import random
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import spacy
from spacy.language import Language
from spacy.training import Example
from spacy.util import fix_random_seed

from tests.conftest import TRAIN_DATA, make_doc

HERE = Path(__file__).parent
TEXTS = ("Aspirin increases warfarin levels, and ketamine spares quinine.", "Avoid ketamine with warfarin or rifampicin: it blocks CYP3A4.")
DRUGS = ("aspirin", "warfarin", "ketamine", "rifampicin", "ritonavir", "quinine")
CNN = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 16,
    "depth": 1,
    "embed_size": 100,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": False,
}
WINDOWS = {"@span_getters": "spacy-relext.sentence_windows.v1", "max_tokens": 20}
MEAN = {"@layers": "reduce_mean.v1"}
LISTENER = {"@architectures": "spacy-transformers.TransformerListener.v1", "grad_factor": 1.0, "pooling": MEAN, "upstream": "*"}
# Settings of the reader are stored, too, though nobody reads them of a trained pipeline.
READER = {"@readers": "spacy-relext.Corpus.v1", "path": None, "unit": "sentence", "crossing": "drop", "swap_mentions": 0.5}


def pair_classifier(tok2vec: dict, **settings) -> dict:
    summary = {"@layers": "spacy-relext.pair_attention.v1", "n_heads": 2}
    model = {"@architectures": "spacy-relext.PairClassifier.v1", "hidden_width": 16, "dropout": 0.1, "precision": "float32"}
    return {**model, "tok2vec": tok2vec, "summary": summary, **settings}


def encoder(folder: Path, architecture: str, **settings) -> dict:
    model = {"@architectures": architecture, "name": str(folder), "get_spans": WINDOWS, "cpu_precision": "float32"}
    return {**model, "tokenizer_config": {"use_fast": True}, **settings}


def single_pass(nlp: Language, bert: Path) -> None:
    tok2vec = encoder(bert, "spacy-relext.Tok2VecTransformer.v1", pooling=MEAN, grad_factor=1.0)
    model = pair_classifier(tok2vec, marking={"@misc": "spacy-relext.mention_tags.v1"})
    nlp.add_pipe("relation_extractor", config={"model": model, "consistency": 1.0, "threshold": 0.3, "reduction": "mean"})


def per_pair(nlp: Language, bert: Path) -> None:
    model = {
        "@architectures": "spacy-relext.MarkedPairClassifier.v1",
        "name": str(bert),
        "max_length": 32,
        "hidden_width": 0,
        "precision": "float32",
        "tokenizer_config": {"use_fast": True},
        "marking": {"@misc": "spacy-relext.pair_tags.v1", "numbered": True},
        "summary": {"@layers": "spacy-relext.attention.v1"},
    }
    nlp.add_pipe("relation_extractor", config={"model": model, "threshold": 0.3, "reduction": "mean"})


def two_extractors(nlp: Language, bert: Path) -> None:
    nlp.add_pipe("transformer", config={"model": encoder(bert, "spacy-relext.TransformerModel.v1")})
    for name in ("one", "two"):
        nlp.add_pipe("relation_extractor", name=name, config={"model": pair_classifier(LISTENER), "score_prefix": name})
    config = nlp.config
    config["initialize"]["components"] = {"one": {"labels": ["MECHANISM", "INHIBITS"]}, "two": {"labels": ["ADVISE"]}}
    config["training"]["score_weights"] = {"one_micro_f": 0.5, "two_micro_f": 0.5}
    nlp.config = config


def rules(nlp: Language, bert: Path) -> None:
    candidates = {"@misc": "spacy-relext.distance_pairs.v1", "max_distance": 12, "ordered": True, "max_sentences": 0}
    settings = {
        "threshold": 0.3,
        "exclusive": False,
        "symmetric_labels": ["ADVISE"],
        "type_rules": {"INHIBITS": [["DRUG", "GENE"]], "MECHANISM": [["DRUG", "DRUG"]]},
        "max_pairs": 50,
    }
    nlp.add_pipe("relation_extractor", config={"model": pair_classifier(CNN), "candidates": candidates, **settings})


PIPELINES = {make.__name__: make for make in (single_pass, per_pair, two_extractors, rules)}
# Texts of two corpora, each annotated for its labels alone.
SHARES = {"two_extractors": (("INHIBITS", "MECHANISM"), ("ADVISE",))}


def make_bert(folder: Path) -> Path:
    """A BERT of one layer and 16 dimensions."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = sorted({w.strip(".,:").lower() for text in (*TEXTS, *(text for text, _, _ in TRAIN_DATA)) for w in text.split()})
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = list(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".,:@$", *words, *letters, *(f"##{c}" for c in letters)]))
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf8")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), do_lower_case=True, model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64}
    BertModel(BertConfig(vocab_size=len(pieces), **sizes)).save_pretrained(folder)
    return folder


def examples(nlp: Language, name: str) -> list[Example]:
    from spacy_relext.relations import get_relations, set_annotated_labels, set_relations

    found = []
    for labels in SHARES.get(name, (None,)):
        for entry in TRAIN_DATA:
            doc = make_doc(nlp, *entry)
            if labels is not None:
                set_relations(doc, [r for r in get_relations(doc) if r.label in labels])
                set_annotated_labels(doc, labels)
            found.append(Example(nlp.make_doc(doc.text), doc))
    return found


def make(name: str, bert: Path) -> Language:
    """A trained pipeline: sentencizer, a ruler for the mentions, what the extractors listen to, and they."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    PIPELINES[name](nlp, bert)
    config = nlp.config
    config["corpora"]["train"] = READER
    nlp.config = config
    data = examples(nlp, name)
    optimizer = nlp.initialize(lambda: data)
    # Initialising a ruler empties it.
    ruler.add_patterns([{"label": "DRUG", "pattern": drug} for drug in DRUGS] + [{"label": "GENE", "pattern": "CYP3A4"}])
    optimizer.learn_rate = 0.01
    for _ in range(80):
        random.shuffle(data)
        nlp.update(data, sgd=optimizer, annotates=["sentencizer"])
    return nlp


def results(nlp: Language) -> list[dict]:
    """Of each text, the relations that are found, and of each extractor the scores of all pairs of mentions."""
    found = []
    for doc in nlp.pipe(TEXTS):
        relations = [[r.head.text, r.tail.text, r.label, r.score, list(r.sources)] for r in doc._.relations]
        pairs = [(a, b) for a in doc.ents for b in doc.ents if a is not b and a.start != b.start]
        extractors = {pipe: nlp.get_pipe(pipe) for pipe in nlp.pipe_names if hasattr(nlp.get_pipe(pipe), "score_pairs")}
        scores = {
            pipe: [[pair.head.text, pair.tail.text, pair.scores, pair.no_relation] for pair in extractor.score_pairs(doc, pairs)]
            for pipe, extractor in extractors.items()
        }
        found.append({"text": doc.text, "relations": relations, "scores": scores})
    return found


def main() -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    for name in sys.argv[1:] or PIPELINES:
        with TemporaryDirectory() as folder, chdir(folder):
            make(name, make_bert(Path("bert"))).to_disk(name)
            # What a user gets is what was loaded.
            expected = {"commit": commit, "results": results(spacy.load(Path(name)))}
            shutil.make_archive(str(HERE / name), "xztar", folder, name)
        (HERE / f"{name}.json").write_text(json.dumps(expected) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
