"""What an output says of how it was made."""

import hashlib
import json

import numpy
import spacy
import torch

from spacy_relext import __version__
from spacy_relext.extraction.provenance import manifest, manifest_path, packages, pipeline_of, provenance, write_manifest


def test_pipeline_packages_and_settings(tmp_path):
    nlp = spacy.blank("en")
    nlp.meta.update(name="toy", version="1.2.3", requirements=["pytest>=1,<99", "no-such-package", "spacy>=3"])
    assert pipeline_of(nlp) == {"name": "en_toy", "version": "1.2.3", "sha256": None, "components": []}
    nlp.to_disk(tmp_path / "pipeline")
    loaded = spacy.load(tmp_path / "pipeline")
    first = pipeline_of(loaded)["sha256"]
    (tmp_path / "pipeline" / "more").write_text("weights")
    assert len(first) == 64
    assert first != pipeline_of(loaded)["sha256"]
    versions = packages(loaded)
    assert versions["spacy-relext"] == __version__
    assert versions["spacy"] == spacy.__version__
    assert versions["torch"] == torch.__version__
    assert versions["numpy"] == numpy.__version__
    assert {"python", "thinc", "transformers", "pytest"} <= versions.keys()
    assert "no-such-package" not in versions
    assert "pytest" not in packages()
    made = provenance(loaded, {"pipeline": "en_toy-1.2.3", "threshold": 0.5}, {"precision": "float32"})
    assert made["settings"] == {"threshold": 0.5}
    assert made["computed"] == {"precision": "float32"}
    assert made["pipeline"]["name"] == "en_toy"
    assert made["packages"] == versions


def test_manifest_of_a_file_and_of_a_folder(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"x")
    (tmp_path / "folder" / "label=A").mkdir(parents=True)
    (tmp_path / "folder" / "label=A" / "part").write_bytes(b"yz")
    digest = hashlib.sha256(b"x").hexdigest()
    record = manifest({"pipeline": {}}, {"documents": 1}, tmp_path / "a.csv", name="b.csv")
    assert record == {"pipeline": {}, "counts": {"documents": 1}, "outputs": {"b.csv": {"bytes": 1, "sha256": digest}}}
    assert list(manifest({}, {}, tmp_path / "folder")["outputs"]) == ["folder/label=A/part"]
    path = write_manifest(record, tmp_path / "a.csv")
    assert path == manifest_path(tmp_path / "a.csv") == tmp_path / "a.csv.manifest.json"
    assert json.loads(path.read_text(encoding="utf8")) == record
