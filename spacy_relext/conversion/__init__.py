"""Files of any format to Docs and `.spacy` files, and back: what `relext convert` and `relext export` do, for Python."""

from spacy_relext.conversion.converting import Conversion, convert, read
from spacy_relext.conversion.exporting import export

__all__ = ["Conversion", "convert", "export", "read"]
