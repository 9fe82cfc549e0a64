"""Clinical content that no mammogram should have, or that a result must not be led astray by: rows 48 to 66."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from tests.hostile.case import (
    ACCEPTED,
    CANARY,
    HostileCase,
    bright_disc,
    with_attributes,
    write_good,
)

TYPE_2 = "PatientID PatientName PatientBirthDate PatientSex StudyDate StudyTime StudyID AccessionNumber".split()
MARKUP = f"<script>alert('{CANARY}')</script>;\n=cmd|'/c calc'!A1"
STORED_GRID = "The mask comes back in the stored grid, whatever the header says about how to hang the image."
NO_SIDE = "The side is unknown and is left out of the results; it is never guessed from the pixels."
NO_VIEW = "The view is unknown, never CC by default."
NO_MM = "No number in mm."


def of_class(sop_class: uid.UID, **attributes: Any) -> Callable[[Path], Path]:
    """A `make` whose file says that it is another kind of object."""
    return with_attributes(SOPClassUID=sop_class, **attributes)


def private_volume(folder: Path) -> Path:
    """A secondary capture with a private block of Hologic in group 7E01."""
    dataset = pydicom.dcmread(write_good(folder, attributes={"SOPClassUID": uid.SecondaryCaptureImageStorage}))
    block = dataset.private_block(0x7E01, "HOLOGIC, Inc.", create=True)
    block.add_new(0x10, "OB", bytes(200))
    dataset.save_as(folder / "a.dcm")
    return folder / "a.dcm"


def with_view(code: str, *, modifier: str | None = None) -> Callable[[Path], Path]:
    """A `make` whose view is this SNOMED CT code, with a view modifier."""
    item = _coded(code)
    item.ViewModifierCodeSequence = [] if modifier is None else [_coded(modifier)]
    return with_attributes(ViewCodeSequence=[item])


def several(*options: dict[str, Any]) -> Callable[[Path], Path]:
    """A `make` that writes one good file for each set of options into one series, and returns the folder."""

    def make(folder: Path) -> Path:
        for number, changes in enumerate(options):
            series = {"SeriesInstanceUID": "1.2.3.4", "InstanceNumber": number + 1}
            write_good(folder, name=f"{number}.dcm", attributes=series, **changes)
        return folder

    return make


def with_raw(keyword: str, value: bytes) -> Callable[[Path], Path]:
    """A `make` whose attribute has exactly these bytes, whatever its representation or the character set allow."""

    def make(folder: Path) -> Path:
        path = write_good(folder)
        dataset = pydicom.dcmread(path)
        element = dataset[keyword]
        dataset[element.tag] = RawDataElement(element.tag, element.VR, len(value), value, 0, False, True)
        dataset.save_as(path)
        return path

    return make


def _coded(code: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "SCT", "view"
    return item


KINDS = [
    HostileCase(48, "ct", "Modality CT", with_attributes(Modality="CT"), "E_MODALITY"),
    HostileCase(48, "no-modality", "No Modality", with_attributes(Modality=None), "E_MODALITY"),
    HostileCase(49, "seg", "A segmentation", of_class(uid.SegmentationStorage, Modality="SEG"), "E_SOP_CLASS"),
    HostileCase(49, "sr", "A structured report", of_class(uid.ComprehensiveSRStorage, Modality="SR"), "E_SOP_CLASS"),
    HostileCase(
        49,
        "gsps",
        "A presentation state",
        of_class(uid.GrayscaleSoftcopyPresentationStateStorage, Modality="PR"),
        "E_SOP_CLASS",
    ),
    HostileCase(49, "pdf", "An encapsulated PDF", of_class(uid.EncapsulatedPDFStorage, Modality="DOC"), "E_SOP_CLASS"),
    HostileCase(50, "tomo", "Breast tomosynthesis", of_class(uid.BreastTomosynthesisImageStorage), "E_MULTIFRAME"),
    HostileCase(
        50, "tomo-in-mg", "4 frames in the class of mammograms", with_attributes(NumberOfFrames=4), "E_MULTIFRAME"
    ),
    HostileCase(
        50,
        "tomo-private",
        "Hologic's placeholder for tomosynthesis in private elements (SCO)",
        private_volume,
        "E_MULTIFRAME",
    ),
    HostileCase(
        51,
        "synthetic-tomo",
        "One synthesized frame (GENERATED_2D) in the class of tomosynthesis",
        of_class(
            uid.BreastTomosynthesisImageStorage,
            NumberOfFrames=1,
            ImageType=["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"],
        ),
        ACCEPTED,
        "`ingest` warns that it was not exposed.",
        twin=write_good,
    ),
    HostileCase(
        51,
        "screen-save",
        "A screen save (secondary capture, Conversion Type WSD)",
        of_class(uid.SecondaryCaptureImageStorage, ConversionType="WSD", ImageType=["DERIVED", "SECONDARY"]),
        ACCEPTED,
        "A remark in table, page and SR says that it may be no mammogram.",
        twin=write_good,
    ),
    HostileCase(
        51,
        "iodine",
        "Contrast-enhanced, recombined (Image Type)",
        with_attributes(ImageType=["DERIVED", "PRIMARY", "", "RECOMBINED"]),
        "E_IMAGE_KIND",
        "Its grey is iodine. The low-energy image of the pair is accepted.",
    ),
    HostileCase(
        51,
        "low-energy",
        "Contrast-enhanced, low energy (Image Type)",
        with_attributes(ImageType=["ORIGINAL", "PRIMARY", "", "LOW_ENERGY"]),
        ACCEPTED,
        "Looks like any mammogram; `ingest` warns what it is.",
        twin=write_good,
    ),
    HostileCase(
        51,
        "synthetic",
        "Computed from tomosynthesis (Image Type GENERATED_2D)",
        with_attributes(ImageType=["DERIVED", "PRIMARY", "TOMO", "GENERATED_2D"]),
        ACCEPTED,
        "`ingest` warns that it was not exposed.",
        twin=write_good,
    ),
    HostileCase(
        51,
        "stereo",
        "One of a stereo pair (Image Type STEREO)",
        with_attributes(ImageType=["DERIVED", "PRIMARY", "STEREO", "LEFT"]),
        ACCEPTED,
        "`ingest` warns; units set it on single images too.",
        twin=write_good,
    ),
    HostileCase(51, "specimen", "A specimen (view code 127457009)", with_view("127457009"), "E_IMAGE_KIND"),
]

VIEWS = [
    HostileCase(
        52,
        "magnified",
        "Magnification view, factor 1.8",
        with_attributes(EstimatedRadiographicMagnificationFactor="1.8"),
        ACCEPTED,
        "Sizes in mm are divided by the factor; a magnification view (399163009) without its factor gives no size.",
        twin=write_good,
    ),
    HostileCase(
        52,
        "spot",
        "Spot compression (view modifier 399055006)",
        with_view("399162004", modifier="399055006"),
        ACCEPTED,
        "`ingest` warns.",
        twin=write_good,
    ),
    HostileCase(
        53,
        "implant",
        "Implant present",
        with_attributes(BreastImplantPresent="YES"),
        ACCEPTED,
        "`ingest` warns.",
        twin=write_good,
    ),
    HostileCase(
        53,
        "implant-displaced",
        "Implant displaced (view modifier 399209000)",
        with_view("399162004", modifier="399209000"),
        ACCEPTED,
        "`ingest` warns.",
        twin=write_good,
    ),
    HostileCase(54, "no-side", "No Image Laterality", with_attributes(ImageLaterality=None), ACCEPTED, NO_SIDE),
    HostileCase(54, "both-sides", "Image Laterality B", with_attributes(ImageLaterality="B"), ACCEPTED, NO_SIDE),
    HostileCase(
        54,
        "other-side",
        "Image Laterality R, the pixels show a left breast",
        with_attributes(ImageLaterality="R"),
        ACCEPTED,
        "The header is believed, since a flipped image looks so too; only the label of the side depends on it.",
    ),
    HostileCase(55, "no-view", "No view", with_attributes(ViewCodeSequence=None, ViewPosition=None), ACCEPTED, NO_VIEW),
    HostileCase(
        55,
        "free-view",
        "View Position in free text, no code",
        with_attributes(ViewCodeSequence=None, ViewPosition=f"oblique {CANARY}"),
        ACCEPTED,
        NO_VIEW,
    ),
    HostileCase(
        55,
        "view-of-no-item",
        "View Code Sequence without items",
        with_attributes(ViewCodeSequence=[]),
        ACCEPTED,
        "View Position is taken.",
    ),
    *(
        HostileCase(56, name, what, with_attributes(**attributes), ACCEPTED, STORED_GRID, twin=write_good)
        for name, what, attributes in (
            ("flipped", "Field of View Horizontal Flip YES", {"FieldOfViewHorizontalFlip": "YES"}),
            ("rotated", "Field of View Rotation 180", {"FieldOfViewRotation": "180"}),
            ("reversed", "Patient Orientation reversed", {"PatientOrientation": ["P", "L"]}),
            ("orientation-mlo", "Patient Orientation says MLO", {"PatientOrientation": "MLO"}),
        )
    ),
    *(
        HostileCase(57, name, what, with_attributes(**attributes), ACCEPTED, policy, twin=write_good)
        for name, what, attributes, policy in (
            ("no-spacing", "No Imager Pixel Spacing", {"ImagerPixelSpacing": None}, NO_MM),
            ("zero-spacing", "Imager Pixel Spacing 0", {"ImagerPixelSpacing": ["0", "0"]}, NO_MM),
            ("negative-spacing", "Imager Pixel Spacing -0.07", {"ImagerPixelSpacing": ["-0.07", "0.07"]}, NO_MM),
            ("oblong", "Pixels not square", {"ImagerPixelSpacing": ["0.07", "0.14"]}, "Row and column spacing count."),
            (
                "two-spacings",
                "Pixel Spacing differs from Imager Pixel Spacing, no calibration named",
                {"PixelSpacing": ["0.05", "0.05"]},
                "Imager Pixel Spacing counts; Pixel Spacing only where the file says how it was calibrated.",
            ),
        )
    ),
    HostileCase(
        57,
        "words-for-spacing",
        "Imager Pixel Spacing in words",
        with_raw("ImagerPixelSpacing", b"fine"),
        ACCEPTED,
        NO_MM,
    ),
]

SERIES = [
    HostileCase(
        58,
        "four-views",
        "Four views in one series",
        several(*({"view": view, "laterality": side} for view in ("CC", "MLO") for side in "LR")),
        ACCEPTED,
        "One result an image.",
    ),
    HostileCase(
        59,
        "two-sizes",
        "Two sizes in one series",
        several({}, {"pixels": np.pad(bright_disc(), ((0, 8), (0, 16)), mode="edge")}),
        ACCEPTED,
        "One result an image.",
    ),
    HostileCase(
        60,
        "cbis-ddsm",
        "As CBIS-DDSM: secondary capture, no spacing, Patient Orientation CC",
        of_class(
            uid.SecondaryCaptureImageStorage,
            PatientOrientation="CC",
            ImagerPixelSpacing=None,
            ViewCodeSequence=None,
            ConversionType="WSD",
        ),
        ACCEPTED,
        "Exchanged crops and masks, aspect and several masks are cases of its reader: tests/data/test_cbis_ddsm.py.",
        twin=write_good,
    ),
    HostileCase(
        62,
        "two-views-one-patient",
        "Two views of one patient",
        several({"view": "CC"}, {"view": "MLO"}),
        ACCEPTED,
        "Patients, not images, are dealt to training and test; a datalist with one patient in two sections is refused. "
        "One patient under two codes cannot be seen, unless images are equal.",
    ),
]

TEXTS = [
    HostileCase(
        63,
        "japanese",
        "Name in Shift-JIS, ISO_IR 100 declared",
        with_raw("PatientName", "山田^太郎".encode("shift-jis")),
        ACCEPTED,
        "Read as the file declares and written in UTF-8: no byte is lost, none is shown.",
    ),
    HostileCase(
        63,
        "no-such-charset",
        "Character set that does not exist",
        with_attributes(SpecificCharacterSet="ISO_IR 999"),
        ACCEPTED,
        "Texts are read as the default set.",
    ),
    *(
        HostileCase(64, name, what, with_attributes(**{keyword: MARKUP}), ACCEPTED, "None of it is shown anywhere.")
        for name, what, keyword in (
            ("markup-in-study", "`<script>`, newline and formula in Study Description", "StudyDescription"),
            ("markup-in-id", "The same in Patient ID", "PatientID"),
            ("markup-in-view", "The same in View Position", "ViewPosition"),
        )
    ),
    HostileCase(
        64,
        "formula-in-file-name",
        "A file called =cmd()<script>.dcm",
        lambda folder: write_good(folder, name="=cmd()<script>.dcm"),
        ACCEPTED,
        "Escaped in table and page; outputs are named with plain characters.",
        twin=write_good,
    ),
    HostileCase(
        65,
        "no-type-2",
        "No Patient ID, name, birth date, sex, study date, time, ID, accession number",
        with_attributes(**dict.fromkeys(TYPE_2)),
        ACCEPTED,
        "Empty in the results.",
        twin=write_good,
    ),
    HostileCase(
        66,
        "no-such-date",
        "Study Date 99999999",
        with_raw("StudyDate", b"99999999"),
        ACCEPTED,
        "A Type 2 date that does not exist becomes empty in the results.",
        twin=write_good,
    ),
    HostileCase(
        66,
        "birth-date-of-zeros",
        "Birth date 00000000",
        with_raw("PatientBirthDate", b"00000000"),
        ACCEPTED,
        "The same; a GE unit writes it.",
        twin=write_good,
    ),
]

CASES: list[HostileCase] = [*KINDS, *VIEWS, *SERIES, *TEXTS]
