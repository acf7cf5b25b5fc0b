"""Every promise that a reader of evidence relies on, by the name under which tests mark themselves.

A test carries ``@pytest.mark.promise("trap-01")``, with as many names as it holds promises. `docs/trust.md` lists each
promise with its tests and what they last gave (`tests/trust/table.py` writes it, `make trust` runs it). A name stays
when its sentence is reworded: results are kept under it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TRAPS: Final = {
    "trap-01": "Processes that open a fresh sqlite store together lose no run: it is opened once, under a lock.",
    "trap-02": "A dead or silent tracking server costs seconds, not minutes; the study goes on without it.",
    "trap-03": "MLflow's asynchronous logging, which loses data without a word, is never used.",
    "trap-04": "A formula is never run as code: columns come as names, or through a small grammar of their own.",
    "trap-05": "A config never names code: `_target_` and resolvers are refused anywhere.",
    "trap-06": (
        "The fingerprint of the data covers every cell and no form: order, file format and width of integers change "
        "nothing; restricted data are keyed."
    ),
    "trap-07": "A flipped byte of a parquet file, or a truncated CSV file, is found and never read as data.",
    "trap-08": (
        "Words that YAML or pandas would change (NO, 007, 12:30, the city NA) arrive as written, or are refused with "
        "the word to quote."
    ),
    "trap-09": "Sweeps that start in one second share no folder: each run has a folder of its own, made exclusively.",
    "trap-10": (
        "Infinite metrics, long params and tags, and bad names are made fit for MLflow, or named, before logging."
    ),
    "trap-11": "A run that fails or is stopped is closed as such; one that was killed is found; no process stays.",
    "trap-12": (
        "With few treated clusters no interval is reported that holds too seldom; a design without an interval says so."
    ),
    "trap-13": "The recipe for a team's server keeps out anyone without a password.",
    "trap-14": "A parameter of `mlflow run` is never read as a command.",
}

FAULTS: Final = {
    "fault-server-start": "Server down at the start: the study finishes and `evalkit sync` logs it later, whole.",
    "fault-server-midrun": "Server killed while the study works: the study finishes and `evalkit sync` completes it.",
    "fault-server-upload": "Server killed at the upload: nothing is lost or counted twice, `evalkit sync` ends it.",
    "fault-processes-sqlite": "Eight processes log at once to a fresh sqlite store: every run and metric is there.",
    "fault-processes-postgresql": "Eight processes log at once to a fresh PostgreSQL: every run and metric is there.",
    "fault-disk-full": "A full disk ends in an error that says what to do, and nothing partial is taken for whole.",
    "fault-sigterm": "SIGTERM while chains are sampled: the run is KILLED, the code is 143, no process stays behind.",
    "fault-sigint": "Ctrl-C while chains are sampled: the run is KILLED, the code is 130, no process stays behind.",
    "fault-kill": "`kill -9` while chains are sampled: `evalkit doctor` finds and closes the run, no process stays.",
    "fault-kill-writing": "`kill -9` while a bundle is written: what is there of it is never taken for whole.",
    "fault-plug-in": "A plug-in that raises in a sweep: the others finish, the job is named, the exit code is not 0.",
    "fault-worker": "A worker lost in a sweep: its job is tried again and never counted twice.",
    "fault-file-truncated": "A truncated file is refused by name and line, or by its declared rows or hash.",
    "fault-file-flipped": "A flipped byte is refused by file.",
    "fault-file-latin-1": "A file in another encoding is refused by file, byte and line.",
    "fault-file-bom": "A byte order mark is refused by file, with the encoding to declare.",
    "fault-file-delimiter": "A wrong delimiter is refused by file, with the delimiter that was found.",
    "fault-file-schema": "A column that was renamed or changed its type is refused by name.",
    "fault-file-duplicate": "A unit and period that stand twice are refused by unit, period and rows.",
    "fault-file-infinite": "An infinite value is refused by column and row.",
    "fault-file-missing": "A column without any value is refused by name.",
    "fault-file-constant": "An outcome that never varies is refused by name.",
    "fault-file-all-treated": "Everyone treated at once is refused: there is nobody to compare with.",
    "fault-file-first-period": "Treatment from the first period on is refused, or left out and counted by arm.",
    "fault-file-switches-off": "Treatment that switches off is refused by unit and period where it has to last.",
    "fault-file-one-cluster": "One cluster is refused by the name of its column.",
    "fault-file-tiny-cohort": "A cohort of one place is kept, reported, and rated down for.",
    "fault-file-string-dates": "Dates kept as text are refused by column, value and row.",
    "fault-divergences": "A sampler with divergences gives no headline: the run is not rated.",
    "fault-r-hat": "Chains that disagree (R-hat above 1.01) give no headline: the run is not rated.",
    "fault-ess": "Too few effective draws (below 400) give no headline: the run is not rated.",
}

LAWS: Final = {
    "law-row-order": "The order of rows changes nothing.",
    "law-unit-names": "The names of units change nothing.",
    "law-calendar-origin": "Moving the calendar by 2,000 periods changes nothing.",
    "law-scale": "y -> a + b y multiplies effects and errors by b.",
    "law-large-constant": "Adding 1e9 to the outcome changes nothing.",
    "law-unit-constants": "Adding a constant to each unit changes nothing.",
    "law-period-constants": "Adding a constant to each period changes nothing.",
    "law-treatment-shift": "Adding c to treated outcomes adds c to the effect.",
    "law-constant-weights": "Constant weights change nothing.",
    "law-weight-two": "A unit of weight two equals the unit twice.",
    "law-covariate-scale": "The unit of a covariate changes nothing.",
    "law-unit-constant-covariate": "A covariate that is constant within units changes nothing under unit effects.",
    "law-seed": "The same seed gives the same result to the bit.",
    "law-always-treated": "Units treated throughout change nothing, whatever their outcomes.",
    "law-two-by-two": "With two cohorts and two periods all estimators of parallel trends agree.",
    "law-one-cohort": "With one cohort the overall effect is the average of the event study.",
    "law-anticipation": "d periods of anticipation move the base period to g - d - 1.",
    "law-later-periods": "With never-treated comparison, later periods leave earlier effects alone.",
    "law-donor-weights": "Weights of donors are at least 0 and sum to 1.",
    "law-donor-order": "The order of donors changes nothing.",
    "law-donor-zero": "A donor of weight 0 may go.",
    "law-donor-mix": "A treated unit that is a mix of donors is fitted with an error near 0.",
    "law-placebo-p": "A placebo p-value is at least 1 / (J + 1).",
    "law-time-origin": "The origin of time changes neither level nor slope of an interrupted series.",
    "law-prior-only": "A run on the prior alone returns the prior, whatever the outcome.",
    "law-conjugate": "Draws match the closed form where there is one, within 4 Monte Carlo errors.",
    "law-weak-priors": "Under weak priors a posterior matches least squares.",
    "law-no-traceback": "Whatever a user types or feeds in, the command line answers without a traceback.",
}

CALIBRATION: Final = {
    "calibration-coverage": "Coverage and size are nominal within 3 Monte Carlo errors.",
    "calibration-bias": "The bias is at most 3 Monte Carlo errors, and small against the effect.",
    "calibration-errors": "Standard errors are as large as the spread of estimates, on average.",
    "calibration-staggered": (
        "Effects that grow under a staggered roll-out: two-way fixed effects fail, the estimators made for it do not."
    ),
    "calibration-autocorrelation": "Errors with autocorrelation up to 0.8 leave intervals as wide as they must be.",
    "calibration-few-treated": "One to five treated clusters: what is reported keeps its size.",
    "calibration-heteroskedastic": "Treated places noisier than the others leave intervals honest.",
    "calibration-counts": "Counts with zeros: ratios are recovered.",
    "calibration-unbalanced": "Missing rows leave effects and intervals honest.",
    "calibration-trends": "Trends that are not parallel mislead what rests on them, and are found out.",
    "calibration-null": "Where nothing happened, findings of an effect are as rare as stated.",
    "calibration-sbc-did": "Bayesian difference-in-differences ranks the truth uniformly.",
    "calibration-sbc-synthetic-control": "Bayesian synthetic control ranks the truth uniformly.",
    "calibration-sbc-time-series": "Bayesian time series rank the truth uniformly.",
}

REPRODUCIBILITY: Final = {
    "repeat-conditions": "`evalkit reproduce` says what of data, config, code and machine differs now.",
    "repeat-figures": "`evalkit reproduce` compares every headline number and names those that differ.",
    "repeat-stages": "Randomness comes from the seed and the name of the stage, never from the worker.",
    "repeat-processes": "Another process, and another order of hashes, gives the same figures to the bit.",
    "repeat-threads": "One or two threads of linear algebra: the same figures to 1e-8, draws to 4 Monte Carlo errors.",
    "repeat-kernels": "Linear algebra written for another processor: the same figures to 1e-8, draws to 4 errors.",
}

SECURITY: Final = {
    "secure-page": "A page holds no script and fetches nothing; its content security policy forbids both.",
    "secure-names-report": "A hostile name in any field is text in every report.",
    "secure-names-tracking": "A hostile name in any field is text in MLflow's notes and pictures.",
    "secure-paths": "No path of a config leaves the data root, symbolic links resolved.",
    "secure-formulas": "A cell that a spreadsheet would run is disarmed; numbers stay numbers.",
    "secure-addresses": "User, password and query are taken off every address before anything is logged.",
    "secure-environment": "A config cannot read the environment: `oc.env` is refused.",
    "secure-canary": "A secret of the environment is found in no database, artifact or log.",
    "secure-pickle": "Nothing is pickled or unpickled.",
    "secure-rows": "No row of the data reaches tracking.",
    "secure-gate": "Every exported table and figure passes the disclosure gate.",
    "secure-attacker": "An attacker with linear programming learns no suppressed count from all files together.",
    "secure-lock": "Dependencies are locked with hashes, and the lock names no index.",
    "secure-audit": "Locked dependencies have no known weakness, as far as a network lets one ask.",
    "secure-licences": "The licence of every dependency is listed, and is one that may be used.",
    "secure-materials": "A bill of materials lists every dependency as it is locked.",
    "secure-server": "A team's server, started for real, lets nobody read, write or delete without a password.",
}

SECOND: Final = {
    "second-two-way-fixed-effects": "Two-way fixed effects equal least squares with every dummy.",
    "second-callaway-santanna": "Callaway and Sant'Anna equal plain loops over cells.",
    "second-sun-abraham": "Sun and Abraham equal the regression on all dummies.",
    "second-imputation": "Imputation equals its weights written out.",
    "second-extended-twfe": "Extended two-way fixed effects equal the regression with every dummy.",
    "second-poisson-fixed-effects": "Poisson with fixed effects equals the regression with every dummy.",
    "second-stacked-did": "Stacked difference-in-differences equal the regression on the stack.",
    "second-switching-did": "Switching treatment equals plain loops over switchers.",
    "second-triple-difference": "Triple differences equal plain comparisons.",
    "second-synthetic-control": "Synthetic control equals a plain solver.",
    "second-augmented-synthetic-control": "Augmented synthetic control equals the formula of the paper.",
    "second-synthetic-did": "Synthetic difference-in-differences equal the paper's programmes.",
    "second-interactive-fixed-effects": "Interactive fixed effects equal the paper's iteration.",
    "second-interrupted-time-series": "An interrupted series equals the dense regression.",
    "second-inference": "Wild bootstrap, randomization, collapse and the like equal the papers' formulas.",
}

PARTS: Final[Mapping[str, Mapping[str, str]]] = {
    "Traps of the tools underneath": TRAPS,
    "Faults": FAULTS,
    "Laws that estimates keep": LAWS,
    "What simulations must find": CALIBRATION,
    "The same again": REPRODUCIBILITY,
    "Security": SECURITY,
    "Second implementations": SECOND,
}
"""Heading of a table to its promises: name to sentence."""

PROMISES: Final[Mapping[str, str]] = {name: text for part in PARTS.values() for name, text in part.items()}
