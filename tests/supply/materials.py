"""A bill of materials of the locked dependencies: CycloneDX 1.6, as JSON.

``python -m tests.supply.materials dist/evalkit.cdx.json`` writes it. The same locks and SOURCE_DATE_EPOCH give the
same file.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import sys
import tomllib
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.supply.licences import licences
from tests.supply.lock import LOCKS, ROOT, Locked, Use, locked

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom

_SCOPES: Final[dict[Use, str]] = {
    "program": "required", "server": "optional", "data": "optional", "development": "excluded",
}  # fmt: skip


def bill(root: Path = ROOT) -> Bom:
    """The bill: each locked package with its version, licence and what asks for it."""
    from cyclonedx.model import Property
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType

    packages = locked(root)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = Component(
        name=project["name"], version=project["version"], type=ComponentType.APPLICATION, bom_ref=project["name"],
        licenses=[_licence(project["license"])],
    )  # fmt: skip
    known = licences(packages)
    parts = {(each.name, each.version): _component(each, known[each.name]) for each in packages}
    digests = {lock: hashlib.sha256((root / lock).read_bytes()).hexdigest() for lock in LOCKS}
    made = Bom(
        components=parts.values(),
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, "".join(digests.values())),
        properties=[Property(name=f"evalkit:sha256:{lock}", value=digest) for lock, digest in digests.items()],
    )
    made.metadata.component = own
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    made.metadata.timestamp = dt.datetime.fromtimestamp(int(epoch), dt.UTC) if epoch else dt.datetime.now(dt.UTC)
    children: dict[str, list[Any]] = {}
    for each in packages:
        for parent in each.parents:
            children.setdefault(parent, []).append(parts[each.name, each.version])
    made.register_dependency(own, children.get(own.name, []))
    for each in packages:
        made.register_dependency(parts[each.name, each.version], children.get(each.name, []))
    return made


def _component(package: Locked, licence: str) -> Any:
    from cyclonedx.model.component import Component, ComponentScope, ComponentType
    from packageurl import PackageURL

    address = PackageURL("pypi", name=package.name, version=package.version)
    return Component(
        name=package.name, version=package.version, type=ComponentType.LIBRARY, purl=address,
        bom_ref=address.to_string(), scope=ComponentScope(_SCOPES[package.use]), licenses=[_licence(licence)],
    )  # fmt: skip


def _licence(expression: str) -> Any:
    from cyclonedx.contrib.license.factories import LicenseFactory

    return LicenseFactory().make_from_string(expression)


def as_json(made: Bom) -> str:
    """The bill as JSON, in a stable order."""
    from cyclonedx.output.json import JsonV1Dot6

    return str(JsonV1Dot6(made).output_as_string(indent=1)) + "\n"


def main(arguments: list[str]) -> int:
    """Write the bill to the file that is named."""
    (target,) = map(Path, arguments)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(as_json(bill()), encoding="utf-8")
    sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
