"""Measure a build against its floor and against bare scripts; the floor reads the zip and writes the same frames.

Usage: python -m tools.bench [FOLDER_OF_CMS_ARCHIVES]      default $PFSETL_CMS or ../shared/cms

All are measured in turn in one process, so that a noisy machine hits each; the ratios of a round count.
"""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from importlib.metadata import version as installed
from pathlib import Path
from unittest import mock

import polars as pl
import polars.selectors as cs

import pfsetl
from pfsetl import frugal
from pfsetl.declared import contracts, registry
from pfsetl.pipeline import examine
from pfsetl.pipeline.archive_folder import find_archives
from pfsetl.pipeline.backfill import backfill
from pfsetl.publication import parquet
from pfsetl.publication.digest import RowsDigest
from pfsetl.source.archive import open_archive
from pfsetl.tables import by_locality
from pfsetl.tables.numbers import Rows, height
from tools.bare import in_duckdb, in_pandas, payment, release, whole

RELEASE = "RVU25A"
ROUNDS = 7
COLD_ROUNDS = 3
WHOLE, SEVEN = f"polars, {len(whole.TABLES)} tables", f"polars, {len(release.TABLES)} tables"
LESS = "pfsetl without digests and other formats"
Spent = tuple[float, float]  # seconds of wall, and of processor time
Script = Callable[[Path, Path], None]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def build(archive: Path, output: Path) -> pfsetl.Build:
    shutil.rmtree(output, ignore_errors=True)
    return pfsetl.build(RELEASE, store=pfsetl.open_store(output), archive=archive)


class Counted(RowsDigest):
    """What stands for a digest where it isn't measured: the number of rows."""

    def update(self, part: pl.DataFrame | Rows) -> None:
        """Count the next rows."""
        self.rows += part.height if isinstance(part, pl.DataFrame) else height(part)


def build_less(archive: Path, output: Path) -> None:
    """Build without two of the things that the bare scripts don't do either; checks, records and the layout stay."""
    with (
        mock.patch.object(parquet, "RowsDigest", Counted),
        mock.patch.object(examine, "read_others", return_value=[]),
    ):
        build(archive, output)


def tables_of(version: pfsetl.Version) -> dict[str, pl.DataFrame]:
    return {name: version.scan(name).collect() for name in contracts.load().tables}


def floor(archives: list[Path], frames: dict[str, pl.DataFrame], output: Path, *, fsync: bool = False) -> None:
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    for archive in archives:
        for file in open_archive(archive).files:
            file.load()
    for name, frame in frames.items():
        frame.write_parquet(
            output / f"{name}.parquet",
            compression="zstd",
            compression_level=parquet.COMPRESSION_LEVEL,
            row_group_size=parquet.STREAMED_ROW_GROUP if name == "payment_locality" else parquet.ROW_GROUP,
        )
        if fsync:
            with (output / f"{name}.parquet").open("rb") as written:
                os.fsync(written.fileno())


