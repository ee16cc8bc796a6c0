import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

import spacy

from spacy_relext.service.app import make_app
from tests.service.asgi import Client


@pytest.fixture(scope="session")
def trained(model):
    """The small pipeline that knows seven sentences, for what only reads it."""
    return spacy.load(model)


@pytest.fixture
def app(trained):
    app = make_app(trained)
    yield app
    app.state.service.stop()


@pytest.fixture
def client(app):
    return Client(app)
