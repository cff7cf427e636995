"""Cut the bundled sample out of real releases: rows of HCPCS Level II codes other than D, in CMS's own bytes.

Usage: python tools/make_sample.py FOLDER_WITH_RVU25D_AND_RVU26A

CPT (AMA) and dental D codes (ADA) are licensed text and never enter the sample; Level II rows, indices, factors
and county lists are CMS's own work and in the public domain.
"""

import io
import re
import sys
import zipfile
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "src" / "pfsetl" / "sample"
MEMBERS = {
    "RVU25D": (
        "PPRRVU2025_Oct.txt",
        "PPRRVU2025_Oct.csv",
        "GPCI2025.csv",
        "GPCI2025.txt",
        "25LOCCO.csv",
        "ANES2025.csv",
    ),
    "RVU26A": (
        "PPRRVU2026_Jan_nonQPP.csv",
        "PPRRVU2026_Jan_QPP.csv",
        "GPCI2026.csv",
        "26LOCCO.csv",
        "ANES2026.csv",
    ),
}
CODE = re.compile(rb"^[0-9A-Z]{5}[ ,]")
LEVEL_II = re.compile(rb"^[A-CE-Z][0-9A-Z]{4}")


def cut(name: str, data: bytes) -> bytes:
    """Return the member without the rows of CPT and D codes."""
    if not name.startswith("PPRRVU"):
        return data
    lines = data.splitlines(keepends=True)
    header = [line for line in lines[:10] if line.startswith(b"HDR") or not CODE.match(line) or line[:5] == b"HCPCS"]
    return b"".join([*header, *(line for line in lines[len(header) :] if LEVEL_II.match(line))])


def main(source: Path) -> None:
    SAMPLE.mkdir(exist_ok=True)
    for release, names in MEMBERS.items():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in names:
                member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                member.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(member, cut(name, (source / release / name).read_bytes()))
        (SAMPLE / f"{release}.zip").write_bytes(packed.getvalue())
        print(release, f"{len(packed.getvalue()):,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
