"""What the field calls its channels: dyes, detectors, modes of light, structures, antigens."""

from __future__ import annotations

import re
from functools import lru_cache

_CHANNEL_WORDS = """
ch chan chann channel channels chn kanal canal canale wavelength wave wv lambda fl detector det
pmt laser filter camera cam kanaal canale kanava 通道 チャンネル チャネル 채널 канал
"""
CHANNEL_WORDS = tuple(_CHANNEL_WORDS.split())
"""Words before the number of a channel, which mean nothing else."""

LETTERS = ("c", "w", "d")
"""Letters before the number of a channel, which may also mean something else."""

_WAVELENGTHS = """
350 355 360 365 375 385 395 405 407 415 425 430 440 442 445 450 457 458 460 470 473 475 476 480
485 488 490 500 505 510 514 515 520 525 530 532 540 542 543 545 550 552 555 560 561 565 567 568
570 575 580 585 590 592 594 595 600 605 610 615 620 625 630 633 635 637 638 640 642 645 647 650
655 660 670 680 685 690 700 710 730 740 750 760 770 780 785 790 800 808 810 830
"""
WAVELENGTHS = frozenset(_WAVELENGTHS.split())
"""In nanometres: lasers, lamps and filters of cytometers and microscopes."""

_OTHER_WORDS = """
aug augmented flip flipped mirror mirrored rot rotated copy crop cropped thumb thumbnail preview
ctrl control controls treated untreated treatment dmso vehicle mock wt ko mut mutant wildtype
pos neg positive negative pre post before after live dead alive viable healthy sick normal
abnormal infected uninfected stim unstim stimulated unstimulated left right top bottom train
test val validation patient donor sample day week male female young old big small large good bad
focus unfocused doublet doublets singlet singlets single cluster aggregate debris bead beads
lymphocyte lymphocytes monocyte monocytes neutrophil neutrophils basophil basophils eosinophil
eosinophils granulocyte granulocytes erythrocyte erythrocytes rbc wbc leukocyte leukocytes platelet
platelets macrophage macrophages dendritic nk tcell tcells bcell bcells blast blasts ctc
discocyte discocytes echinocyte echinocytes stomatocyte stomatocytes spherocyte spherocytes
acanthocyte acanthocytes reticulocyte reticulocytes crenated undetermined unlabelled unknown other
jurkat hela hek thp cho yeast bacteria algae interphase prophase prometaphase metaphase anaphase
telophase cytokinesis mitosis mitotic apoptotic necrotic
"""
OTHER_WORDS = frozenset(_OTHER_WORDS.split())
"""Words that say which cells they are, or what was done to them, and are never a channel."""

_COUNTED_WORDS = """
t time timepoint tp frame frm z zstack slice plane layer stack focus s site series scene f field
fld fov xy x y pos position p point r row col column rep replicate repeat rot angle day d hour h min
week well plate slide sample donor patient mouse exp experiment run batch dish tube group class set
cell cells event ev evt obj object nucleus roi crop patch tile part region n no nr id idx m i j
"""
_COUNTED = frozenset(_COUNTED_WORDS.split())

