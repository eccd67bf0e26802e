"""What benchmarks say: the right ratios, and nothing at all about answers that are wrong."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def flatness(monkeypatch: pytest.MonkeyPatch) -> Any:
    # They are programs, which find each other in their own folder.
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    return importlib.import_module("flatness")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    return importlib.import_module("kept")


def row_of(flatness: Any, who: str, copy_jobs: int, *, rows: int, place: str, cpu: list[float]) -> Any:
    offset = {"first": 0, "middle": 5, "last": 10}[place]
    values = {"database": "SQLite", "copy_jobs": copy_jobs, "who": who, "rows": rows, "place": place}
    return flatness.Row(**values, offset=offset, total=copy_jobs, plain_seconds=1.0, cpu=cpu, seconds=cpu)


def test_a_page_that_grew_dear_with_the_fleet_is_not_called_flat(flatness: Any) -> None:
    pages = [
        row_of(flatness, who, copy_jobs, rows=rows, place=place, cpu=cpu)
        for who in (flatness.PROVIDER, flatness.COMPANY)
        for copy_jobs, rows, place, cpu in [
            (10, 10, "first", [1.0, 1.0, 9.0]),
            (1_000, 10, "first", [1.0]),
            (1_000, 10, "last", [1.6]),
            (1_000, 100, "first", [4.0]),
            (1_000, 100, "last", [5.0, 4.0, 4.4]),
        ]
    ]
    results = flatness.Results(pages, {"SQLite": {10: 100 << 20, 1_000: 401 << 20}})

    aims = {aim.what: aim for aim in flatness.aims(results)}

    last = aims["SQLite, 1,000 jobs, provider: last page to first, CPU"]
    assert (last.measured, last.is_reached) == (1.6, False), "the dearer of both sizes of pages counts"
    large = aims["SQLite, one company: a page of 1,000 jobs to one of 10, time"]
    assert (large.measured, large.is_reached) == (1.6, False)
    memory = aims["SQLite: MiB more with 1,000 jobs than with 10"]
    assert (memory.measured, memory.is_reached) == (301, False)


@pytest.mark.parametrize("wrong", ["total", "order", "row"])
def test_a_wrong_answer_ends_the_benchmark(flatness: Any, wrong: str) -> None:
    uids = [f"uid {number}" for number in range(30)]

    def get(target: str, _who: str) -> bytes:
        query = dict(part.split("=") for part in target.partition("?")[2].split("&"))
        limit, offset = int(query["limit"]), int(query.get("offset", 0))
        said = uids[offset : offset + limit]
        if wrong == "order":
            said.reverse()
        if wrong == "row":
            said[-1] = said[0]
        total = len(uids) + (wrong == "total")
        paging = {"total": total, "count": len(said), "offset": offset}
        return json.dumps({"meta": {"pagingInfo": paging}, "data": [{"instanceUid": uid} for uid in said]}).encode()

    def select(statement: str) -> list[tuple[Any, ...]]:
        if "count(*)" in statement:
            return [(len(uids),)]
        limit, offset = map(int, statement.rpartition(" limit ")[2].split(" offset "))
        return [(uid,) for uid in uids[offset : offset + limit]]

    asked = SimpleNamespace(get=get, select=select)
    tenant = SimpleNamespace(organization_uid="acme")
    bench = flatness._Bench(asked, flatness.Fleet(30, 1), "SQLite", tenant)

    with pytest.raises(RuntimeError, match="there are 30 in all"):
        bench.checked_pages()


def test_aims_say_what_was_asked_and_whether_it_was_reached(flatness: Any) -> None:
    aim = flatness.Aim("times a peer", 24.999, at_least=25)

    assert aim.as_kept() == {"what": "times a peer", "measured": 24.999, "asked": "≥ 25", "is_reached": False}


def test_a_part_measured_again_leaves_the_numbers_of_the_others(kept: Any, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    here = kept.Here("2026-11-24T12:00:00+00:00", {"processors": 2}, {"tandem": "0.1.0"})
    for name, seconds in (("listing", 1 / 3), ("export", 2.0), ("export", 3.0)):
        aims = [kept.Aim("seconds", seconds, at_most=2.5)]
        kept.keep(name, kept.Measured(here, 9, [], {"seconds": seconds}, aims), file)

    parts = json.loads(file.read_bytes())["parts"]
    assert parts["listing"]["measured"] == {"seconds": 0.333333}
    assert parts["export"]["measured"] == {"seconds": 3.0}
    assert [aim["is_reached"] for aim in parts["export"]["aims"]] == [False]
    assert parts["export"]["date"] == here.date
    assert [each.name for each in tmp_path.iterdir()] == ["results.json"]
