"""The pipeline that the tests of the commands share."""

import pytest

from tests.cli.toy import train


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """The folder of a small pipeline that has learned seven sentences by heart."""
    folder = tmp_path_factory.mktemp("toy") / "model"
    train(folder)
    return folder
