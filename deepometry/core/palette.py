"""The colours of groups, in figures and on the page, so that a class has one colour everywhere.

Okabe and Ito's colours, which people with colour-blindness can tell apart, without their yellow,
which is lost on white, and with two others; groups beyond the eighth differ in shape or line.
"""

GROUPS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d", "#7f3c8d")
GROUPS_ON_DARK = (
    "#56b4e9",
    "#e69f00",
    "#1fc99a",
    "#e08fc0",
    "#f0e442",
    "#7aa7ff",
    "#c8c8c8",
    "#b79af0",
)
UNKNOWN, UNKNOWN_ON_DARK = "#b4b4b4", "#6e6e6e"

VIRIDIS = (
    "#440154",
    "#482475",
    "#414487",
    "#355f8d",
    "#2a788e",
    "#21918c",
    "#22a884",
    "#44bf70",
    "#7ad151",
    "#bddf26",
    "#fde725",
)
"""For numbers, in even steps of lightness (van der Walt and Smith, CC0)."""


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue of a colour, from 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def for_page() -> dict[str, object]:
    """Return all of them, for the scripts of the page."""
    return {
        "light": {"groups": GROUPS, "unknown": UNKNOWN},
        "dark": {"groups": GROUPS_ON_DARK, "unknown": UNKNOWN_ON_DARK},
        "scale": VIRIDIS,
    }
