"""Everything that is compared with a second implementation."""

from __future__ import annotations

from tests.oracle.second import table_did, table_donors, table_rules
from tests.oracle.second.compare import Case

CASES: tuple[Case, ...] = (*table_did.CASES, *table_donors.CASES, *table_rules.CASES)
