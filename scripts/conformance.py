"""What the DICOM conformance statement says: objects are made of a mammogram that is unlike any of ours, and read."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import checkout  # noqa: F401  # the package is that of this checkout
from conformance_attributes import describe_object, say_class_name
from conformance_objects import make_objects
from jinja2 import Environment, FileSystemLoader
from pydicom import Dataset
from pydicom.datadict import dictionary_description
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian
from pynetdicom import AE

from mammoseg import __version__
from mammoseg.archives.dicomweb import client, retrieve
from mammoseg.archives.dimse import MOST_CONTEXTS, NATIVE, TIMEOUT_SECONDS
from mammoseg.deidentification.basic_profile import BASIC_PROFILE, TABLE
from mammoseg.dicom import codestream, gate, pixels


def render_conformance() -> str:
    """Text of the page."""
    with TemporaryDirectory() as folder:
        source, objects = make_objects(Path(folder))
    connect, read = client.TIMEOUT_SECONDS
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), keep_trailing_newline=True)
    return environment.get_template("conformance.md.jinja").render(
        version=__version__,
        content=_list_classes(objects),
        objects=[describe_object(title, made, source) for title, made in objects.items()],
        syntaxes=_list_syntaxes(objects),
        charset=objects["Segmentation"].SpecificCharacterSet,
        needed=[dictionary_description(keyword) for keyword in pixels.NEEDED_FOR_PIXELS],
        uids=[dictionary_description(keyword) for keyword in gate.UIDS],
        dimse=_describe_dimse(),
        web={"accept": retrieve.ACCEPT, "connect": f"{connect:g}", "read": f"{read:g}"},
        profile=BASIC_PROFILE.meaning,
        table=TABLE,
    )


def _list_classes(objects: dict[str, Dataset]) -> list[dict[str, str]]:
    written = {made.SOPClassUID for made in objects.values()}
    flat = gate.VOLUME_CLASSES & {gate.uid.BreastTomosynthesisImageStorage}
    classes = sorted(gate.IMAGE_CLASSES | flat | written, key=say_class_name)
    return [
        {
            "name": say_class_name(sop_class),
            "uid": sop_class,
            "read": "synthesized, one frame" if sop_class in flat else "yes" if sop_class in gate.IMAGE_CLASSES else "",
            "written": "yes" if sop_class in written else "",
        }
        for sop_class in classes
    ]


def _list_syntaxes(objects: dict[str, Dataset]) -> list[dict[str, str]]:
    packed = codestream.JPEG | codestream.JPEG_2000 | {gate.uid.RLELossless}
    read = [*NATIVE, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, *sorted(packed)]
    written: dict[str, list[str]] = {DeflatedExplicitVRLittleEndian: ["SEG with `--deflated`"]}
    for title, made in objects.items():
        written.setdefault(made.file_meta.TransferSyntaxUID, []).append(title.partition(" (")[0])
    return [
        {"name": syntax.name, "uid": syntax, "read": "yes", "written": ", ".join(written.get(syntax, []))}
        for syntax in read
    ]


def _describe_dimse() -> dict[str, Any]:
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
