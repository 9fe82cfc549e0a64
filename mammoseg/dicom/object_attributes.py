"""What all DICOM objects say of themselves: what made them, their series, the times they carry."""

from typing import Any

import highdicom as hd
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation
from pydicom.valuerep import DA, DT, TM

from mammoseg import __version__
from mammoseg.dicom import codes
from mammoseg.dicom.algorithm import Algorithm, Assistance
from mammoseg.dicom.analysis import Analysis, derive_uid
from mammoseg.dicom.attributes import read_laterality, read_numbers, read_view
from mammoseg.overlay import OUTLINE_BGR

MANUFACTURER = "mammoseg"

MOST_DESCRIPTION = 1024
"""Letters of a Contribution Description (its value representation is ST)."""

OUTLINE_COLOUR = hd.color.CIELabColor.from_rgb(*reversed(OUTLINE_BGR))
"""Colour that a viewer is asked to show lesions in: that of the overlays."""

HANGING_ORDER = [f"{side} {projection}" for projection in codes.VIEW for side in "RL"]
"""Side and view in the order in which a study is read, right before left: R CC, L CC, R MLO, ..."""

UNVERIFIED = "AI, unverified, not for diagnosis"
"""Stands in the description of every series, and in every report."""

DRAWN = "Drawn by a person"
"""What an object says instead where no algorithm drew."""

REFERENCED_CLASS = tag_for_keyword("ReferencedSOPClassUID")


def build_equipment_attributes(analysis: Analysis) -> dict[str, Any]:
    """Arguments that highdicom's constructors share: what made the object."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MANUFACTURER,
        "software_versions": __version__,
        "device_serial_number": __version__,
        "contributing_equipment": [build_contributing_equipment(analysis)],
    }


def build_contributing_equipment(analysis: Analysis) -> hd.ContributingEquipment:
    """Item of Contributing Equipment Sequence about the algorithm, or about mammoseg where a person drew."""
    algorithm = analysis.algorithm
    return hd.ContributingEquipment(
        manufacturer=MANUFACTURER,
        purpose_of_reference=codes.PROCESSING_EQUIPMENT,
        manufacturer_model_name=MANUFACTURER if algorithm is None else algorithm.name,
        software_versions=__version__ if algorithm is None else algorithm.version,
        contribution_datetime=analysis.when,
        contribution_description=_describe_contribution(algorithm),
    )


def _describe_contribution(algorithm: Algorithm | None) -> str:
    """The purpose; of an algorithm also its warning and its parameters, so that each object names the weights."""
    told = ["Segmentation of masses; research only, not for diagnosis"]
    if algorithm is not None:
        told += [algorithm.warning] if algorithm.warning else []
        told += [f"{name}={value}" for name, value in algorithm.parameters.items()]
    return "; ".join(told)[:MOST_DESCRIPTION]


def build_series_attributes(
    analysis: Analysis, instance_uid: str, *, first_number: int, content: str
) -> dict[str, Any]:
    """Arguments that highdicom's constructors share: the object and the series that it has to itself.

    Objects of one study share no series: each is made from one image alone, so that none could be given a number that
    the others leave free. The description names side and view; the number puts the series in `HANGING_ORDER`, and
    views that were taken twice in the order of their own numbers.

    Args:
        first_number: Series Numbers from here to 9,999 more are those of this kind of object.
        content: what the object holds, in a few words.
    """
    source = analysis.source
    which = [name for name in (read_laterality(source), read_view(source)) if name]
    place = 1 + HANGING_ORDER.index(" ".join(which)) if " ".join(which) in HANGING_ORDER else 0
    series, image = (int((read_numbers(source, keyword) or [0])[0]) for keyword in ("SeriesNumber", "InstanceNumber"))
    author = "drawn" if analysis.algorithm is None else UNVERIFIED
    return {
        "series_instance_uid": derive_uid(instance_uid, "series"),
        "series_number": first_number + 100 * place + (10 * series + image) % 100,
        "series_description": f"{' '.join([content, *which])} ({author})",
        "sop_instance_uid": instance_uid,
        "instance_number": 1,
    }


def build_algorithm_identification(algorithm: Algorithm | Assistance) -> hd.AlgorithmIdentificationSequence:
    """Which model, which weights, which threshold, PS3.3 10.16."""
    is_learned = isinstance(algorithm, Algorithm) or algorithm.is_learned
    return hd.AlgorithmIdentificationSequence(
        name=algorithm.name,
        family=codes.ARTIFICIAL_INTELLIGENCE if is_learned else codes.NEIGHBORHOOD_ANALYSIS,
        version=algorithm.version,
        source=MANUFACTURER,
        parameters=dict(algorithm.parameters) or None,
    )


def stamp(dataset: Dataset, analysis: Analysis) -> None:
    """Replace what highdicom takes from the clock, so that the same analysis gives the same bytes.

    References get the SOP class of the source, where `build_source_header` had to give another.
    """
    when, source = analysis.when, analysis.source
    for reference in dataset.iterall():
        if reference.tag == REFERENCED_CLASS and reference.value == DigitalMammographyXRayImageStorageForPresentation:
            reference.value = source.SOPClassUID
    dataset.TimezoneOffsetFromUTC = when.strftime("%z")[:5]
    dataset.InstanceCreationDate = DA(when.date())
    dataset.InstanceCreationTime = TM(when.time())
    dataset.ContributingEquipmentSequence[-1].ContributionDateTime = DT(when)  # highdicom's item about itself
