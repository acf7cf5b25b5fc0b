"""`dataset.jsonld`: the evidence as a catalogue finds it, in the words of schema.org and of DCAT 3.

One node is both a `schema:Dataset` and a `dcat:Dataset`; a portfolio is a `dcat:Catalog` of them. The context stands in
the file, so that nothing is fetched to read it. It is a file of its own: the pages hold no script, not even of data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from evalkit.evidence.schema import Evidence
from evalkit.report.columns import Column
from evalkit.report.files import sha256

CONTEXT: Final = {
    "@vocab": "https://schema.org/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
MEDIA: Final = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".html": "text/html",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
LANGUAGES: Final = "http://publications.europa.eu/resource/authority/language/"
LANGUAGE: Final = {"en": "ENG", "es": "SPA", "pt": "POR", "fr": "FRA"}
IANA: Final = "https://www.iana.org/assignments/media-types/"
KEYWORDS: Final = ("programme evaluation", "evidence")


def dataset(evidence: Evidence, files: Mapping[str, bytes], columns: Sequence[Column]) -> dict[str, Any]:
    """The record of one study's evidence.

    Parameters
    ----------
    evidence
        The summary.
    files
        Its distributions by file name, relative to the record.
    columns
        Of its table.
    """
    return {"@context": dict(CONTEXT), **_node(evidence, files, columns)}


def catalog(
    title: str, found: Sequence[Evidence], files: Mapping[str, bytes], columns: Sequence[Column], publisher: str
) -> dict[str, Any]:
    """The record of a portfolio: one dataset of all evidence, and one of each study in it."""
    moments = sorted(each.identity.created_at.isoformat() for each in found)
    whole: dict[str, Any] = {
        "@id": "#all",
        "@type": ["Dataset", "dcat:Dataset"],
        **_named(title, f"Evidence on {len(found)} programmes, one row an estimate."),
        "variableMeasured": _variables(columns),
        **_distributions(files),
    }
    if moments:
        whole |= _dates(moments[-1])
    return {
        "@context": dict(CONTEXT),
        "@id": "",
        "@type": ["DataCatalog", "dcat:Catalog"],
        **_named(title, "Evaluations of city programmes, by one standard."),
        **_agent(publisher),
        "dcat:dataset": [whole, *(_node(each, {}, ()) for each in found)],
    }


def _node(evidence: Evidence, files: Mapping[str, bytes], columns: Sequence[Column]) -> dict[str, Any]:
    identity, question, said = evidence.identity, evidence.question, evidence.sentences
    version = str(identity.version)
    node: dict[str, Any] = {
        "@id": f"urn:uuid:{identity.run_id}",
        "@type": ["Dataset", "dcat:Dataset"],
        **_named(question.title.value or identity.study_id, f"{said.headline} {said.certainty}"),
        "identifier": identity.study_id,
        "dct:identifier": identity.study_id,
        "version": version,
        "dcat:version": version,
        **_dates(identity.created_at.isoformat()),
        "inLanguage": identity.language,
        "dct:language": {"@id": LANGUAGES + LANGUAGE[identity.language]},
        **_keywords([question.priority.value, question.programme.value, *(each.name for each in evidence.outcomes)]),
        "measurementTechnique": evidence.estimates[0].estimator,
        "isAccessibleForFree": True,
        "provider": {"@type": "SoftwareApplication", "name": f"evalkit {identity.evalkit_version}"},
    }
    if question.city.value:
        node |= _agent(question.city.value)
    if question.setting.value:
        place = {"@type": ["Place", "dct:Location"], "name": question.setting.value}
        node |= {"spatialCoverage": place, "dct:spatial": place}
    if evidence.governance.contact.value:
        node |= {"contactPoint": {"@type": "ContactPoint", "name": evidence.governance.contact.value}}
    if columns:
        node |= {"variableMeasured": _variables(columns)}
    return node | (_distributions(files) if files else {})


def _named(title: str, description: str) -> dict[str, str]:
    return {"name": title, "description": description, "dct:title": title, "dct:description": description}


def _dates(moment: str) -> dict[str, Any]:
    return {"dateCreated": moment, "dct:issued": {"@value": moment, "@type": "xsd:dateTime"}}


def _agent(name: str) -> dict[str, Any]:
    agent = {"@type": ["Organization", "foaf:Agent"], "name": name, "foaf:name": name}
    return {"publisher": agent, "dct:publisher": agent} if name else {}


def _keywords(words: Sequence[str | None]) -> dict[str, list[str]]:
    said = [*KEYWORDS, *(word.replace("_", " ") for word in words if word)]
    return {"keywords": said, "dcat:keyword": said}


def _variables(columns: Sequence[Column]) -> list[dict[str, str]]:
    return [{"@type": "PropertyValue", "name": c.name, "description": c.description} for c in columns]


def _distributions(files: Mapping[str, bytes]) -> dict[str, list[dict[str, Any]]]:
    listed = [_distribution(name, content) for name, content in sorted(files.items())]
    return {"distribution": listed, "dcat:distribution": [{"@id": each["@id"]} for each in listed]}


def _distribution(name: str, content: bytes) -> dict[str, Any]:
    media = MEDIA[name[name.rindex(".") :]]
    digest = sha256(content)
    return {
        "@id": f"#{name}",
        "@type": ["DataDownload", "dcat:Distribution"],
        "name": name,
        "dct:title": name,
        "contentUrl": name,
        "dcat:downloadURL": {"@id": name},
        "encodingFormat": media,
        "dcat:mediaType": {"@id": IANA + media},
        "contentSize": f"{len(content)} B",
        "dcat:byteSize": {"@value": str(len(content)), "@type": "xsd:nonNegativeInteger"},
        "sha256": digest,
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": {"@value": digest, "@type": "xsd:hexBinary"},
        },
    }
