"""The card of a pipeline: what it is for, what it was trained on, how good it is, and what nobody has tested."""

# By it, a README is known that may be written anew.
MARKER = "Made by `relext card` of spacy-relext"
