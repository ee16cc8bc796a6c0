"""`relext init-config`: what it writes trains, and is what was measured."""

import json
import re
from dataclasses import replace

import pytest
import spacy
from spacy.util import load_config, load_config_from_str, registry
from thinc.api import Config, Optimizer

from spacy_relext.errors import RelextError
from spacy_relext.formats.types import AnnotatedRelation
from spacy_relext.quickstart.config import ENCODERS, LARGE, SMALL, depth_first, encoder_size, template_config
from tests.cli.test_debug_data import write as write_parts
from tests.cli.toy import TWO_STEPS, relext, spacy_command
from tests.conftest import ROOT
from tests.diagnosis.toy import make_parts


def write(folder, change=None):
    """The toy corpus as train.spacy and dev.spacy."""
    parts = make_parts()
    for documents in parts.values():
        if change is not None:
            change(documents)
    return write_parts(parts, folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data"))


@pytest.fixture
def init(data, tmp_path):
    """Run the command on the toy corpus; its config."""

    def run(*options, folder=data):
        result = relext("init-config", folder / "train.spacy", tmp_path / "my.cfg", "--dev", folder / "dev.spacy", "--force", *options)
        assert result.exit_code == 0, result.output
        return load_config(tmp_path / "my.cfg")

    return run


def refused(folder, *options):
    """The message of a command that ends with status 1, on one line."""
    result = relext("init-config", folder / "train.spacy", folder / "refused.cfg", *options)
    assert result.exit_code == 1, result.output
    assert not (folder / "refused.cfg").exists()
    return " ".join(result.output.split())


CHOICES = [("cpu",), ("gpu",), ("accuracy",), ("cpu", "--ner"), ("gpu", "--ner")]


@pytest.mark.parametrize("choice", CHOICES, ids=" ".join)
def test_config_is_valid_and_trains(choice, data, init, tiny_bert, tmp_path):
    init("--optimize", *choice, "--encoder", tiny_bert)
    spacy_command("debug", "config", "my.cfg", cwd=tmp_path)
    found = relext("debug-data", data / "train.spacy", "--dev", data / "dev.spacy", "--config", tmp_path / "my.cfg")
    assert found.exit_code == 0, found.output
    # The toy corpus has its own slips, but a config made of it has none.
    assert "unreachable" not in found.output
    assert "not-symmetric" not in found.output
    # It gives the model Docs alone.
    assert "looks good" in spacy_command("debug", "model", "my.cfg", "relation_extractor", "-P3", cwd=tmp_path).output
    spacy_command("train", "my.cfg", "--output", "out", *TWO_STEPS, cwd=tmp_path)
    nlp = spacy.load(tmp_path / "out" / "model-last")
    assert isinstance(nlp.resume_training(), Optimizer)
    assert nlp.pipe_names == ["sentencizer", *(["transformer", "ner"] if "--ner" in choice else []), "relation_extractor"]
    assert set(nlp.get_pipe("relation_extractor").labels) == {"RAISES", "LOWERS", "BLOCKS"}
    if "--ner" in choice:
        assert set(nlp.get_pipe("ner").labels) == {"DRUG", "GENE"}


def test_settings_are_those_that_the_data_suggests(data, init, tmp_path):
    config = init()
    suggested = relext("debug-data", data / "train.spacy", "--output", tmp_path / "report.json")
    assert suggested.exit_code == 0, suggested.output
    suggestions = json.loads((tmp_path / "report.json").read_text(encoding="utf8"))["suggestions"]
    extractor = config["components"]["relation_extractor"]
    assert extractor["spans_key"] == suggestions["spans_key"] == "mentions"
    assert extractor["type_rules"] == suggestions["type_rules"]
    assert extractor["type_rules"]["BLOCKS"] == [["DRUG", "GENE"]]
    assert extractor["candidates"] == {**suggestions["candidates"], "types": None}


def test_mentions_are_read_in_the_order_of_the_text_where_relations_have_a_direction(init, tmp_path):
    def undirected(documents):
        """Only relations of two drugs, from the first to the second."""
        for document in documents:
            place = {mention.id: mention.start for mention in document.mentions}
            kept = [relation for relation in document.relations if relation.label != "BLOCKS"]
            ends = [sorted((relation.head, relation.tail), key=place.__getitem__) for relation in kept]
            document.relations[:] = [replace(relation, head=h, tail=t) for relation, (h, t) in zip(kept, ends, strict=True)]

    def read_in_order(config):
        model = config["components"]["relation_extractor"]["model"]
        return model["@architectures"].partition(".")[2], model["summary"]["@relext_summaries"].split(".")[1], model.get("text_order")

    assert read_in_order(init()) == ("PairClassifier.v1", "between", True)
    assert read_in_order(init("--optimize", "accuracy")) == ("MarkedPairClassifier.v1", "attention", None)
    # With an entity recogniser, and with text that is not blinded, nobody has measured what it is worth.
    assert read_in_order(init("--ner")) == ("PairClassifier.v1", "pair_attention", False)
    config = init(folder=write(tmp_path, undirected))
    assert config["components"]["relation_extractor"]["candidates"]["ordered"] is False
    assert read_in_order(config) == ("PairClassifier.v1", "piecewise", False)


# What the data or the choice says: not the template.
VARYING = (
    # The commands of experiments set their process up themselves.
    "initialize.before_init.",
    "paths.",
    "variables.",
    "corpora.",
    "training.gpu_allocator",
    "training.batcher.size",
    "components.relation_extractor.threshold",
)


@pytest.mark.parametrize(("template", "measured"), [("single_pass", "ddi"), ("per_pair", "ddi-per-pair"), ("joint", "ddi-joint")])
def test_templates_say_what_the_measured_configs_say(template, measured):
    """The figures of docs/results.md are those of configs/*.cfg: what is changed there is changed here."""

    def flat(node: dict, path: str = "") -> dict:
        leaves = {}
        for key, value in node.items():
            leaves |= flat(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
        return leaves

    ours = flat(template_config(template))
    theirs = flat(load_config(ROOT / "configs" / f"{measured}.cfg"))
    ours, theirs = ({key: value for key, value in flat.items() if not key.startswith(VARYING)} for flat in (ours, theirs))
    schedule = "training.optimizer.learn_rate."
    assert len(ours) > 30
    assert {key: theirs.get(key) for key in ours if not key.startswith(schedule)} == {
        key: value for key, value in ours.items() if not key.startswith(schedule)
    }
    # Nothing that was measured is left to a default, but for what is the data's.
    own = ("nlp.", "components.sentencizer", "components.relation_extractor.spans_key", "initialize.")
    own += ("components.relation_extractor.symmetric_labels", "components.relation_extractor.candidates")
    assert [key for key in theirs if key not in ours and not key.startswith(own)] == []


@pytest.mark.parametrize(("template", "rate", "batch"), [("single_pass", "ddi", "ddi"), ("joint", "demo", "ddi-joint")])
def test_small_recipes_are_the_measured_ones(template, rate, batch):
    training = {name: load_config(ROOT / "configs" / f"{name}.cfg")["training"] for name in (rate, batch)}
    assert SMALL[template].learn_rate == training[rate]["optimizer"]["learn_rate"]["initial_rate"]
    assert SMALL[template].batch == training[batch]["batcher"]["size"]


def test_large_recipe_is_that_of_the_paper():
    config = load_config(ROOT / "configs" / "ddi-per-pair.cfg")
    rate = config["training"]["optimizer"]["learn_rate"]["initial_rate"]
    assert (LARGE["per_pair"].learn_rate, LARGE["per_pair"].batch) == (rate, config["training"]["batcher"]["size"])


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.cfg")), ids=lambda path: path.stem)
def test_optimizers_have_no_variables(path):
    """spaCy makes that of `nlp.resume_training()` of this section of a stored pipeline, and fills in no variables."""
    config = load_config(path)
    training = config["training"]
    assert isinstance(registry.resolve({"optimizer": training["optimizer"]})["optimizer"], Optimizer)
    assert config.interpolate()["training"]["max_steps"] == training["optimizer"]["learn_rate"]["total_steps"]


def test_faults_of_the_data_are_told(tmp_path):
    """The same document in both parts is what debug-data calls an error; sound data has nothing to tell."""
    parts = make_parts()
    folder = write_parts(parts, tmp_path)

    def told(folder):
        config = folder / "my.cfg"
        result = relext("init-config", folder / "train.spacy", config, "--dev", folder / "dev.spacy", "--force")
        assert result.exit_code == 0, result.output
        assert (folder / "my.cfg").exists()
        return " ".join(result.output.split())

    assert "shared-documents" not in (output := told(folder))
    assert "debug-data" not in output
    parts["dev"][0] = parts["train"][0]
    output = told(write_parts(parts, tmp_path))
    assert "shared-documents: documents" in output
    assert "python -m spacy relext debug-data" in output
    assert "--config" in output


def test_steps_are_epochs_of_the_batches_that_training_makes(init, tiny_bert):
    config = init("--optimize", "accuracy", "--encoder", tiny_bert)
    # 180 pairs in batches of 32.
    assert config["training"]["optimizer"]["learn_rate"]["total_steps"] == 300 > SMALL["per_pair"].epochs * -(-180 // 32)
    config = init("--optimize", "accuracy")
    assert config["training"]["batcher"]["size"] == LARGE["per_pair"].batch == 16
    training = config.interpolate()["training"]
    assert (training["max_steps"], training["eval_frequency"]) == (300, 30)
    rate = {"@schedules": "warmup_linear.v1", "initial_rate": 2e-5, "warmup_steps": 30, "total_steps": 300}
    # Without a variable: spaCy makes the optimizer of a loaded pipeline of this, and fills in none.
    assert config["training"]["optimizer"]["learn_rate"] == rate


def test_many_batches_are_epochs(init, monkeypatch, tiny_bert):
    monkeypatch.setitem(SMALL, "per_pair", replace(SMALL["per_pair"], min_steps=1))
    # 180 pairs: 6 batches of 32, 4 epochs.
    assert init("--optimize", "accuracy", "--encoder", tiny_bert)["training"]["optimizer"]["learn_rate"]["total_steps"] == 24


def test_few_documents_train_an_entity_recogniser_too_for_longer(init, tiny_bert):
    optimizer = init("--encoder", tiny_bert, "--ner")["training"]["optimizer"]
    assert (optimizer["learn_rate"]["initial_rate"], optimizer["learn_rate"]["total_steps"]) == (2e-4, 600)


def test_windows_fit_a_short_encoder(init, tiny_bert):
    extractor = init("--encoder", tiny_bert)["components"]["relation_extractor"]
    assert extractor["model"]["tok2vec"]["get_spans"]["max_tokens"] == 16
    extractor = init("--encoder", tiny_bert, "--optimize", "accuracy")["components"]["relation_extractor"]
    assert extractor["model"]["max_length"] == 64
    assert init("--encoder", tiny_bert, "--ner")["components"]["transformer"]["model"]["get_spans"]["max_tokens"] == 16


def test_encoders_by_default(init):
    assert init()["paths"]["encoder"] == ENCODERS["cpu"]
    gpu = init("--optimize", "gpu")
    assert (gpu["paths"]["encoder"], gpu["system"]["gpu_allocator"]) == (ENCODERS["gpu"], "pytorch")
    assert gpu["training"]["optimizer"]["learn_rate"]["initial_rate"] == LARGE["single_pass"].learn_rate == 5e-5
    # A head starts from nothing, whatever the encoder: it is to learn about as fast as that of a small one.
    scales = [
        config["components"]["relation_extractor"]["model"]["learn_rate_scale"] for config in (init(), gpu, init("--optimize", "accuracy"))
    ]
    assert scales == [5.0, 20.0, 1.0]


@pytest.mark.parametrize("name", ["nobody/has-this", "typo", "./no/such/folder"])
def test_encoder_that_is_not_there(data, tmp_path, name):
    assert f"there is no encoder '{name}': no such folder" in refused(data, "--encoder", name)


def test_encoder_whose_config_cannot_be_read(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(RelextError, match=r"the config of the encoder .* cannot be read"):
        encoder_size(str(tmp_path))


def without_sentences(documents):
    for document in documents:
        document.sentences = None


def across(documents):
    """A third of the relations run into the next sentence."""
    for document in documents:
        first, second = (m.id for m in document.mentions[-3:-1])
        document.relations.append(AnnotatedRelation(first, second, "RAISES"))


def once_across(documents):
    first, second = (m.id for m in documents[0].mentions[-3:-1])
    documents[0].relations.append(AnnotatedRelation(first, second, "RAISES"))


@pytest.mark.parametrize("change", [without_sentences, across])
@pytest.mark.parametrize("choice", ["cpu", "accuracy"])
def test_relations_beyond_sentences(change, choice, init, tiny_bert, tmp_path):
    folder = write(tmp_path, change)
    config = init("--encoder", tiny_bert, "--optimize", choice, folder=folder)
    assert config["components"]["relation_extractor"]["candidates"]["@misc"] == "spacy-relext.distance_pairs.v1"
    assert config["components"]["relation_extractor"]["model"]["@architectures"] == "spacy-relext.PairClassifier.v1"
    assert config["corpora"]["train"]["unit"] == "document"
    assert config["nlp"]["pipeline"] == ["relation_extractor"] if change is without_sentences else ["sentencizer", "relation_extractor"]
    # It gives the model Docs alone.
    assert "looks good" in spacy_command("debug", "model", "my.cfg", "relation_extractor", "-P3", cwd=tmp_path).output
    spacy_command("train", "my.cfg", "--output", "out", *TWO_STEPS, cwd=tmp_path)


def test_few_relations_across_sentences_are_left_out_and_told(init, tiny_bert, tmp_path):
    folder = write(tmp_path, once_across)
    assert init("--encoder", tiny_bert, folder=folder)["corpora"]["train"]["cross_sentence"] == "drop"
    result = relext("init-config", folder / "train.spacy", tmp_path / "told.cfg", "--encoder", tiny_bert)
    assert "run across sentences" in result.output
    assert re.search(r"unreachable: relations between no candidate pair .*: 1 of 109", " ".join(result.output.split()))


def test_config_goes_to_standard_output_and_nothing_else(data, tiny_bert):
    result = relext("init-config", data / "train.spacy", "-", "--encoder", tiny_bert)
    assert result.exit_code == 0, result.output
    config = load_config_from_str(result.stdout)
    assert config["paths"] == {
        "train": str(data / "train.spacy"),
        "dev": None,
        "encoder": str(tiny_bert),
        "vectors": None,
        "init_tok2vec": None,
    }


def test_sections_of_a_component_stand_together():
    config = Config({"nlp": {"lang": "en"}, "components": {"a": {"x": {"y": 1}}, "b": {"z": {}}}, "paths": {"train": None}})
    text = depth_first(config)
    assert re.findall(r"^\[(.*)\]$", text, flags=re.MULTILINE) == [
        "paths", "nlp", "components", "components.a", "components.a.x", "components.b", "components.b.z",
    ]  # fmt: skip
    assert load_config_from_str(text) == config


def test_tokenizer_and_sentences_of_scispacy(init):
    pytest.importorskip("scispacy")
    config = init("--tokenizer", "scispacy", "--sentences", "scispacy")
    nlp = spacy.util.load_model_from_config(config, auto_fill=False)
    assert nlp.pipe_names[0] == "relext_scispacy_sentencizer"
    assert [token.text for token in nlp.make_doc("(1H)-dione")] == ["(1H)-dione"]


def test_tokenizer_of_a_pipeline_is_copied(init, model):
    config = init("--tokenizer", model)
    copy = {"@callbacks": "spacy.copy_from_base_model.v1", "tokenizer": str(model), "vocab": None}
    assert config["initialize"]["before_init"] == {"@callbacks": "spacy-relext.training_process.v1", "n_threads": None, "then": copy}


def test_what_cannot_be_is_refused(data, tmp_path, tiny_bert):
    assert "no entity recogniser can share" in refused(data, "--optimize", "accuracy", "--ner")
    assert "reads English, and the language is 'de'" in refused(data, "--tokenizer", "de")
    assert "it can be sentencizer or scispacy" in refused(data, "--sentences", "en_core_web_sm")
    assert "has no config.json" in refused(data, "--encoder", tmp_path)
    assert "there is no such file" in refused(data, "--dev", tmp_path / "none.spacy")
    assert "no document has a relation" in refused(write(tmp_path, lambda documents: [d.relations.clear() for d in documents]))


def test_a_config_that_is_there_is_not_overwritten(data, tmp_path, tiny_bert):
    (tmp_path / "mine.cfg").write_text("precious", encoding="utf8")
    result = relext("init-config", data / "train.spacy", tmp_path / "mine.cfg", "--encoder", tiny_bert)
    assert (result.exit_code, (tmp_path / "mine.cfg").read_text(encoding="utf8")) == (1, "precious")
    assert "--overwrite" in result.output
