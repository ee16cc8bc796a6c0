"""What commands put out, whatever the code page and the ends of lines of the system are."""

import io
import sys

from spacy_relext.cli.errors import put_out


def test_data_is_utf8_on_every_system(monkeypatch):
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="cp1252", newline="\r\n"))
    sys.stdout.write("before ")
    put_out("naïve 阿司匹林\n")
    put_out("2\n")
    sys.stdout.flush()
    assert out.getvalue() == "before naïve 阿司匹林\n2\n".encode()
