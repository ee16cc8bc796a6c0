"""What setup.cfg cannot say: the contrast set of assets/contrast is part of the package where it is installed."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SETS = Path("assets", "contrast")


class BuildWithSets(build_py):
    """Copies the set beside the modules; an editable install reads it where it is."""

    def run(self) -> None:
        """Build the modules, then copy."""
        super().run()
        if not self.editable_mode:
            for file in sorted(SETS.glob("*.jsonl")):
                place = Path(self.build_lib, "spacy_relext", "contrasts", "shipped", file.name)
                self.mkpath(str(place.parent))
                self.copy_file(str(file), str(place))


setup(cmdclass={"build_py": BuildWithSets})
