"""Foreign files to annotated documents and back: one module per format; none knows of models.

`catalogue.py` has them by name, with what each can do. A module has `read(path, reading)`, unless the format is only written; `write`,
unless it is only read, which returns what the format cannot hold, counted; and `parts`, if its corpus comes in parts that stay apart.
"""
