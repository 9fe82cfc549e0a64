"""The one step of the build that pyproject.toml cannot say: a wheel holds the bundles, inside the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

NOT_IN_A_WHEEL = shutil.ignore_patterns("__pycache__", "eval", "*.pt", "*.ts", "*.lock")


class BuildWithBundles(build_py):
    """Copies ``bundles/`` to ``mammoseg/_bundles`` of the wheel; an editable install reads them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "mammoseg" / "_bundles"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree("bundles", target, ignore=NOT_IN_A_WHEEL)


setup(cmdclass={"build_py": BuildWithBundles})
