"""What the header of a mammogram says about it: kind, side, view, spacing. Nothing is guessed.

An attribute that is malformed says nothing, as one that is absent; only the gate refuses for a value.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from mammoseg.border import passed_over
from mammoseg.errors import InputRefusedError
from mammoseg.mammogram import is_pixel_size, say_not_believed

VIEWS = {
    "R-10224": "ML", "399260004": "ML",
    "R-10226": "MLO", "399368009": "MLO",
    "R-10228": "LM", "399352003": "LM",
    "R-10230": "LMO", "399099002": "LMO",
    "R-10242": "CC", "399162004": "CC",
    "R-10244": "FB", "399196006": "FB",
    "R-102D0": "SIO", "399188001": "SIO",
    "R-40AAA": "ISO", "441555000": "ISO",
    "R-1024A": "XCCL", "399192008": "XCCL",
    "R-1024B": "XCCM", "399101009": "XCCM",
}  # fmt: skip
"""View code, SNOMED RT and CT, to the short name of ACR; PS3.16 CID 4014."""

MAGNIFICATION = "EstimatedRadiographicMagnificationFactor"

MAGNIFICATION_VIEW = ("R-102D6", "399163009")
"""View modifier "Magnification", SNOMED RT and CT; PS3.16 CID 4015."""

PRIVATE_VOLUME_GROUP = 0x7E01
"""Group in which Hologic keeps tomosynthesis inside a secondary capture ("SCO")."""

SPECIMEN = {"G-8310", "127457009"}
"""Tissue specimen from breast: a view code of CID 4014 that shows no breast."""

IS_SPECIMEN = "SPECIMEN"
"""What some units write into View Position, Body Part Examined or Image Type instead."""

NO_TISSUE = {"RECOMBINED", "SUBTRACTION", "SUBTRACTED", "HIGH_ENERGY"}
"""Values of Image Type in contrast-enhanced mammography whose grey is iodine; LOW_ENERGY looks like any mammogram."""

OF_TOMOSYNTHESIS = {"TOMO", "TOMO_PROJ", "TOMO_SCOUT", "TOMOSYNTHESIS"}
"""Values of Image Type of its slices and projections, which some units write as single mammograms."""

OF_BIOPSY = {
    "STEREO_SCOUT",
    *(
        f"{step}_{side}"
        for step in ("STEREO", "PREFIRE", "POSTFIRE", "POSTBIOPSY", "POSTMARKER")
        for side in ("MINUS", "PLUS")
    ),
}
"""Values of Image Type in stereotactic mammography, PS3.3 table C.8-74a."""

REMARKS = dict.fromkeys(OF_BIOPSY, "image of a biopsy; its tube may be tilted, and a needle may be in it") | {
    "STEREO": "one of a stereo pair; its geometry is that of a tilted tube",
    "GENERATED_2D": "computed from tomosynthesis, not exposed; masses may look other than in training",
    "TOMO_2D": "computed from tomosynthesis, not exposed; masses may look other than in training",
    "LOW_ENERGY": "low-energy image of a contrast-enhanced pair",
}
"""Value of Image Type to what a person should know about the result."""

SYNTHESIZED = {"GENERATED_2D", "TOMO_2D"}
"""Values of Image Type of a 2D image that was computed from tomosynthesis."""

SECONDARY_CAPTURE = {
    uid.SecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
}
"""SOP classes of secondary capture that can be grey: film scans, and whatever a workstation sends."""

CONVERSION_REMARKS = {
    "WSD": "secondary capture made on a workstation, such as a screen save; it may be no mammogram",
    "DRW": "secondary capture of a drawing; it may be no mammogram",
    "SYN": "secondary capture of a synthetic image; it may be no mammogram",
    "DV": "secondary capture of a video; it may be no mammogram",
}
"""Conversion Type of a secondary capture to the same (PS3.3 C.8.6.1); film scans say DF, SI or SD, and copies of what a
machine wrote DI.

