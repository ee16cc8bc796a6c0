"""Files whose relations are drawn: what `relext render` does, for Python.

reading: from paths to Docs, the annotation of each beside it → choosing: what is drawn of them → writing: a page, or a file per Doc.
"""
