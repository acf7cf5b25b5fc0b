"""Two processes that write the same row at the same moment: the one that comes second writes once more.

MLflow looks whether a row is there, then inserts it. Where another process inserts it between the two, as jobs of a
sweep do that share an experiment and its data, the database refuses the second (unique constraint), and MLflow hands
that on as an error. Nothing is wrong then: the row is there, and the same call, made again, finds it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

ATTEMPTS: Final = 5
MOST_SECONDS: Final = 0.2
_FROM_THE_DATABASE: Final = ("BAD_REQUEST", "TEMPORARILY_UNAVAILABLE")
"""What MLflow makes of an integrity error, and of a deadlock that the database resolved against this process."""


def through_collisions(call: Callable[[], object]) -> None:
    """Make a call that may be repeated, again if it met another process.

    Parameters
    ----------
    call
        Writes to the store; made twice, it leaves what it leaves made once.

    Raises
    ------
    MlflowException
        Of the last attempt; of the first one where the store did not answer.

    Examples
    --------
    >>> from mlflow.exceptions import MlflowException
    >>> from mlflow.protos.databricks_pb2 import BAD_REQUEST
    >>> errors = [MlflowException("duplicate key", error_code=BAD_REQUEST)]
    >>> def insert():
    ...     if errors:
    ...         raise errors.pop()
    ...     print("written")
    >>> through_collisions(insert)
    written
    """
    from mlflow.exceptions import MlflowException

    attempt = 0
    while True:
        attempt += 1
        try:
            call()
        except MlflowException as error:
            if attempt == ATTEMPTS or error.error_code not in _FROM_THE_DATABASE:
                raise
            # Not the same pause for all: those that met once would meet again.
            time.sleep(random.uniform(0, MOST_SECONDS))  # noqa: S311 (no secret, and no figure of a study)
        else:
            return