Full mammograms have the attribute too: a GE Senographe writes WSD.
"""

UNSAID_CONVERSION = "secondary capture that does not say what it was made of; it may be no mammogram"

MODIFIER_REMARKS = {
    "R-102D6": "magnification view", "399163009": "magnification view",
    "R-102D7": "spot compression view", "399055006": "spot compression view",
    "R-102D5": "implant displaced", "399209000": "implant displaced",
}  # fmt: skip
"""View modifier, SNOMED RT and CT, to the same; PS3.16 CID 4015."""

CONTRADICTIONS = ({"MONOCHROME1", "IDENTITY"}, {"MONOCHROME2", "INVERSE"})
"""Photometric Interpretation with the Presentation LUT Shape that does not go with it, PS3.3 C.8.11.3.1.2."""

MAGNIFICATIONS = (1.0, 3.0)
"""Factors that are believed: the breast lies between tube and detector, so none is below 1; stands for magnification
views reach 2."""


def check_kind(dataset: Dataset) -> None:
    """Refuse images of the mammography class that show no breast tissue.

    Raises:
        InputRefusedError: ``E_IMAGE_KIND``, ``E_MULTIFRAME``.
    """
    image_type = read_code_strings(dataset, "ImageType")
    if NO_TISSUE & image_type:
        reason = "a contrast-enhanced image whose grey is iodine; give the low-energy image of the pair."
        raise InputRefusedError("E_IMAGE_KIND", reason)
    if OF_TOMOSYNTHESIS & image_type and not is_synthesized(dataset):
        reason = "a slice or a projection of tomosynthesis; give a 2D mammogram, exposed or synthesized."
        raise InputRefusedError("E_MULTIFRAME", reason)
    if _is_specimen(dataset):
        raise InputRefusedError("E_IMAGE_KIND", "a specimen, not a breast; the networks have never seen one.")
    if read_code_strings(dataset, "QualityControlImage") == {"YES"}:
        raise InputRefusedError("E_IMAGE_KIND", "a phantom of quality control, not a breast.")
    if any(True for _ in read_items(dataset, "SequenceOfUltrasoundRegions")):
        raise InputRefusedError("E_IMAGE_KIND", "an ultrasound image, not a mammogram, whatever its Modality says.")


def is_synthesized(dataset: Dataset) -> bool:
    """True for a 2D image of one frame that was computed from tomosynthesis, whatever its SOP class."""
    return read_numbers(dataset, "NumberOfFrames") in ([], [1.0]) and bool(
        SYNTHESIZED & read_code_strings(dataset, "ImageType")
    )


def holds_private_volume(dataset: Dataset) -> bool:
    """True where a private block of Hologic holds tomosynthesis, and Pixel Data is a picture that stands for it."""
    creators = (_read_values(dataset, (PRIVATE_VOLUME_GROUP, number)) for number in range(0x10, 0x100))
    return any("HOLOGIC" in str(creator).upper() for values in creators for creator in values)


def list_remarks(dataset: Dataset) -> list[str]:
    """What a person should know about a result on this image: phrases of this module, never text of the header."""
    found = [REMARKS[value] for value in sorted(read_code_strings(dataset, "ImageType")) if value in REMARKS]
    if SECONDARY_CAPTURE & set(read_strings(dataset, "SOPClassUID")):
        conversions = read_code_strings(dataset, "ConversionType")
        found += [CONVERSION_REMARKS[value] for value in sorted(conversions) if value in CONVERSION_REMARKS]
        found += [] if conversions else [UNSAID_CONVERSION]
    found += [MODIFIER_REMARKS[code] for code in _read_modifier_codes(dataset) if code in MODIFIER_REMARKS]
    if read_strings(dataset, "BreastImplantPresent") == ["YES"]:
        found.append("a breast implant is in the image")
    photometric, shape = (
        read_strings(dataset, "PhotometricInterpretation"),
        read_strings(dataset, "PresentationLUTShape"),
    )
    if {*photometric, *shape} in CONTRADICTIONS:
        found.append("PresentationLUTShape contradicts PhotometricInterpretation, which is followed: maybe a negative")
    found += [
        say_not_believed(name)
        for name in _list_spacings(dataset)
        if _has_doubtful_numbers(is_pixel_size, dataset, name)
    ]
    if _has_doubtful_numbers(_is_magnification, dataset, MAGNIFICATION):
        found.append(f"{MAGNIFICATION} is that of no mammogram and is not believed")
    return list(dict.fromkeys(found))


def read_laterality(dataset: Dataset) -> str | None:
    """``"L"`` or ``"R"`` from Image Laterality, else from Laterality of the series, else None."""
    match read_strings(dataset, "ImageLaterality") or read_strings(dataset, "Laterality"):
        case ["L" | "R" as side]:
            return side
    return None


def read_view(dataset: Dataset) -> str | None:
    """Short name of the view from View Code Sequence, else from View Position, else None."""
    for code in _read_view_codes(dataset):
        if code in VIEWS:
            return VIEWS[code]
    named = " ".join(read_strings(dataset, "ViewPosition")).upper()
    return named if named in VIEWS.values() else None


def read_pixel_spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, str | None]:
    """Spacing ``(row, column)`` in mm and the attribute it came from.

    Pixel Spacing counts only where the file says how it was calibrated (PS3.3 10.7.1.3). Imager Pixel Spacing is that
    of the detector, Nominal Scanned Pixel Spacing that of the film: the breast is nearer to the tube, see
    `read_magnification`. A magnification view that does not state its factor gives neither: sizes would be wrong by
    half. What no pixel of a mammogram measures (`is_pixel_size`) is passed over, and `list_remarks` say so.
    """
    for name in _list_spacings(dataset):
        match read_numbers(dataset, name):
            case [rows, columns] if is_pixel_size((rows, columns)):
                return (rows, columns), name
    return None, None


def is_magnification_view(dataset: Dataset) -> bool:
    """True where a view modifier says that the breast was held away from the detector on purpose."""
    return any(code in MAGNIFICATION_VIEW for code in _read_modifier_codes(dataset))


def read_magnification(dataset: Dataset) -> float | None:
    """Estimated Radiographic Magnification Factor, where it is one of `MAGNIFICATIONS`."""
    factors = read_numbers(dataset, MAGNIFICATION)
    return factors[0] if _is_magnification(factors) else None


def read_numbers(dataset: Dataset, name: str) -> list[float]:
    """The numbers of an attribute, none where it is absent, empty or holds something else."""
    with passed_over():
        return [float(number) for number in _read_values(dataset, name)]
    return []


def read_strings(dataset: Dataset, name: str) -> list[str]:
    """The texts of an attribute without blanks around them, none where it is absent or empty or holds no text."""
    values = _read_values(dataset, name)
    return (
        [value.strip() for value in values if value.strip()] if all(isinstance(value, str) for value in values) else []
    )


def read_code_strings(dataset: Dataset, name: str) -> set[str]:
    """The coded strings of an attribute, in capitals, as the standard has them and not every writer."""
    return {value.upper() for value in read_strings(dataset, name)}


def read_items(dataset: Dataset, name: str) -> Iterator[Dataset]:
    """The items of a sequence, none where the attribute is absent or something else."""
    value = None
    with passed_over():
        value = dataset.get(name)
    yield from value if isinstance(value, Sequence) else []


def _list_spacings(dataset: Dataset) -> list[str]:
    """Names of the attributes that may give the spacing, the best first."""
    is_of_unknown_size = is_magnification_view(dataset) and read_magnification(dataset) is None
    names = [] if is_of_unknown_size else ["ImagerPixelSpacing", "NominalScannedPixelSpacing"]
    is_calibrated = read_strings(dataset, "PixelSpacingCalibrationType") in (["GEOMETRY"], ["FIDUCIAL"])
    return ["PixelSpacing", *names] if is_calibrated else names


def _is_magnification(factors: list[float]) -> bool:
    lowest, highest = MAGNIFICATIONS
    return len(factors) == 1 and lowest <= factors[0] <= highest


def _has_doubtful_numbers(believes: Callable[[list[float]], bool], dataset: Dataset, name: str) -> bool:
    """Whether an attribute holds numbers, and they are not believed."""
    said = read_numbers(dataset, name)
    return bool(said) and not believes(said)


def _is_specimen(dataset: Dataset) -> bool:
    """By its view code, by what some units write instead, or by the module of PS3.3 C.7.6.22."""
    named = (
        IS_SPECIMEN in read_code_strings(dataset, name) for name in ("ViewPosition", "BodyPartExamined", "ImageType")
    )
    is_described = any(True for _ in read_items(dataset, "SpecimenDescriptionSequence"))
    return is_described or any(named) or any(code in SPECIMEN for code in _read_view_codes(dataset))


def _read_view_codes(dataset: Dataset) -> list[str]:
    return [code for item in read_items(dataset, "ViewCodeSequence") for code in read_strings(item, "CodeValue")]


def _read_modifier_codes(dataset: Dataset) -> list[str]:
    modifiers = [
        m for view in read_items(dataset, "ViewCodeSequence") for m in read_items(view, "ViewModifierCodeSequence")
    ]
    return [code for modifier in modifiers for code in read_strings(modifier, "CodeValue")]


def _read_values(dataset: Dataset, name: str | tuple[int, int]) -> list[Any]:
    """The values of an attribute by its keyword or its tag, none where it is absent or malformed."""
    value = None
    with passed_over():
        value = dataset[name].value if name in dataset else None
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, MultiValue | list) else [value]
