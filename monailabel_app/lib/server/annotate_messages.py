"""What the page `/annotate/` sends, key by key; anything else is refused."""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mammoseg.interactive.prompts import PromptError
from mammoseg.interactive.run_lengths import RunLengths
from mammoseg.mammogram import MOST_MASSES
from monailabel_app.lib.datastore.masses import Assessment
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.ids import ImageId, Name

MOST_RUNS = 100_000
"""Of one mask; an outline of a mass has two a row."""


class Message(BaseModel):
    """What the page sends: these keys, no others."""

    model_config = ConfigDict(extra="forbid")


class Ask(Message):
    """Which image next: one without a label, or, without a strategy, one that another reader has read."""

    strategy: Name | None = None


class OfImage(Message):
    """One image."""

    image: ImageId


class Skipped(OfImage):
    """Why an image is not outlined."""

    reason: Annotated[str, Field(min_length=1, max_length=200)]


class Withdrawn(Message):
    """A label of one's own."""

    label: ImageId


class ProposalWanted(OfImage):
    """What a model thinks of it."""

    model: Name


Place = Annotated[int, Field(ge=0, le=2**31)]


class Runs(Message):
    """A mask, as `RunLengths` has it."""

    box: tuple[Place, Place, Place, Place] | None
    counts: Annotated[list[Place], Field(max_length=MOST_RUNS)]

    def to_mask(self, shape: tuple[int, int]) -> np.ndarray:
        """bool ``(rows, columns)``.

        Raises:
            HttpError: 422; it is no mask of an image of this shape.
        """
        try:
            return RunLengths.from_json(self.box, self.counts).to_mask(shape)
        except PromptError as error:
            raise HttpError(422, "E_MASK", str(error)) from None


class Outline(Message):
    """One mass."""

    mask: Runs
    assessment: Assessment = ""


class Drawn(OfImage):
    """What a person outlined; without a mass only where he says that there is none."""

    masses: Annotated[list[Outline], Field(max_length=MOST_MASSES)]
    no_mass: bool = False
    strokes: Annotated[int, Field(ge=0, le=10**6)] | None = None
