"""The descriptors of a release, licensed text, staged and published into a store of their own."""

from dataclasses import replace

import msgspec

from pfsetl.declared import contracts
from pfsetl.parsing.parse import Parsed
from pfsetl.pipeline.request import Opened, is_built
from pfsetl.publication import licensing, recording, staging, version
from pfsetl.publication import publish as publishing
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.publication.runs import step
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store
from pfsetl.tables import descriptors


def opened(one: Opened, store: Store) -> Version | None:
    """Return the newest version of a store of descriptors, None where it holds those of this archive."""
    base = version.open_version(store)
    licensing.refuse_other_class(base, contracts.descriptors())
    alone = replace(one.request, all_formats=False)
    return None if is_built(replace(one, request=alone, base=base)) else base


def publish(one: Opened, base: Version, parsed: list[Parsed], made: ReleaseRecord) -> None:
    """Publish the descriptors of a release; `made` is its record in the public store."""
    contract = contracts.descriptors()
    of = recording.source(one.archive, one.request.url, one.release, base, sample=one.request.sample)
    known = {"revision": of.revision, "archive": of.archive, "fingerprint": of.fingerprint}
    # NOTE: first, so that no descriptor is ever there without it.
    base.store.put_new("README.md", f"# {contract.title}\n\n{contract.usage}\n".encode())
    with step("descriptors", one.label) as done:
        table = descriptors.descriptor(parsed, one.release)
        made = msgspec.structs.replace(made, **known)
        staged = staging.stage(base.store, one.label, {descriptors.TABLE: table}, made, contract)
        done.rows = table.height
        publishing.commit(base.store, [staged], base, contract)
