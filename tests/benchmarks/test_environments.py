"""The environments of other libraries."""

from types import SimpleNamespace

from benchmarks.speed import environments


def test_an_environment_is_made_once_and_brought_up_to_date(tmp_path, monkeypatch, capsys):
    commands = []

    def run(command, check):
        assert check
        commands.append(command[1:])
        if "venv" in command:
            python = environments.interpreter(tmp_path, "kindred")
            python.parent.mkdir(parents=True)
            python.touch()

    monkeypatch.setattr(environments, "subprocess", SimpleNamespace(run=run))
    for _ in range(2):
        environments.peers(["kindred"], tmp_path)
    install = ["-m", "pip", "install", "--quiet", "-r", str(environments.PEERS / "kindred.txt")]
    assert commands == [["-m", "venv", str(tmp_path / "kindred")], install, install]
    assert capsys.readouterr().out.splitlines()[-1] == f"kindred: {environments.interpreter(tmp_path, 'kindred')}"


def test_all_of_them_have_a_file_of_requirements():
    for name in environments.NAMES:
        lines = (environments.PEERS / f"{name}.txt").read_text(encoding="utf8").splitlines()
        assert any(line.startswith(f"{name}==") for line in lines)
