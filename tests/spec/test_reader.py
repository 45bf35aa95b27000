"""Every way a YAML file can be wrong, and the sentence its author reads."""

from __future__ import annotations

import re

import pytest
import yaml
from spec.small_spec import Conv, Spec, complaint, sentence

from asicbnn.errors import Problem, SpecError
from asicbnn.spec.parse import parse
from asicbnn.spec.reader import read_text, read_value


def test_the_worked_example_of_a_complaint() -> None:
    assert complaint("name: a\nmemory:\n  words: sixty\n  pingpong: true\n") == (
        "f.yaml:3:10: memory.words: expected an integer >= 1 [words], got 'sixty'\n"
        "    3 |   words: sixty\n"
        "      |          ^^^^^ depth\n"
        "f.yaml:4:3: memory.pingpong: unknown key\n"
        "    4 |   pingpong: true\n"
        "      |   ^^^^^^^^ did you mean 'ping_pong'?"
    )


def test_what_is_still_to_be_built_is_refused_by_name() -> None:
    assert sentence("lanes: packed") == (
        "f.yaml:1:8: lanes: 'packed' is not yet built; today this can only be xnor"
    )


def test_all_problems_of_a_file_come_at_once_in_the_order_of_the_file() -> None:
    said = complaint(
        "name: [a]\ncount: ten\nmemory: {words: 0, wrods: 4}\nname: b\nlanes: 7\nq: 1\n"
    )
    places = re.findall(r"^f\.yaml:(\d+):(\d+)", said, re.MULTILINE)
    assert places == [("1", "7"), ("2", "8"), ("3", "17"), ("3", "20"), ("4", "1"), ("5", "8"),
                      ("6", "1")]  # fmt: skip


def test_a_key_that_belongs_elsewhere_is_told_where() -> None:
    assert "it belongs at memory.ping_pong" in complaint("ping_pong: true")
    assert "did you mean 'memory.words', a key inside a key?" in complaint("memory_words: 4")


class TestLayers:
    def test_kinds_are_named(self) -> None:
        assert complaint("layers:\n- {op: convv}\n").startswith(
            "f.yaml:2:8: layers[0].op: expected conv or dense, got 'convv'\n"
            "    2 | - {op: convv}\n"
            "      |        ^^^^^ did you mean 'conv'?"
        )
        assert sentence("layers: [{kernel: 3}]") == (
            "f.yaml:1:10: layers[0].op: missing key: expected conv or dense"
        )

    def test_errors_inside_a_kind_are_placed(self) -> None:
        assert sentence("layers:\n- {op: dense}\n- {op: conv, kernel: 10}\n") == (
            "f.yaml:3:22: layers[1].kernel: expected an integer from 1 to 9, got 10"
        )
        assert (
            sentence("layers: [{op: conv, gain: 2}]") == "f.yaml:1:21: layers[0].gain: unknown key"
        )

    def test_a_list_is_a_list(self) -> None:
        assert sentence("layers: {op: conv}").endswith("got a mapping")
        assert sentence("count: {a: 1}").endswith("expected an integer or null, got a mapping")
        assert sentence("layers: [5]") == "f.yaml:1:10: layers[0]: expected a mapping, got 5"
        assert "write [5]" in complaint("sizes: {a: 5}")


