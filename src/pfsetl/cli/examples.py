"""How each command is used, as its help shows it, and under which heading it's listed."""

from collections.abc import Mapping

PUBLISH, LOOK, PRICE, KEEP = "Publish", "Look", "Price", "Keep a store"

HEADINGS: Mapping[str, tuple[str, ...]] = {
    PUBLISH: ("demo", "build", "backfill", "check", "fetch", "discover", "declare", "load", "iceberg"),
    LOOK: ("list", "code", "history", "explain", "diff", "trace", "sql", "site", "serve", "page", "export", "views"),
    PRICE: ("price", "claim", "benchmark"),
    KEEP: ("status", "versions", "runs", "verify", "repair", "rollback", "withdraw", "unload", "prune"),
}

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "demo": ("pfsetl demo",),
    "build": ("pfsetl build RVU26A", "pfsetl build RVU25A --archive RVU25A.zip"),
    "backfill": ("pfsetl backfill 2009..2026 --archives zips/", "pfsetl backfill 2024,2025"),
    "check": ("pfsetl check RVU25A", "pfsetl check RVU26B --archive RVU26B.zip"),
    "fetch": ("pfsetl fetch RVU26A RVU26B",),
    "discover": ("pfsetl discover",),
    "declare": ("pfsetl declare RVU27A --archive RVU27A.zip --out mine/",),
    "load": ("pfsetl load ZIP5_APR2026.txt",),
    "list": ("pfsetl list --published",),
    "code": ("pfsetl code 97761 --release RVU26A",),
    "history": ("pfsetl history 99213 --locality CA/18", "pfsetl history 97761 --from 2015 --csv"),
    "explain": ("pfsetl explain RVU25D RVU26A --section Medicine",),
    "diff": ("pfsetl diff RVU25D RVU26A", "pfsetl diff 3 4"),
    "trace": ("pfsetl trace RVU26A 97761",),
    "sql": ("pfsetl sql \"SELECT status, count(*) FROM rvu WHERE release = 'RVU26A' GROUP BY ALL\"",),
    "site": ("pfsetl site public/",),
    "serve": ("pfsetl serve --port 8765",),
    "page": ("pfsetl page 97761 97761.html",),
    "export": (
        "pfsetl export mpfs-2026",
        "pfsetl export q1.xlsx --format xlsx --table rvu --release RVU26A",
        "pfsetl export imaging --format csv --where \"hcpcs BETWEEN '70010' AND '79999'\"",
    ),
    "views": ("pfsetl views pfs", "pfsetl views pfs --base https://example.org/mpfs"),
    "iceberg": ("pfsetl iceberg", "pfsetl iceberg --base s3://bucket/mpfs", "pfsetl iceberg --keep 5"),
    "price": (
        "pfsetl price 97761 --date 2026-02-01 --locality CA/18",
        "pfsetl price 99213 --date 2026-02-01 --locality 90210",
    ),
    "claim": ("pfsetl claim lines-2026.csv",),
    "benchmark": (
        "pfsetl benchmark rates.csv percent.csv --locality CA/18",
        "pfsetl benchmark network.json.gz percent.parquet",
    ),
    "status": ("pfsetl status",),
    "versions": ("pfsetl versions --json",),
    "runs": ("pfsetl runs --last 5",),
    "verify": ("pfsetl verify", "pfsetl verify --at 3 --deep"),
    "repair": ("pfsetl repair",),
    "rollback": ("pfsetl rollback 3",),
    "withdraw": ('pfsetl withdraw RVU26A --why "built from a draft"',),
    "unload": ("pfsetl unload mue 2026-04-01",),
    "prune": ("pfsetl prune --keep 5", "pfsetl prune --keep 5 --yes"),
}


def heading(command: str) -> str:
    """Return the heading under which a command is listed."""
    return next((name for name, commands in HEADINGS.items() if command in commands), LOOK)
