"""Everything that is compared with a second implementation."""

from __future__ import annotations

from tests.oracle.second import table_did
from tests.oracle.second.compare import Case

CASES: tuple[Case, ...] = (*table_did.CASES,)
