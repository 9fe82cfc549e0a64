"""The sources that `ingest` knows."""

from collections.abc import Callable
from dataclasses import dataclass

from mammoseg.data import cbis_ddsm, cdd_cesm, csaw_s, dicom_seg, folder, inbreast, mias, vindr, voc
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import IngestJob
from mammoseg.errors import WrongCallError


@dataclass(frozen=True)
class Source:
    """One kind of input.

    Attributes:
        collect: called with an `IngestJob` and the options of the source by name; returns records whose paths are
            absolute and which have no fold. A record may name its patient's ``official`` sections (see `splits`).
        license: license of its images; None when each user has to know.
        has_public_codes: whether patient codes are published; hiding them would only hide which patient is meant.
        truth: ``boxes`` or ``circles`` where it marks masses so; None for outlines.
        has_dicom: whether images may be DICOM files.
    """

    collect: Callable[..., list[Record]]
    license: str | None
    has_public_codes: bool
    truth: str | None = None
    has_dicom: bool = True


def collect_phantom(job: IngestJob, *, patients: int = 24, size: int = 512) -> list[Record]:
    """Make a cohort of synthetic mammograms in the output folder.

    Args:
        patients: how many; see `generate_cohort`.
        size: rows of each image.

    Raises:
        WrongCallError: inputs are named.
    """
    from mammoseg.data.phantom import generate_cohort  # imports highdicom, a second that other sources can save

    if job.inputs:
        raise WrongCallError("phantom makes its images and takes no input; leave the input out.")
    records = generate_cohort(job.made, patients=patients, size=size, seed=job.seed)
    return [record | {key: job.made / record[key] for key in ("image", "label")} for record in records]


SOURCES = {
    "phantom": Source(collect_phantom, license="synthetic, made by mammoseg (Apache-2.0)", has_public_codes=True),
    "folder": Source(folder.collect, license=None, has_public_codes=False),
    "cbis_ddsm": Source(cbis_ddsm.collect, license=cbis_ddsm.LICENSE, has_public_codes=True),
    "inbreast": Source(inbreast.collect, license=inbreast.LICENSE, has_public_codes=True),
    "dicom_seg": Source(dicom_seg.collect, license=None, has_public_codes=False),
    "mias": Source(mias.collect, license=mias.LICENSE, has_public_codes=True, truth="circles", has_dicom=False),
    "vindr": Source(vindr.collect, license=vindr.LICENSE, has_public_codes=True, truth="boxes"),
    "csaw_s": Source(csaw_s.collect, license=csaw_s.LICENSE, has_public_codes=True, has_dicom=False),
    "cdd_cesm": Source(cdd_cesm.collect, license=cdd_cesm.LICENSE, has_public_codes=True, has_dicom=False),
    "voc": Source(voc.collect, license=voc.LICENSE, has_public_codes=True, has_dicom=False),
}
