"""Pages with numbers from stored tables agree with them, and false statements raise errors."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.docs
ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    str(path.relative_to(ROOT))
    for folder in ("docs", "docs/parts", "results")
    for path in (ROOT / folder).glob("*.j2")
)


@pytest.fixture(scope="module")
def documents() -> Iterator[Any]:
    sys.path.insert(0, str(ROOT / "scripts" / "docs"))
    import documents

    yield documents
    sys.path.remove(str(ROOT / "scripts" / "docs"))
    for name in ("documents", "number_words", "result_tables", "typed_numbers"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def typed_numbers(documents: Any) -> Any:
    import typed_numbers

    return typed_numbers


def say(documents: Any, text: str, folder: Path = ROOT / "results") -> str:
    return str(documents.environment(documents.StoredResults(folder)).from_string(text).render())


def test_pages_are_what_their_tables_give(documents: Any) -> None:
    made = documents.pages()
    assert {str(path.relative_to(ROOT)) for path in made} == {*documents.SOURCES, *documents.PARTS}
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, (
            f"{path}: run python scripts/docs/build_documents.py"
        )


def test_every_source_is_built(documents: Any) -> None:
    parts = {
        found[2]
        for page in documents.PARTS
        for found in documents.MARK.finditer((ROOT / page).read_text(encoding="utf-8"))
    }
    assert {f"{page}.j2" for page in documents.SOURCES} | parts == set(SOURCES)


@pytest.mark.parametrize("source", SOURCES)
def test_no_number_is_typed(typed_numbers: Any, source: str) -> None:
    text = (ROOT / source).read_text(encoding="utf-8")
    assert typed_numbers.typed(text) == []
    assert typed_numbers.typed_in_expressions(text) == []


@pytest.mark.parametrize(
    "planted",
    [
        "It keeps 0.31 of it.",
        "All 89 lose.",
        "It is -.5 there.",
        "{{ 0.31 }}",
        '{{ "0.31" }}',
        "{{ 0.31 | n }}",
        "{{ 1 - 0.69 }}",
        '{{ checked("all 89", true) }}',
        '{{ "3 of" if false else "4 of" }}',
        '{{ "keeps " ~ 3 }}',
        '{% for title, x in [("at 20%", 1)] %}{{ title }}{% endfor %}',
    ],
)
def test_a_planted_number_is_seen(typed_numbers: Any, planted: str) -> None:
    text = (ROOT / "docs" / "findings.md.j2").read_text(encoding="utf-8") + planted + "\n"
    found = typed_numbers.typed(text) + typed_numbers.typed_in_expressions(text)
    assert len(found) == 1 or planted.startswith(("{{ 1 - ", '{{ "3 of"'))
    assert found
    assert all(line.split(":")[0] == str(text.count("\n")) for line in found)


@pytest.mark.parametrize(
    "fine",
    [
        "R3 / R2 and float64",
        "`k = 0.65`",
        "[x](a/0.1.md)",
        "## The 14 claims",
        '{{ literal("20%") }}',
        "{{ x | n(3) }}",
        "{% if a < 0.5 %}b{% endif %}",
        "```\n--seed 3\n```",
    ],
)
def test_names_code_links_and_what_is_given_are_not_results(typed_numbers: Any, fine: str) -> None:
    assert typed_numbers.typed(fine) == []
    assert typed_numbers.typed_in_expressions(fine) == []


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ('{{ checked("falls", 2 < 1) }}', "the condition of 'falls' is false"),
        ('{{ checked("falls", 1) }}', "neither true nor false"),
        ('{{ T("horizon/nothing") }}', "results/horizon/nothing.csv is not kept"),
        ('{{ row("horizon/evolved", cap=4) }}', "has 4 rows"),
        ('{{ row("horizon/evolved", cap=40) }}', "no row"),
        ('{{ row("horizon/evolved", height=4) }}', "no column height"),
        ('{{ row("horizon/evolved", cap=4, gestation=2).worth }}', "no column worth"),
        ('{{ overall(2, "comes out") }}', "the verdict is 'does not come out', not 'comes out'"),
        ('{{ refuted(3, "fall") }}', "the verdict is 'undecided'"),
        (
            (
                '{{ registered("suppressor", "fitness is restored in part: above 0.36 without it",'
                ' "does not come out") }}'
            ),
            "the verdict is 'comes out'",
        ),
        ("{{ none | n }}", "None is no number"),
        ("{{ 21 | words }}", "21 has no word"),
        ("{{ wrod }}", "'wrod' is undefined"),
    ],
)
def test_false_statements_are_errors(documents: Any, source: str, why: str) -> None:
    with pytest.raises(Exception, match=why):
        say(documents, source)


def test_a_wrong_page_says_source_and_line(documents: Any, tmp_path: Path) -> None:
    with pytest.raises(documents.Wrong, match=r"docs/findings\.md\.j2, line \d+: .*is not kept"):
        documents.render("docs/findings.md.j2", documents.StoredResults(tmp_path))


def test_how_many_true_predictions_chance_fails(documents: Any, tmp_path: Path) -> None:
    """Of two claims: predictions with an interval that are evidence, a half of one in twenty
    each.
    """
    (tmp_path / "claims").mkdir()
    rows = ["1,a,false,0.1", "1,b,false,0.1", "1,c,true,0.1", "1,d,false,", "2,e,false,0.2"]
    (tmp_path / "claims" / "verdicts.csv").write_text(
        "\n".join(["number,quantity,by_construction,low", *rows]) + "\n", encoding="utf-8"
    )
    found = documents.StoredResults(tmp_path).chances()
    assert dict(found) == {
        "most": 4,
        "all": 3,
        "failures": pytest.approx(0.075),
        "claim": 1,
        "in_claim": 2,
        "worst": pytest.approx(1.0 - 0.975**2),
    }


def test_a_changed_table_changes_the_page(documents: Any, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "results" / "default-experiment", tmp_path / "default-experiment")
    source = "docs/parts/readme-figure.md.j2"
    assert documents.render(source, documents.StoredResults(tmp_path)) == documents.render(source)
    table = tmp_path / "default-experiment" / "losses.csv"
    table.write_text(
        table.read_text(encoding="utf-8").replace("modern,shift,0.961", "modern,shift,0.123"),
        encoding="utf-8",
    )
    assert "0.124 offspring in a life" in documents.render(
        source, documents.StoredResults(tmp_path)
    )
    assert "0.962 offspring in a life" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_numbers_are_written_as_they_are_read(documents: Any) -> None:
    found = documents.Estimate(0.0321, 0.02851, -0.5)
    assert found(3) == "0.032 [0.029, -0.500]"
    assert found(2, dot=True) == ".03 [.03, -.50]"
    assert found(1, sign="%") == "3.2% [2.9%, -50.0%]"
    assert (-documents.Estimate(1.0, 0.5, 2.0))(0) == "-1 [-2, -1]"
    assert documents.Estimate(5.0)(1) == "5.0"
    assert documents.number(22500, 0) == "22,500"
    assert [documents.number(x, 3) for x in (0.4305, 0.161489, -0.000384, 2)] == [
        "0.431",
        "0.161",
        "0.000",
        "2.000",
    ]
    assert documents.span([0.301, 0.2196, 0.25]) == "0.22-0.30"
    assert documents.span([0.301, 0.3001]) == "0.30"
    assert documents.joined([1, 2, 3], 0, " and ") == "1, 2 and 3"
    assert [documents.significant(x, 2) for x in (88872.9, 10.888, 2.5566, 0.05137)] == [
        "89,000",
        "11",
        "2.6",
        "0.051",
    ]
    assert documents.straight([1, 2, 4], [3, 5, 9]) == pytest.approx(1.0)
    # Results/suppressor
    assert documents.recursion(0.9, 0.0, 0.1) == pytest.approx(
        {"driver": 0.299203, "suppressor": 0.448954}, abs=1e-6
    )
