"""The one step of the build that pyproject.toml cannot say: a wheel holds the bundles, inside the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CONTENT = ("_base/**/*", "*/LICENSE", "*/arch.json", "*/configs/*", "*/docs/*", "*/models/shipped.*")
"""What of ``bundles/`` travels, as in MANIFEST.in: a run's weights, logs and masks lie beside it and do not."""


class BuildWithBundles(build_py):
    """Copies ``bundles/`` to ``mammoseg/_bundles`` of the wheel; an editable install reads them where they are."""

    def run(self) -> None:
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)  # an earlier build's modules, renamed or gone since
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "mammoseg" / "_bundles"
            bundles = Path("bundles")
            for source in sorted({path for pattern in CONTENT for path in bundles.glob(pattern) if path.is_file()}):
                copy = target / source.relative_to(bundles)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)


setup(cmdclass={"build_py": BuildWithBundles})
