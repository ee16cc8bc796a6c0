"""Texts as markup."""

_ESCAPES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;", ord("'"): "&#39;", ord("\r"): "&#13;", 0: "\ufffd"}


def escape(text: str) -> str:
    """A text as markup, in an element or a quoted attribute.

    A carriage return is a reference, for parsers make one newline of it and the next. Markup cannot hold a null character: it is replaced.
    """
    return text.translate(_ESCAPES)
