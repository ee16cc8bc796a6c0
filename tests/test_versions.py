"""What a result says of what it was made with."""

import shutil
import subprocess

import pytest

from spacy_relext import versions


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_of_a_clone_and_whether_files_differ(tmp_path, monkeypatch):
    def git(*command):
        identity = ["-c", "user.name=tests", "-c", "user.email=tests@example.org"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *command], check=True, capture_output=True, encoding="utf8"
        ).stdout.strip()

    place = tmp_path / "spacy_relext" / "versions.py"
    place.parent.mkdir()
    place.write_text("1", encoding="utf8")
    monkeypatch.setattr(versions, "__file__", str(place))
    assert versions.source_commit() == {}
    git("init", "--quiet")
    # Nothing was committed: git has no answer.
    assert versions.source_commit() == {}
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    commit = git("rev-parse", "HEAD")
    (tmp_path / "result.json").write_text("{}", encoding="utf8")
    assert versions.source_commit() == {"commit": commit}
    place.write_text("2", encoding="utf8")
    assert versions.source_commit() == {"commit": f"{commit}+"}
