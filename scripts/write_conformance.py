"""Write docs/conformance.md, the DICOM conformance statement, from the code; or check that it is up to date.

Usage: python scripts/write_conformance.py [--check]
"""

import sys
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_description
from pydicom.multival import MultiValue
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian
from pynetdicom import AE

from mammoseg import __version__
from mammoseg.archives.dicomweb import client, retrieve
from mammoseg.archives.dimse import MOST_CONTEXTS, NATIVE, TIMEOUT_SECONDS
from mammoseg.command_line import run_script
from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.deidentification.basic_profile import BASIC_PROFILE, TABLE
from mammoseg.dicom import codestream, gate, iod, pixels
from mammoseg.dicom.cad_sr import build_cad_report
from mammoseg.dicom.derived import Algorithm, Analysis
from mammoseg.dicom.mask import LABEL_MAP_SEGMENTATION_STORAGE
from mammoseg.dicom.presentation_state import build_presentation_state
from mammoseg.dicom.secondary_capture import build_secondary_capture
from mammoseg.dicom.seg import SegKind, build_segmentation
from mammoseg.dicom.sr import build_report
from mammoseg.files import atomic_path

ROOT = Path(__file__).resolve().parents[1]

PAGE = ROOT / "docs" / "conformance.md"

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)

UNLIKE_OURS = {
    "AccessionNumber": "A1",
    "InstanceNumber": 7,
    "Manufacturer": "maker",
    "ManufacturerModelName": "model",
    "PatientBirthDate": "19600102",
    "PhotometricInterpretation": "MONOCHROME1",
    "ReferringPhysicianName": "B",
    "SoftwareVersions": "1",
}
"""Values of the mammogram that no object has by itself, so that one that is taken over shows."""

COMPUTED_VRS = ("SQ", "OB", "OW", "OB or OW", "UI", "DA", "TM", "DT")
"""Value representations whose values follow from the mammogram and are not shown, but for the SOP class."""

NAMES = {LABEL_MAP_SEGMENTATION_STORAGE: "Label Map Segmentation Storage"}
"""SOP classes that pydicom's dictionary does not name yet."""


def write_conformance(check: bool = False) -> None:
    """Write the page.

    Args:
        check: write nothing; end with exit code 1 if the page is out of date.
    """
    text = conformance()
    if not check:
        with atomic_path(PAGE) as temporary:
            temporary.write_text(text, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE} is out of date; run: python scripts/write_conformance.py")
    print(f"{PAGE} {'up to date' if check else 'written'}.")


def conformance() -> str:
    """Text of the page."""
    with TemporaryDirectory() as folder:
        source, objects = _made_objects(Path(folder))
    connect, read = client.TIMEOUT_SECONDS
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), keep_trailing_newline=True)
    return environment.get_template("conformance.md.jinja").render(
        version=__version__,
        content=_content(objects),
        objects=[_described(title, made, source) for title, made in objects.items()],
        syntaxes=_syntaxes(objects),
        charset=objects["Segmentation"].SpecificCharacterSet,
        needed=[dictionary_description(keyword) for keyword in pixels.NEEDED_FOR_PIXELS],
        uids=[dictionary_description(keyword) for keyword in gate.UIDS],
        dimse=_dimse(),
        web={"accept": retrieve.ACCEPT, "connect": f"{connect:g}", "read": f"{read:g}"},
        profile=BASIC_PROFILE.meaning,
        table=TABLE,
    )


def _made_objects(folder: Path) -> tuple[Dataset, dict[str, Dataset]]:
    """A mammogram and each object that is made of it, by its title."""
    path = folder / "mammogram.dcm"
    write_mammogram(path, np.arange(1200).reshape(40, 30))
    source = dcmread(path, stop_before_pixels=True)
    for keyword, value in UNLIKE_OURS.items():
        setattr(source, keyword, value)
    lesion = np.zeros((40, 30), bool)
    lesion[10:17, 5:12] = True
    algorithm = Algorithm("unet", "0.1.0", "ab" * 32, 0.5)
    analysis = Analysis(source, [lesion], algorithm, WHEN, probability=np.where(lesion, 0.75, 0.1))
    segmentation = build_segmentation(analysis)
    return source, {
        "Segmentation": segmentation,
        "Segmentation as a label map (`--segmentation labelmap`)": build_segmentation(analysis, kind=SegKind.LABELMAP),
        "Report": build_report(analysis, segmentation),
        "Mammography CAD report (`--objects cad_sr`)": build_cad_report(analysis),
        "Secondary capture (`--objects sc`)": build_secondary_capture(analysis, read_mammogram(path)),
        "Presentation state (`--objects gsps`)": build_presentation_state(analysis),
    }


def _content(objects: dict[str, Dataset]) -> list[dict[str, str]]:
    written = {made.SOPClassUID for made in objects.values()}
    flat = gate.VOLUME_CLASSES & {gate.uid.BreastTomosynthesisImageStorage}
    classes = sorted(gate.IMAGE_CLASSES | flat | written, key=_name)
    return [
        {
            "name": _name(sop_class),
            "uid": sop_class,
            "read": "synthesized, one frame" if sop_class in flat else "yes" if sop_class in gate.IMAGE_CLASSES else "",
            "written": "yes" if sop_class in written else "",
        }
        for sop_class in classes
    ]


def _syntaxes(objects: dict[str, Dataset]) -> list[dict[str, str]]:
    packed = codestream.JPEG | codestream.JPEG_2000 | {gate.uid.RLELossless}
    read = [*NATIVE, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, *sorted(packed)]
    written: dict[str, list[str]] = {DeflatedExplicitVRLittleEndian: ["SEG with `--deflated`"]}
    for title, made in objects.items():
        written.setdefault(made.file_meta.TransferSyntaxUID, []).append(title.partition(" (")[0])
    return [
        {"name": syntax.name, "uid": syntax, "read": "yes", "written": ", ".join(written.get(syntax, []))}
        for syntax in read
    ]


def _described(title: str, made: Dataset, source: Dataset) -> dict[str, Any]:
    types = iod.types_of(made.SOPClassUID)
    rows = [
        {
            "name": element.name,
            "tag": f"({element.tag.group:04X},{element.tag.element:04X})",
            "type": types.get(element.keyword, "3"),
            "value": _value(element, source),
        }
        for element in made
    ]
    return {
        "title": title,
        "name": _name(made.SOPClassUID),
        "uid": made.SOPClassUID,
        "syntax": made.file_meta.TransferSyntaxUID.name,
        "rows": rows,
    }


def _value(element: Any, source: Dataset) -> str:
    if element.is_empty:
        return "empty"
    if element.keyword in source and source[element.keyword].value == element.value:
        return "*image*"
    if element.VR in COMPUTED_VRS and element.keyword != "SOPClassUID":
        return "*computed*"
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    return "\\\\".join(map(str, values)).replace("|", "\\|")


def _name(sop_class: UID) -> str:
    return NAMES.get(sop_class, sop_class.name)


def _dimse() -> dict[str, Any]:
    ae = AE()
    return {
        "class_uid": ae.implementation_class_uid,
        "version": ae.implementation_version_name,
        "pdu": f"{ae.maximum_pdu_size:,}",
        "contexts": MOST_CONTEXTS,
        "timeout": f"{TIMEOUT_SECONDS:g}",
        "native": ", ".join(syntax.name for syntax in (*NATIVE, DeflatedExplicitVRLittleEndian)),
        "fallback": " or ".join(syntax.name for syntax in NATIVE),
    }


if __name__ == "__main__":
    run_script(write_conformance)
