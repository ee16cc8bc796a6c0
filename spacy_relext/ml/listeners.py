"""Layers that hand on what another component of the pipeline computed: whose they are, and whether that component has run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spacy.tokens import Doc
from thinc.api import Model

from spacy_relext.errors import RelextError
from spacy_relext.notices import counted_name

# spaCy's own listener reads `doc.tensor`, those of transformers `doc._.trf_data`.
_TOK2VEC, _OUTPUT = "tok2vec-listener", "trf_data"
# Of a listener that takes what any component sends.
_ANY = "*"


@dataclass(frozen=True)
class Listener:
    """A layer that listens.

    name (str): The component that it listens to, or, where it listens to any, what kind of component that is. node (Model): The layer.
    """

    name: str
    node: Model

    @property
    def heard(self) -> int | None:
        """Which run of the component in training the layer was told of last, unless it learned from it. None: of none.

        What is kept of a run is what hands gradients back. Where the layer's own component is frozen, nobody takes it.
        """
        backprop = getattr(self.node, "_backprop", None)
        return None if backprop is None else id(backprop)

    def unfed(self, docs: Iterable[Doc]) -> list[Doc]:
        """The Docs with tokens that have no output of the component.

        RAISES: RelextError for output of another library's component, which the layer cannot read.
        """
        return [doc for doc in docs if len(doc) and not self._fed(doc)]

    def require_fed(self, name: str, docs: Iterable[Doc]) -> None:
        """Refuse Docs without output, by the name of who listens.

        Layers predict on zeros when nobody fed them: every pair would get the same score, and nobody would notice.
        RAISES: RelextError.
        """
        missing = self.unfed(docs)
        if missing:
            raise RelextError(
                f"{name} listens to a {self.name} component, and the Doc {missing[0].text[:60]!r}… has no output of one. Run the whole "
                f"pipeline over it: a Doc that was stored may have lost the output. The pipeline needs the {self.name} that {name} was "
                f'trained with, before it: source both, or call nlp.replace_listeners("{self.name}", "{name}", ["model.tok2vec"]) in the '
                "pipeline it comes from."
            )

    def _fed(self, doc: Doc) -> bool:
        if self.node.name == _TOK2VEC:
            return doc.tensor.shape[0] == len(doc)
        output = getattr(doc._, _OUTPUT) if Doc.has_extension(_OUTPUT) else None
        if output is None:
            return False
        reads, made = _libraries(self.node), _libraries(output)
        if reads and made and reads.isdisjoint(made):
            raise RelextError(
                f"the Doc {doc.text[:60]!r}… has the output of a component of {', '.join(sorted(made))}, and the relation extractor "
                f"listens to one of {', '.join(sorted(reads))}. Take both of one library; the "
                "listener is model.tok2vec in the config of the extractor."
            )
        if not _fits(doc, output):
            raise RelextError(
                f"the Doc {doc.text[:60]!r}… has output of the {self.name} component that does not fit its "
                f"{counted_name(len(doc), 'tokens')}. Was it given "
                "twice in one batch? The models of spacy-transformers take both for one: give doc.copy(), or use "
                "spacy-relext.TransformerModel.v1, which reads them apart. Were its tokens merged or split since? Do that before."
            )
        return True


def listens_to(model: Model) -> Listener | None:
    """The first listener of a model; None if it encodes the text itself.

    A listener is known by the name of its component: spaCy's and spacy-transformers' have an attribute `upstream_name`, those of
    spacy-curated-transformers, plain models, keep it among their `attrs`.
    """
    for node in model.walk():
        upstream = getattr(node, "upstream_name", None) or node.attrs.get("_upstream_name")
        if isinstance(upstream, str):
            kind = "tok2vec" if node.name == _TOK2VEC else "transformer"
            return Listener(kind if upstream == _ANY else upstream, node)
    return None


def _fits(doc: Doc, output: Any) -> bool:
    """Whether output of spacy-transformers is of the tokens of a Doc: that of others is not looked at."""
    align = getattr(output, "align", None)
    hidden = output.model_output.get("last_hidden_state") if align is not None else None
    if align is None or hidden is None:
        return True
    pieces = align.dataXd
    return len(align.lengths) == len(doc) and (not pieces.size or 0 <= pieces.min() <= pieces.max() < hidden.shape[0] * hidden.shape[1])


def _libraries(thing: object) -> set[str]:
    """The spaCy libraries that the class of something, or of a plain model the function of it, is from."""
    modules = [kind.__module__ for kind in type(thing).__mro__]
    if isinstance(thing, Model):
        modules.append(getattr(thing._func, "__module__", ""))
    return {name for name in (module.partition(".")[0] for module in modules) if name.startswith("spacy_")}
