"""Files that are not read: how many there are, and what to give in their place."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from deepometry.core.file_types import suffix_of
from deepometry.core.text import counted, shortened
from deepometry.images.file_names.masks import masks_left_out

_SYSTEM = {"thumbs.db", "desktop.ini"}
_CIF = re.compile(rb"[^\"'<>/\\|:*?\r\n]{1,200}\.cif\b", re.IGNORECASE)
_HEAD = 2**16  # bytes of a .daf that are searched for the name of its .cif

_TEXT = ".xlsx .xls .ods .csv .tsv .txt .json .xml .md .log .html .docx .doc .pptx .pdf"
_NO_IMAGES = "give the folder of the images themselves"
_EXPORT = "export the images as .tif files"
_ARRAY = "save the images as an array (cells, height, width, channels) in a .npy file"
_AGAIN = "save them as .tif or .png files"
_KINDS: tuple[tuple[str, str, str], ...] = (
    (".daf", "analyses of IDEAS, without images",
     "give the .cif file, which IDEAS writes when it opens a .rif file, and keeps beside the .daf"),
    (".ast .iast .cpm .ctm .icmp", "templates or matrices of IDEAS, without images",
     "give the .cif file that it was made for"),
    (".iclass", "classifiers, without images", "give the .cif or .tif files of the cells"),
    (".fcs .lmd", "tables of numbers, without images",
     "give the folder of the images that the instrument exported beside it"),
    (".cvw", "images in a form that only software of BD reads",
     "export them as .tiff files with the BD CellView Image Extractor"),
    (".acs", "archives of .fcs files and what belongs to them",
     "if one holds images, change its ending to .zip, which it is; else " + _NO_IMAGES),
    (".wsp .wspt .jo .xit", "workspaces without images", _NO_IMAGES),
    (_TEXT, "text or tables, without images", _NO_IMAGES),
    (".tdms", "of the older format of deformability cytometers",
     "convert it to .rtdc, with dclab-tdms2rtdc"),
    (".zarr .n5", "folders of compressed pieces of arrays", _ARRAY),
    (".h5 .hdf5 .h5ad .mat .pkl .pickle .pt .pth .tfrecord .parquet .rds .rdata",
     "data of other programs", _ARRAY),
    (".keras .tree .pb .onnx", "models, not images", _NO_IMAGES),
    (".gif .webp .heic .heif .avif .jp2 .j2k .svg .eps .ppm .pgm .tga .psd .xcf",
     "pictures of a kind that is not read", _AGAIN),
    (".avi .mp4 .mov .mkv .wmv .m4v .mpg .mpeg", "videos",
     "save a .tif or .png file for each cell"),
    (".b16", "images in a form of cameras that is not read", _EXPORT),
    (".7z .rar .tar .gz .tgz .bz2 .xz .zst", "archives", "unpack it, or pack it again as .zip"),
    (".crdownload .part .partial .download", "unfinished downloads", "download it again"),
)  # fmt: skip
_ADVICE = {s: (what, advice) for kinds, what, advice in _KINDS for s in kinds.split()}

_THEIRS = (
    ".czi .lif .nd2 .lof .oib .oif .oir .vsi .ics .ids .zvi .dv .r3d .ims .flex .scn .svs .ndpi "
    ".mrxs .lsm .stk .sld .mrc .dm3 .dm4 .xdce .mvd2 .c01 .dib .ipl .ipw .liff .pic .raw3 .nrrd "
    ".dcm .dicom .jp2 .avi .gif .qptiff .cxd .nii .obf .msr .htd .afi .bif .pcoraw .sif"
)
BIOFORMATS = frozenset(_THEIRS.split())
"""Kinds that Bio-Formats reads and this program does not."""

_MICROSCOPE = "images of microscopes"


class Others:
    """Files that are not read.

    Attributes
    ----------
    kinds : Counter of str
        How many there are, by suffix.
    unpacked : list of str
        Archives whose files lie beside them.
    pictures : list of str
        Pictures beside files of cells of other kinds, of which they may be plots or previews.
    masks : list of str
        Of images that are there, too.
    analyses : list of str
        Analyses of IDEAS that lie beside .cif files; they do not count among the kinds.
    """

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.unpacked: list[str] = []
        self.pictures: list[str] = []
        self.masks: list[str] = []
        self.analyses: list[str] = []
        self._examples: dict[str, str] = {}

    def add(self, name: str, folder: tuple[str, ...] = ()) -> None:
        """Count a file or folder."""
        if name.casefold() in _SYSTEM:
            return
        suffix = suffix_of(name)
        self.kinds[suffix] += 1
        path = "/".join((*folder, name))
        self._examples[suffix] = min(self._examples.get(suffix, path), path)

    def update(self, others: Others) -> None:
        """Add those of a further folder."""
        self.kinds.update(others.kinds)
        self.unpacked += others.unpacked
        self.pictures += others.pictures
        self.masks += others.masks
        self.analyses += others.analyses
        self._examples = others._examples | self._examples

    @property
    def number(self) -> int:
        """How many there are."""
        return self.kinds.total()

    @property
    def example(self) -> str:
        """One of the kind that says most of what to do, relative to the input."""
        return self._examples[self._telling] if self.kinds else ""

    @property
    def _telling(self) -> str:
        """Return the kind to advise on: the most frequent of those that are not just text."""
        known = (_ADVICE.keys() | BIOFORMATS) - set(_TEXT.split())
        return max(sorted(self.kinds), key=lambda suffix: (suffix in known, self.kinds[suffix]))

    def left_out(self) -> str:
        """Return a sentence on how many were left out, and on archives; blank if none."""
        texts = []
        if self.number:
            verb = "was" if self.number == 1 else "were"
            of = "another kind" if self.number == 1 else "other kinds"
            files = counted(self.number, "file")
            texts.append(f"{files} of {of} {verb} left out, such as {self.example}.")
        if self.pictures:
            verb = "was" if len(self.pictures) == 1 else "were"
            texts.append(
                f"{counted(len(self.pictures), 'picture')} beside files of other kinds {verb} left "
                f"out, such as {self.pictures[0]}."
            )
        texts += filter(None, [masks_left_out(self.masks)])
        if self.unpacked:
            names = shortened(self.unpacked, 3)
            texts.append(f"Left out, because the same files lie unpacked beside it: {names}.")
        return " ".join(texts)

    def advice(self, input: Path, second: bool) -> str:
        """Return what to give in place of these files, as the end of a sentence.

        With `second`, Bio-Formats has been asked already.
        """
        if not self.number:
            return "choose the folder that holds the images"
        return advice_on(input / self.example, second) or _unknown(self._telling, second)


def _unknown(suffix: str, second: bool) -> str:
    """Return what to do with files of a kind that is in no list."""
    if not suffix:
        return "choose the folder that holds the images"
    ways = _EXPORT if second else f"{_EXPORT}, or choose the reader bioformats"
    return f"if {suffix} files are images, {ways}; if not, choose the folder that holds the images"


def advice_on(path: Path, second: bool = False) -> str:
    """Return what a file is and what to give in its place; blank where that is not known."""
    suffix = suffix_of(path.name)
    ways = [] if second or suffix not in BIOFORMATS else ["choose the reader bioformats"]
    what, advice = _ADVICE.get(suffix, (_MICROSCOPE, _EXPORT) if suffix in BIOFORMATS else ("", ""))
    if not what:
        return ""
    if suffix == ".daf" and (cif := _cif_of(path)):
        advice = f"give the folder of {cif}, the images that it is about"
    return f"{suffix} files are {what}: {' or '.join([*ways, advice])}"


def _cif_of(path: Path) -> str:
    """Return the name of the .cif file that an analysis names; blank if that cannot be read."""
    try:
        with path.open("rb") as file:
            match = re.search(
                rb"[^\"'<>/\\|:*?\r\n]{1,200}\.cif\b", file.read(_HEAD), re.IGNORECASE
            )
    except OSError:
        return ""
    return match[0].decode("utf-8", "replace").strip() if match else ""
