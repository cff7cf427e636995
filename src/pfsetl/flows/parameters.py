"""What a flow may be given: Prefect refuses a wrong parameter before a worker starts. And where deployments publish."""

import os
from pathlib import Path
from typing import Annotated

from prefect.runtime import deployment
from prefect.variables import Variable
from pydantic import Field

from pfsetl.errors import UsageError
from pfsetl.pipeline.request import ACCEPTABLE

LABEL = r"[A-Za-z]+\d{2}\w*"
WANTED = rf"(\d{{4}}(\.\.\d{{4}})?|{LABEL})"

Label = Annotated[str, Field(pattern=rf"^\s*{LABEL}\s*$", description="such as RVU26A")]
Wanted = Annotated[
    str,
    Field(
        pattern=rf"^[\s,]*{WANTED}(\s*,[\s,]*{WANTED})*[\s,]*$",
        description="a range of years (2009..2026), a year, or labels separated by commas",
    ),
]
Year = Annotated[int, Field(ge=1000, le=9999)]  # in four digits
AtOnce = Annotated[int, Field(ge=1, description="releases worked on at once")]
Runner = Annotated[
    str,
    Field(pattern=r"^(threads|dask|[a-z]+://\S+)$", description="threads, dask, or a Dask scheduler's address"),
]
Acceptance = Annotated[str, Field(pattern=rf"^({'|'.join(ACCEPTABLE)})$")]
Delays = tuple[Annotated[float, Field(ge=0)], ...]
Place = Annotated[str, Field(min_length=1, description="the store: an absolute folder, or s3://bucket/prefix")]
Given = Annotated[str, Field(min_length=1, description="left out, or not empty")]

OUTPUT, VARIABLE, IMAGE = "PFSETL_OUTPUT", "pfsetl_output", "PFSETL_IMAGE"
REMEDY = (
    f"Set {OUTPUT} to an absolute folder outside the checkout or to s3://bucket/prefix "
    f"(or: prefect variable set {VARIABLE} ...), and deploy again."
)


def deployed_output() -> dict[str, str]:
    """Return, for `prefect deploy`, where deployments publish: PFSETL_OUTPUT, else the Prefect variable pfsetl_output.

    Ends the command with a message where it is neither set nor absolute.
    """
    output = os.environ.get(OUTPUT) or Variable.get(VARIABLE)
    if not output:
        raise SystemExit(f"no store is named. {REMEDY}")
    if not is_absolute(str(output)):
        raise SystemExit(f"{output}: not an absolute path. {REMEDY}")
    return {"pfsetl_output": str(output)}


def deployed_image() -> dict[str, str]:
    """Return, for `prefect deploy`, where runs in containers publish, and their image: PFSETL_OUTPUT and PFSETL_IMAGE.

    Ends the command with a message where the image isn't named, or the store isn't a bucket.
    """
    image, output = os.environ.get(IMAGE), deployed_output()["pfsetl_output"]
    if not image:
        raise SystemExit(f"no image is named. Set {IMAGE} to one that workers can pull, and deploy again.")
    if "://" not in output:
        raise SystemExit(
            f"{output}: a folder, which would end with the container of each run. Set {OUTPUT} to s3://bucket/prefix, "
            "and deploy again."
        )
    return {"pfsetl_output": output, "pfsetl_image": image}


def refuse_relative(output: str) -> None:
    """Raise UsageError when a deployment's run would publish relative to where its worker happens to run it."""
    if deployment.id and not is_absolute(output):
        raise UsageError(f"output {output}: a deployment needs an absolute path. {REMEDY}")


def is_absolute(output: str) -> bool:
    """Return whether a store is the same wherever a process runs."""
    return "://" in output or Path(output).is_absolute()