def one_release(archive: Path, temporary: Path) -> None:
    """Print one build beside its floor and bare scripts: each in turn in this process, then alone in a new one."""
    output, bare_folder = temporary / "store", temporary / "bare"
    version = build(archive, output).version
    frames = tables_of(version)
    scripts: dict[str, tuple[Script, tuple[str, ...]]] = {
        WHOLE: (whole.by_polars, whole.TABLES),
        SEVEN: (release.by_polars, release.TABLES),
        "polars, payments alone": (payment.by_polars, payment.TABLES),
        "DuckDB, payments alone": (in_duckdb.by_duckdb, payment.TABLES),
        "pandas (floats), payments alone": (in_pandas.by_pandas, payment.TABLES),
    }
    jobs: dict[str, Callable[[], object]] = {
        "floor": lambda: floor([archive], frames, temporary / "floor"),
        "floor with fsync": lambda: floor([archive], frames, temporary / "floor", fsync=True),
        **{name: partial(bared, script, archive, bare_folder) for name, (script, _) in scripts.items()},
        "pfsetl": lambda: build(archive, output),
        LESS: lambda: build_less(archive, output),
    }
    differing = {name: apart(*one, archive, bare_folder, frames) for name, one in scripts.items()}
    rounds = [{name: spent(job) for name, job in jobs.items()} for _ in range(ROUNDS)]
    rows = sum(r.rows for r in version.resources)
    print(f"{RELEASE}: {rows:,} rows in {len(frames)} tables; medians of {ROUNDS} rounds in turn")
    print(f"{about_here()}\n\n| job | wall | / floor | processor | / floor |\n|---|---|---|---|---|")
    for name in jobs:
        print(f"| {name} | {beside([one[name] for one in rounds], [one['floor'] for one in rounds])} |")
    colds = {
        what: [cold(archive.parent, what, output) for _ in range(COLD_ROUNDS)] for what in ("floor", WHOLE, "pfsetl")
    }
    for what, taken in colds.items():
        print(f"| {what}, in a process of its own (/ the floor in one) | {beside(taken, colds['floor'])} |")
    print(f"\ncells that differ from pfsetl's: {'; '.join(f'{name}: {count:,}' for name, count in differing.items())}")
    for one, other in (("pfsetl", WHOLE), (LESS, WHOLE), ("pfsetl", SEVEN)):
        print(f"{one} / {other}: " + ratios([at[one] for at in rounds], [at[other] for at in rounds]))
    left_out = (f"{name} ({frame.height:,} rows)" for name, frame in frames.items() if name not in whole.TABLES)
    print(f"not made by {WHOLE}: {', '.join(left_out)}")
    build(archive, output)
    payments(pfsetl.open(output), temporary)
    lookups(pfsetl.open(output))


def beside(taken: list[Spent], least: list[Spent]) -> str:
    """Return the medians of wall and processor time, each with that of its ratios to the floor of the same round."""
    return " | ".join(
        f"{statistics.median(one[kind] for one in taken):.2f} s | "
        f"{statistics.median(one[kind] / floor[kind] for one, floor in zip(taken, least, strict=True)):.2f}"
        for kind in (0, 1)
    )


def ratios(taken: list[Spent], other: list[Spent]) -> str:
    """Return the medians of the ratios of each round, of wall and of processor time."""
    both = (statistics.median(a[kind] / b[kind] for a, b in zip(taken, other, strict=True)) for kind in (0, 1))
    return "wall {:.2f}, processor {:.2f}".format(*both)


def spent(job: Callable[[], object]) -> Spent:
    """Return the seconds of wall and of processor time that a job takes."""
    wall, processor = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - wall, time.process_time() - processor