_S = "[-_ ]?"
_W = r"\d{3}(?!\d)"  # a wavelength
_DYES = (
    rf"alexa{_S}(?:fluor)?{_S}{_W}|a(?:488|532|546|555|568|594|633|647|660|680)(?!\d)|h33342"
    rf"|a(?:f|tto{_S}){_W}|b(?:v|uv|b){_W}|rb{_W}|efluor{_S}{_W}|cf{_W}"
    rf"|dylight{_S}{_W}|super{_S}bright{_S}{_W}|spark{_S}[a-z]+{_S}{_W}|cy(?:5[.-]5|[2357])(?!\d)"
    rf"|dapi|hoechst(?:{_S}(?:33342|33258|34580)(?!\d))?|draq[57]?|(?<!\d)7{_S}aad|pi"
    rf"|propidium(?:{_S}iodide)?|fitc|e?[gyrcb]fp|tritc|m?cherry|td{_S}tomato|ds{_S}red"
    rf"|m?venus|m?scarlet|m?neongreen|m?kate|m?plum|m?orange|cerulean|(?:texas|tx|tex){_S}red"
    rf"|r?pe|percp|apc|ecd|pac(?:ific)?{_S}(?:blue|orange)|krome{_S}orange|amcyan"
    rf"|sytox(?:{_S}[a-z]+)?|syto{_S}\d\d?(?!\d)|sybr(?:{_S}[a-z]+)?|calcein(?:{_S}am)?|di[oid]"
    rf"|jc{_S}1(?!\d)|(?:mito|lyso|er){_S}tracker(?:{_S}[a-z]+)?|tmr[me]|rhod(?:amine)?"
    rf"|phalloidin|wga|cona|cellmask|annexin{_S}v?|edu|brdu|cfse|ctv|cell{_S}trace(?:{_S}[a-z]+)?"
    rf"|fluo[34](?!\d)|fura{_S}2(?!\d)|bodipy|nile{_S}red|oil{_S}red(?:{_S}o)?|acridine{_S}orange"
    rf"|live[-_/ ]?dead|zombie(?:{_S}[a-z]+)?|eosin|ha?ematoxylin|lipidtox"
)
_MODES = (
    rf"(?<=[\W_])bf[1-9](?!\d)|bf|bright(?:{_S}field)?|bfield|df|dark(?:{_S}field)?|tl|td|dic|pcm?"
    rf"|trans(?:mitted|mission)?(?:{_S}light)?|ph(?:ase|aco)?(?:{_S}contrast)?|[sf]sc|[sf]s"
    rf"|(?:side|forward)?{_S}scatter|light{_S}loss|oblique|polari[sz]ed|autofl(?:uorescence)?"
    rf"|fluo(?:rescence)?|reflect(?:ed|ion)?|qpi|amp(?:litude)?|intensity|imaging{_S}[a-z]+"
)
_STRUCTURES = (
    r"nuc|nuclei|nucle(?:us|ar|oli|olus)|dna|rna|er|agp|mito(?:chondria)?|actin|f[-_ ]?actin"
    r"|tubulin|membrane|memb|pm|cyto(?:plasm|sol)?|cytoskeleton|lamin(?:[-_ ]?[ab]\d?)?|golgi"
    r"|lyso(?:some)?s?|centrosome|kinetochore|vimentin|keratin|lipids?|spot|spots"
)
_COLOURS = (
    r"(?:far[-_ ]?)?red|green|blue|yellow|orange|violet|cyan|magenta|gr[ae]y|uv|n?ir|white"
    rf"|(?<!\d)\d{{3}}{_S}(?-i:nm|NM)|ex{_S}{_W}(?:[-_ ]?em{_S}{_W})?|em{_S}{_W}"
)
_ANTIGENS = (
    rf"cd\d{{1,3}}(?!\d)[a-z]{{0,2}}|hla{_S}dr|ig[adegm]|ki{_S}67(?!\d)|g?(?:amma)?h2a[xz]?|h2b"
    rf"|gata\d(?!\d)|foxp\d(?!\d)|glya|ter{_S}119(?!\d)"
)

# A letter on either side makes another word; a change of case, as in `cellDAPI`, does not.
_LEFT = r"(?:(?<![^\W\d_])|(?-i:(?<=[a-z])(?=[A-Z])))"
_RIGHT = r"(?![^\W\d_])"
_TANDEM = (
    rf"(?:[-/ ](?:cy{_S}[57](?:[.-]5)?|h7|r7\d\d|fire{_S}\d{{3}}|vio\d{{0,3}}|cf594"
    rf"|dazzle{_S}\d{{3}})(?![^\W_]))?"
)
# Pulse parameters, and what is added in brackets: `FITC-A`, `Brightfield (BF1)`
_TAIL = rf"{_TANDEM}(?:-[ahw](?![^\W\d_]))?(?:[-_ ]?\((?=[^()]*[^\W\d_])[^()]*\))?"
MARKER = re.compile(
    f"{_LEFT}(?:{_DYES}|{_MODES}|{_STRUCTURES}|{_COLOURS}|{_ANTIGENS}){_RIGHT}{_TAIL}",
    re.IGNORECASE,
)
"""A known marker in a name."""

_CELL_NAMES = re.compile(f"{_ANTIGENS}|{_COLOURS}|phase|spot", re.IGNORECASE)

NUMBERED = re.compile(
    rf"(?<![^\W\d_])(?:(?P<word>{'|'.join(sorted(CHANNEL_WORDS, key=len, reverse=True))})[-_ =]?"
    rf"|(?<!r\d)(?<!r\d\d)(?<!r\d\d\d)(?P<letter>[{''.join(LETTERS)}])=?)\d{{1,4}}(?!\d)",
    re.IGNORECASE,
)
"""The number of a channel in a name; `c` after a row, as in `r01c01`, is a column."""


@lru_cache(maxsize=4096)
def is_marker(text: str) -> bool:
    """Return whether a part of a name is a known marker, or the number of a channel."""
    if text in WAVELENGTHS or MARKER.fullmatch(text):
        return True
    numbered = NUMBERED.fullmatch(text)
    return bool(numbered and numbered["word"])


@lru_cache(maxsize=4096)
def may_be_cells(text: str) -> bool:
    """Return whether a known marker is also the name of cells: `CD4`, `red`."""
    return bool(_CELL_NAMES.fullmatch(text))


@lru_cache(maxsize=4096)
def counts_others(word: str) -> bool:
    """Return whether a word before a number counts anything but channels: `site`, `frame`."""
    return word.casefold() in _COUNTED


@lru_cache(maxsize=4096)
def is_other(text: str) -> bool:
    """Return whether a part of a name says which cells they are, or what was done to them."""
    if is_marker(text):
        return False
    return any(word in OTHER_WORDS for word in re.split(r"[\W\d_]+", text.casefold()))