class TestRules:
    def test_a_rule_quotes_both_places(self) -> None:
        assert complaint("memory:\n  words: 3\n  ping_pong: true\n") == (
            "f.yaml:2:10: memory.words: 3 is odd\n"
            "    2 |   words: 3\n"
            "      |          ^ make it even\n"
            "    3 |   ping_pong: true\n"
            "      |              ^^^^"
        )

    def test_places_on_one_line_share_its_excerpt(self) -> None:
        assert complaint("memory: {words: 3, ping_pong: true}") == (
            "f.yaml:1:17: memory.words: 3 is odd\n"
            "    1 | memory: {words: 3, ping_pong: true}\n"
            "      |                 ^             ^^^^ make it even"
        )

    def test_rules_are_reported_beside_wrong_fields(self) -> None:
        said = complaint("count: 13\nclock: fast\n")
        assert "13 brings bad luck" in said
        assert "got 'fast'" in said

    def test_rules_that_lean_on_a_wrong_field_are_not(self) -> None:
        assert "is odd" not in complaint("memory: {words: 3, ping_pong: maybe}")
        assert "is odd" not in complaint("memory: {words: 3, ping_pon: false}")

    def test_python_values_are_held_to_the_same_rules(self) -> None:
        with pytest.raises(SpecError, match=r"^memory\.words: 3 is odd\n      = make it even$"):
            read_value({"memory": {"words": 3}}, Spec)
        assert read_value({"memory": {"words": 4}, "layers": [Conv(op="conv")]}, Spec).layers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f.yaml: the file is empty"),
        ("# only a comment\n", "f.yaml: the file is empty"),
        ("---\n", "f.yaml: the file is empty"),
        ("null\n", "f.yaml:1:1: expected keys with values, got null"),
        ("name:edge\n", "f.yaml:1:1: expected keys with values, got 'name:edge'"),
        ("- a\n- b\n", "f.yaml:1:1: expected keys with values, got a list of 2"),
        ("name: a\n---\nname: b\n", "f.yaml:2:1: a second document"),
        ("name: a\nname: b\n", "f.yaml:2:1: the key 'name' is given twice"),
        ("memory: {words: 2, words: 4}\n", "f.yaml:1:20: the key 'words' is given twice"),
        ("name: &a x\n", "f.yaml:1:7: the anchor '&a'"),
        ("name: *a\n", "f.yaml:1:7: the alias '*a'"),
        ("name: !!int 5\n", "f.yaml:1:7: the tag '!!int'"),
        ("name: !!python/object/apply:os.system [ls]\n",
         "f.yaml:1:7: the tag '!!python/object/apply:os.system'"),
        ("<<: {name: a}\n", "f.yaml:1:1: the merge key '<<'"),
        ("? [a]\n: 5\n", "f.yaml:1:3: a list or a mapping as a key"),
        ("'': 5\n", "f.yaml:1:1: a value without a key"),
        ("memory:\n\twords: 4\n", "f.yaml:2:1: a tab; YAML is laid out with spaces"),
        ("name: x\n\t\n", "f.yaml:2:1: a tab; YAML is laid out with spaces"),
        ("name:\tx\n", "f.yaml:1:6: a tab; YAML is laid out with spaces"),
        ("name: 'x\n", "f.yaml:2:1: a quote is not closed"),
        ("memory: {words: 4\n", "f.yaml:2:1: a '{' is not closed, or a ',' is missing in it"),
        ("sizes: {a: [1, 2}\n", "f.yaml:1:17: a '[' is not closed, or a ',' is missing in it"),
        ("name: @x\n", "f.yaml:1:7: no value can start with this character"),
        ("name: a: b\n", "f.yaml:1:8: a ':' where no key can stand"),
        ("memory:\n    words: 4\n  ping_pong: true\n",
         "f.yaml:3:3: this line does not line up with the keys above it"),
        ("name: a\x07b\n", "f.yaml:1:8: the character U+0007 is not allowed in YAML"),
    ],
)  # fmt: skip
def test_yaml_traps(text: str, said: str) -> None:
    assert sentence(text) == said


def test_tabs_in_comments_do_no_harm() -> None:
    assert read_text("#\tnote\nname: a # x\ty\n", Spec).name == "a"


def test_a_refused_value_is_not_complained_about_again() -> None:
    assert sentence("count: *a") == "f.yaml:1:8: the alias '*a'"


def test_alias_bombs_and_deep_nesting_end_quickly() -> None:
    bomb = "a: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a,*a]\n" for n in range(50))
    assert "the alias '*a'" in complaint(bomb)
    for deep in ("[" * 200_000, "a: " + "{a: " * 50_000, "- " * 50_000 + "x"):
        assert "nested deeper than 32 levels" in sentence(deep)


def test_thousands_of_problems_are_cut_short() -> None:
    said = complaint("layers:\n" + "".join(f"- {{op: conv, kernel: -{n}}}\n" for n in range(500)))
    assert said.endswith("... and 400 more problems")


def test_a_complaint_that_repeats_is_cut_short() -> None:
    said = complaint("count: ten\n" + "".join(f"k{n}: 1\n" for n in range(40)) + "lanes: 7\n")
    assert said.count("unknown key") == 5
    assert "f.yaml: ... and 35 more like it\n" in said
    assert "got 'ten'" in said
    assert "7 is not yet built" in said
    bomb = "a: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a,*a]\n" for n in range(50))
    assert len(complaint(bomb).splitlines()) < 60


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "count: " + "9" * 1_000_000,
        "count: " + "9_" * 500_000,
        "count: '" + "1." * 500_000 + "'",
        "x" * 1000 + ": 1",
        "".join(f"k{n}: 1\n" for n in range(50_000)),
        "layers: [" + "5, " * 50_000 + "5]",
        "name: a\n" * 50_000,
    ],
    ids=["digits", "separators", "dots", "key", "keys", "entries", "twice"],
)
def test_endless_input_is_refused_quickly(text: str) -> None:
    assert complaint(text)


@pytest.mark.skipif(not hasattr(yaml, "CSafeLoader"), reason="libyaml is not installed")
@pytest.mark.parametrize(
    "text",
    [
        "name: é\nmemory: {words: 2, size_kib: '3'}\nlayers:\n- op: conv\n  kernel: 5\n",
        "name: |\n  a\n  b\nsizes: {a: [1, 2,\n   3]}\ncount:\n",
    ],
)
def test_places_are_the_same_without_libyaml(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = parse(text, "f")
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert parse(text, "f") == quick


def test_a_placeless_problem_still_reads_well() -> None:
    assert str(SpecError("no such layer")) == "no such layer"
    assert str(Problem("no such file", "a.yaml", help="is it b?")) == (
        "a.yaml: no such file\n      = is it b?"
    )
