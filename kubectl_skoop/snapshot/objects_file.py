"""Kubernetes objects from files, as `kubectl get -o yaml` and `-o json` print them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from kubectl_skoop.cluster.allow import BUILT_IN, Allowed, kind_of, prune
from kubectl_skoop.cluster.raw import Object, Ref, ref_of
from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.snapshot.bounded import read_text

SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILE = 1 << 30
"""Bytes."""
STDIN = Path("-")
"""As kubectl has it."""
_EXPANSION = 4
"""A document may have that many values a character, aliases counted as what they stand for."""
_OF_OBJECTS = frozenset({"apiVersion", "items", "kind", "metadata", "spec"})
_JSON_SPACE = re.compile(r"[ \t\r\n]*")


def read_objects(paths: Iterable[Path], allowed: Allowed = BUILT_IN) -> dict[str, tuple[Object, ...]]:
    """By kind: what a snapshot keeps of the objects in the files, `STDIN` too, and in those below folders.

    A kind of which there was an empty list is there, empty. Of an object that comes twice the last counts.
    Below folders there may be documents that are something else (an unpacked bundle): they are passed over.
    Raises: FormatError, which begins with the place: `file:line:column: …`.
    """
    found: dict[str, dict[Ref, Object]] = {}
    seen = 0
    for path in (Path("/dev/stdin") if path == STDIN else path for path in paths):
        for file in _files(path):
            for item in _objects(file, allowed, found, named=file == path):
                seen += 1
                kept = prune(_named(item), allowed)
                if kept is not None:
                    ref = ref_of(kept)
                    if not ref.name:
                        raise FormatError(f"{file}: a {ref.kind} without a name")
                    found.setdefault(ref.kind, {})[ref] = kept
        if path.is_dir() and not found and not seen:
            raise FormatError(f"{path}: holds no Kubernetes object")
    return {kind: tuple(items[ref] for ref in sorted(items)) for kind, items in sorted(found.items())}


def _named(item: Object) -> Object:
    """What is yet to be created may leave the end of its name to the cluster."""
    match item:
        case {"metadata": {"generateName": str(begin), **metadata}} if begin and not metadata.get("name"):
            return {**item, "metadata": {**metadata, "name": f"{begin}…"}}
    return item


def _files(path: Path) -> Sequence[Path]:
    if not path.exists():
        raise FormatError(f"{path}: no such file or folder")
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    if not files:
        raise FormatError(f"{path}: holds no {', '.join(SUFFIXES)} file")
    return files


def _objects(
    file: Path, allowed: Allowed, found: dict[str, dict[Ref, Object]], *, named: bool
) -> Iterator[Object]:
    for number, document in enumerate(_documents(file), start=1):
        if document is None or not (named or _is_meant(document)):
            continue
        if not isinstance(document, Mapping) or not isinstance(document.get("kind"), str):
            raise FormatError(f"{file}: document {number} is no Kubernetes object: it has no kind")
        yield from _unlisted(document, allowed, found)


def _is_meant(document: object) -> bool:
    """As an object, be it a wrong one."""
    return isinstance(document, Mapping) and not _OF_OBJECTS.isdisjoint(document)


def _unlisted(
    document: Mapping[str, object], allowed: Allowed, found: dict[str, dict[Ref, Object]]
) -> Iterator[Object]:
    """The object itself, or the items of a List or PodList; these need not say what they are."""
    kind = str(document["kind"])
    if not kind.endswith("List"):
        yield document
        return
    typed = {"apiVersion": document.get("apiVersion"), "kind": kind.removesuffix("List")}
    if (known := kind_of(typed, allowed)) is not None:
        found.setdefault(known, {})
    items = document.get("items")
    for item in items if isinstance(items, list) else []:
        if isinstance(item, Mapping):
            yield {**typed, **item}


def _documents(file: Path) -> Iterator[object]:
    content = read_text(file, MAX_FILE)
    is_json = file.suffix == ".json" or content.lstrip()[:1] in ("{", "[")
    try:
        yield from _json(file, content) if is_json else _yaml(file, content)
    except RecursionError as error:
        raise FormatError(f"{file}: is nested too deep") from error


def _json(file: Path, content: str) -> Iterator[object]:
    """Several documents may follow each other."""
    decoder = json.JSONDecoder()
    at = _skip_space(content, 0)
    while at < len(content):
        try:
            document, at = decoder.raw_decode(content, at)
        except json.JSONDecodeError as error:
            raise FormatError(f"{file}:{error.lineno}:{error.colno}: {error.msg}") from error
        yield document
        at = _skip_space(content, at)


def _skip_space(content: str, at: int) -> int:
    found = _JSON_SPACE.match(content, at)
    return found.end() if found else at


def _yaml(file: Path, content: str) -> Iterator[object]:
    import yaml

    from kubectl_skoop.snapshot.yaml_loader import Loader

    try:
        for document in yaml.load_all(content, Loader=Loader):
            if "*" in content:
                _check_expansion(file, document, _EXPANSION * len(content))
            yield document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
        raise FormatError(f"{place}: {error.problem or 'is no YAML'}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise FormatError(f"{file}: {str(error).splitlines()[0]}") from error


def _check_expansion(file: Path, document: object, most: int) -> None:
    """Aliases share what they stand for, but whoever walks the document meets it each time."""
    seen = 0
    rest = [document]
    while rest:
        value = rest.pop()
        seen += 1
        if seen > most:
            raise FormatError(f"{file}: its aliases stand for too much")
        if isinstance(value, Mapping):
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
