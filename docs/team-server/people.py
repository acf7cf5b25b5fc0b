"""Give people accounts on the team's server; each password is made here and shown once.

    export MLFLOW_TRACKING_URI=https://runs.example.gov MLFLOW_TRACKING_USERNAME=admin MLFLOW_TRACKING_PASSWORD=...
    python people.py add --as evaluator ana eva
    python people.py add --as reader bruno
    python people.py remove bruno

Readers see every run and change none. Evaluators log runs and add to those of others; nobody deletes but the
administrator and whoever opened an experiment.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from typing import Any

ROLE = "evaluators"
WORKSPACE = "default"
SECONDS = 30


def main() -> int:
    """Add or remove accounts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    add, remove = verbs.add_parser("add"), verbs.add_parser("remove")
    add.add_argument("--as", dest="kind", choices=("evaluator", "reader"), required=True)
    for verb in (add, remove):
        verb.add_argument("people", nargs="+")
    given = parser.parse_args()
    for person in given.people:
        if given.verb == "remove":
            ask("DELETE", "2.0/mlflow/users/delete", username=person)
            continue
        password = secrets.token_urlsafe(18)
        ask("POST", "2.0/mlflow/users/create", username=person, password=password)
        if given.kind == "evaluator":
            ask("POST", "3.0/mlflow/roles/assign", username=person, role_id=role_of_evaluators())
        sys.stdout.write(f"{person} {password}\n")
    return 0


def role_of_evaluators() -> int:
    """Id of the role that may write to every experiment; made on first use."""
    for role in ask("GET", f"3.0/mlflow/roles/list?workspace={WORKSPACE}")["roles"]:
        if role["name"] == ROLE:
            return int(role["id"])
    role = ask("POST", "3.0/mlflow/roles/create", workspace=WORKSPACE, name=ROLE)["role"]
    grant = {"resource_type": "experiment", "resource_pattern": "*", "permission": "EDIT"}
    ask("POST", "3.0/mlflow/roles/permissions/add", role_id=role["id"], **grant)
    return int(role["id"])


def ask(method: str, route: str, **content: Any) -> Any:
    """Ask the server as its administrator; end with its own words where it refuses."""
    import requests

    server = os.environ["MLFLOW_TRACKING_URI"].rstrip("/")
    answer = requests.request(
        method, f"{server}/api/{route}", json=content or None, timeout=SECONDS,
        auth=(os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]),
        verify=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True,
    )  # fmt: skip
    if not answer.ok:
        sys.exit(f"The server refused ({answer.status_code}): {answer.text[:300]}")
    return answer.json() if answer.content else {}


if __name__ == "__main__":
    sys.exit(main())