def bared(script: Script, archive: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    script(archive, folder)


def apart(script: Script, tables: tuple[str, ...], archive: Path, folder: Path, frames: dict[str, pl.DataFrame]) -> int:
    """Return how many cells a bare script has otherwise than pfsetl; exits where it has other rows."""
    bared(script, archive, folder)
    count = 0
    for name in tables:
        ours = frames[name]
        theirs = pl.read_parquet(folder / f"{name}.parquet").select(pl.col(c).cast(d) for c, d in ours.schema.items())
        key = list(contracts.load().tables[name].key)
        theirs = theirs.sort(key)
        if not theirs.select(key).equals(ours.select(key)):
            sys.exit(f"{script.__name__} has other rows of {name} than pfsetl: what they take can't be compared.")
        count += sum(int(theirs[c].ne_missing(ours[c]).sum()) for c in ours.columns)
    return count


def about_here() -> str:
    """Say with which libraries this is measured, on what, and how busy it is."""
    names = ("polars", "pyarrow", "numpy", "duckdb", "pandas")
    versions = ", ".join(f"{name} {installed(name)}" for name in names)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"Python {platform.python_version()}, {versions}; {os.cpu_count()} cores, load {load} (1, 5, 15 minutes)"


def cold(folder: Path, what: str, store: Path) -> Spent:
    """Return the wall and processor time of a job in a process of its own, without reading what the floor writes."""
    start = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-m", "tools.bench", str(folder), f"--cold={what}", f"--store={store}"],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    processor, apart_wall = map(float, told.stdout.split())
    return time.perf_counter() - start - apart_wall, processor


def alone(folder: Path, what: str, store: Path) -> None:
    """Do a job in this process, and print its processor time and the wall time that doesn't count."""
    archive = folder / f"{RELEASE}.zip"
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        wall, processor = time.perf_counter(), time.process_time()
        frames = tables_of(pfsetl.open(store)) if what == "floor" else {}
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        if what == "floor":
            floor([archive], frames, temporary / "floor")
        elif what == WHOLE:
            whole.by_polars(archive, temporary)
        else:
            build(archive, temporary / "store")
    print(time.process_time() - processor, wall)


def plain_payments(rvu: pl.DataFrame, gpci: pl.DataFrame) -> pl.DataFrame:
    """Compute the same columns in float64, as one would without needing the cents to be right."""
    rows = rvu.filter(pl.sum_horizontal(cs.decimal()) > 0).with_columns(cs.decimal().cast(pl.Float64))
    crossed = rows.join(gpci.with_columns(cs.decimal().cast(pl.Float64)), how="cross")
    columns = []
    for setting in ("nonfacility", "facility"):
        for name, prefix in (("amount", ""), ("opps_amount", "opps_")):
            pe, mp = (f"{setting}_pe_rvu", "mp_rvu") if not prefix else (f"opps_{setting}_pe_rvu", "opps_mp_rvu")
            dollars = (
                pl.col("work_rvu") * pl.col("work_gpci")
                + pl.col(pe) * pl.col("pe_gpci")
                + pl.col(mp) * pl.col("mp_gpci")
            ) * pl.col("conversion_factor")
            columns.append(dollars.round(2).alias(f"{setting}_{name}"))
    keys = ("participant", "hcpcs", "modifier", "state", "locality", "mac", "status", "nonfacility_na", "facility_na")
    table = crossed.select(*keys, *columns)
    for setting in ("nonfacility", "facility"):
        capped = pl.min_horizontal(f"{setting}_amount", f"{setting}_opps_amount")
        paid = pl.when(pl.col("status").is_in(["A", "R", "T"])).then(capped)
        table = table.with_columns(paid.alias(f"{setting}_payment"))
    return table.with_columns(
        (pl.col(f"{setting}_payment") * factor).round(2).alias(f"{setting}_{name}")
        for setting in ("nonfacility", "facility")
        for name, factor in (("nonparticipating_amount", 0.95), ("limiting_charge", 1.0925))
    )


def payments(version: pfsetl.Version, temporary: Path) -> None:
    """Compare exact payments by locality with plain float64 ones, and with writing them."""
    rvu, gpci = (version.scan(name, RELEASE).collect() for name in ("rvu", "gpci"))
    table = version.scan("payment_locality", RELEASE).collect()
    release = registry.find(RELEASE)

    def exact() -> int:
        return sum(height(part) for part in by_locality.payment_locality(rvu, gpci, release))

    def write() -> None:
        table.write_parquet(
            temporary / "payments.parquet", compression="zstd", compression_level=parquet.COMPRESSION_LEVEL
        )

    rounds = [(seconds(exact), seconds(lambda: plain_payments(rvu, gpci)), seconds(write)) for _ in range(ROUNDS + 1)][
        1:
    ]
    for place, name in ((1, "plain float64"), (2, "writing the same Parquet")):
        ratios = sorted(one[0] / one[place] for one in rounds)
        print(f"exact payments of {table.height:,} rows: {statistics.median(ratios):.2f} x {name} "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f})")  # fmt: skip


