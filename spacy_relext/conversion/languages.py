"""Whether texts are in the language of a tokenizer: by the script of their letters, and by the function words of the languages of spaCy."""

import unicodedata
from collections import Counter
from collections.abc import Iterable

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import get_lang_class

# Languages that are told apart by their function words, which are a third of the words of a text, and fewer in titles and tables.
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "pl", "cs", "ro", "fi", "hu", "tr", "ru", "uk", "bg", "sr")
# Words that are looked at, and the fewest that tell.
MOST_WORDS, FEWEST_WORDS = 20_000, 100
# The language is another one where it has this share of function words, and so many times as many as that of the tokenizer.
SHARE, TIMES = 0.15, 2.0


class LanguageCheck:
    """Looks at the first words of some Docs that a tokenizer has made."""

    def __init__(self, nlp: Language):
        self.nlp = nlp
        self._words: Counter[str] = Counter()

    def add(self, doc: Doc) -> None:
        """Look at a Doc, unless enough has been seen."""
        if self._words.total() < MOST_WORDS:
            self._words.update(token.lower_ for token in doc if token.is_alpha)

    def message(self) -> str:
        """What is to be told; an empty string if nothing is."""
        own = set(self.nlp.Defaults.stop_words)
        n_words = self._words.total()
        if n_words < FEWEST_WORDS or not own:
            return ""
        script, expected = _script(self._words.elements()), _script(own)
        if script != expected:
            return self._told(f"most letters are {script.title()}, and the tokenizer is that of {self.nlp.lang!r} ({expected.title()})")
        shares = {lang: self._share(set(get_lang_class(lang).Defaults.stop_words)) for lang in LANGUAGES}
        best = max(shares, key=shares.__getitem__)
        if best != self.nlp.lang and shares[best] >= SHARE and shares[best] > TIMES * self._share(own):
            return self._told(f"the texts look like {best!r}, and the tokenizer is that of {self.nlp.lang!r}")
        return ""

    def _share(self, words: set[str]) -> float:
        return sum(n for word, n in self._words.items() if word in words) / self._words.total()

    def _told(self, what: str) -> str:
        return f"{what}. Give a tokenizer of the language with `nlp`; training needs the same."


def _script(words: Iterable[str]) -> str:
    """The script of most letters, as Unicode begins their names: LATIN, CYRILLIC, CJK."""
    letters = Counter(character for word in words for character in word)
    scripts: Counter[str] = Counter()
    for character, n in letters.items():
        scripts[unicodedata.name(character, "UNKNOWN").split()[0]] += n
    return scripts.most_common(1)[0][0]