def lookups(version: pfsetl.Version) -> None:
    """Price services one by one from the published store, the first apart from the warm ones."""
    rows = version.scan("payment_locality", RELEASE).select("hcpcs", "modifier", "state", "locality")
    wanted = rows.filter(pl.col("modifier") == "").collect().sample(51, seed=1).rows()
    day = registry.find(RELEASE).effective_from or date.min
    taken = [
        seconds(partial(pfsetl.price, code, day, locality=place, output=version))
        for code, place in ((row[0], f"{row[2]}/{row[3]}") for row in wanted)
    ]
    warm = sorted(1000 * t for t in taken[1:])
    print(f"price   {statistics.median(warm):.0f} ms warm (median of {len(warm)}; {warm[0]:.0f} to {warm[-1]:.0f}), "
          f"first {1000 * taken[0]:.0f} ms")  # fmt: skip


def all_releases(folder: Path, temporary: Path) -> None:
    """Backfill every archive of the folder into a fresh store, beside the floor of all of them."""
    archives = find_archives(folder, "2003..2099").archives
    store = pfsetl.open_store(temporary / "history")
    taken = seconds(lambda: backfill(archives, store=store))
    version = pfsetl.open(store)
    rows, size = sum(r.rows for r in version.resources), sum(r.bytes for r in version.resources)
    least = 0.0
    for label in archives:
        frames = {name: version.scan(name, label).collect() for name in contracts.load().tables}
        least += seconds(partial(floor, [archives[label]], frames, temporary / "floor"))
    again = seconds(lambda: backfill(archives, store=store))
    print(f"\nbackfill of {len(archives)} releases, {rows:,} rows, {size:,} bytes of Parquet")
    print(f"backfill {taken:.2f} s, {rows / taken:,.0f} rows a second, {taken / len(archives):.2f} s a release")
    print(f"floor    {least:.2f} s; ratio {taken / least:.2f}")
    print(f"again    {again:.2f} s when nothing is new")


def main(folder: Path) -> None:
    archive = folder / f"{RELEASE}.zip"
    if not archive.is_file():
        sys.exit(f"{archive}: not there. Give the folder of CMS's zips: python -m tools.bench FOLDER")
    with tempfile.TemporaryDirectory() as temporary:
        one_release(archive, Path(temporary))
        for what in ("--once", "--history"):
            as_the_command = os.environ | frugal.SETTINGS
            subprocess.run([sys.executable, "-m", "tools.bench", str(folder), what], check=True, env=as_the_command)
        start_up = seconds(lambda: subprocess.run([sys.executable, "-c", "import pfsetl"], check=True))
        print(f"import  {start_up:.2f} s for a process that only imports pfsetl")
        all_releases(folder, Path(temporary))


def memory_of(folder: Path, what: str) -> None:
    """Do one thing in this process, and say what it took."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        if what == "--once":
            build(folder / f"{RELEASE}.zip", Path(temporary))
        else:
            backfill(find_archives(folder, "2003..2099").archives, store=pfsetl.open_store(temporary))
        # NOTE: not getrusage: a child process inherits its parent's peak there.
        peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    name = "one build" if what == "--once" else "the whole backfill"
    print(f"memory  {int(peak.split()[1]) / 1024:.0f} MB peak of {name}, {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    given = [a for a in sys.argv[1:] if not a.startswith("--")]
    flags = [a for a in sys.argv[1:] if a.startswith("--")]
    default = os.environ.get("PFSETL_CMS") or Path(__file__).parents[1].parent / "shared" / "cms"
    where = Path(given[0] if given else default)
    options = dict(flag.removeprefix("--").split("=", 1) for flag in flags if "=" in flag)
    if "cold" in options:
        alone(where, options["cold"], Path(options["store"]))
    elif flags:
        memory_of(where, flags[0])
    else:
        main(where)
