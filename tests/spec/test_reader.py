"""Every way a YAML file can be wrong, and the sentence its author reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from pydantic import Field

from asicbnn.errors import Problem, SpecError
from asicbnn.spec.parse import parse
from asicbnn.spec.reader import Complaint, SpecModel, read, read_document, read_text, read_value


class Conv(SpecModel):
    op: Literal["conv"]
    kernel: int = Field(default=3, ge=1, le=9, description="rows of the kernel")


class Dense(SpecModel):
    op: Literal["dense"]
    gain: float = 1.0


class Memory(SpecModel):
    words: int = Field(default=2, ge=1, description="depth", json_schema_extra={"unit": "words"})
    ping_pong: bool = Field(default=True, description="two halves")
    size_kib: float = Field(default=1.0, description="size", json_schema_extra={"unit": "KiB"})

    def problems(self) -> list[Complaint]:
        if self.ping_pong and self.words % 2:
            return [Complaint("words", f"{self.words} is odd", "make it even", ("ping_pong",))]
        return []


class Spec(SpecModel):
    name: str = Field(default="x", description="a name")
    clock: Literal["max"] | Annotated[float, Field(gt=0)] = Field(
        default="max", description="clock"
    )
    memory: Memory = Memory()
    count: int | None = None
    lanes: Literal["xnor"] = Field(default="xnor", json_schema_extra={"not_yet_built": True})
    layers: tuple[Annotated[Conv | Dense, Field(discriminator="op")], ...] = ()
    sizes: dict[str, tuple[int, ...]] = Field(default={})

    def problems(self) -> list[Complaint]:
        if self.count == 13:
            return [Complaint("count", "13 brings bad luck", "take 12")]
        return []


def complaint(text: str) -> str:
    """Return what the reader says about a text, as printed."""
    with pytest.raises(SpecError) as caught:
        read_text(text, Spec, "f.yaml")
    return str(caught.value)


def sentence(text: str) -> str:
    """Return the first line of the only complaint about a text."""
    with pytest.raises(SpecError) as caught:
        read_text(text, Spec, "f.yaml")
    assert len(caught.value.problems) == 1, str(caught.value)
    return caught.value.problems[0].headline


def test_the_worked_example_of_a_complaint() -> None:
    assert complaint("name: a\nmemory:\n  words: sixty\n  pingpong: true\n") == (
        "f.yaml:3:10: memory.words: expected an integer >= 1 [words], got 'sixty'\n"
        "    3 |   words: sixty\n"
        "      |          ^^^^^ depth\n"
        "f.yaml:4:3: memory.pingpong: unknown key\n"
        "    4 |   pingpong: true\n"
        "      |   ^^^^^^^^ did you mean 'ping_pong'?"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("count: +5", 5),
        ("count: null", None),
        ("count: ~", None),
        ("count:", None),
    ],
)
def test_a_scalar_takes_the_type_its_field_wants(text: str, value: object) -> None:
    assert read_text(text, Spec).count == value


@pytest.mark.parametrize("text", ["010", "2e8", "on", "yes", "12:30", "1_000", "1234", "0x1F"])
def test_a_text_field_takes_a_scalar_as_written(text: str) -> None:
    assert read_text(f"name: {text}", Spec).name == text


def test_numbers_read_as_they_look() -> None:
    assert read_text("clock: 2e8", Spec).clock == 2e8
    assert read_text("clock: 12", Spec).clock == 12.0
    assert read_text("clock: .5", Spec).clock == 0.5


@pytest.mark.parametrize(
    ("text", "got", "cure"),
    [
        ("count: 010", "'010'", "a leading 0 means octal to some readers: write 10"),
        ("count: '010'", "'010'", "a leading 0 means octal to some readers: write 10"),
        ("count: 1_000", "'1_000'", "write it without separators: 1000"),
        ("count: 1,000", "'1,000'", "write it without separators: 1000"),
        ("count: 12:30", "'12:30'", "some readers take this for a base-60 number"),
        ("count: 0x10", "'0x10'", "write it in decimal: 16"),
        ("count: nan", "'nan'", "the number must be finite"),
        ("count: .inf", "'.inf'", "the number must be finite"),
        ("count: 1e999", "'1e999'", "the number must be finite"),
        ("count: '64'", "'64'", "quotes make it a text: write 64"),
        ('count: "2e8"', "'2e8'", "quotes make it a text: write 2e8"),
        ("count: on", "'on'", ""),
        ("count: true", "true", ""),
        ("count: 1.5", "1.5", ""),
        ("count: 2e8", "2e8", "an integer has no point and no exponent: write 200000000"),
        ("count: 64.0", "64.0", "an integer has no point and no exponent: write 64"),
        ("count: [1]", "a list of 1", ""),
    ],
)
def test_what_is_no_integer_is_refused_with_its_cure(text: str, got: str, cure: str) -> None:
    said = complaint(text)
    assert said.startswith(f"f.yaml:1:8: count: expected an integer or null, got {got}\n")
    assert cure in said


@pytest.mark.parametrize(
    ("word", "cure"),
    [
        ("on", "'on' is a text here: write true"),
        ("yes", "'yes' is a text here: write true"),
        ("no", "'no' is a text here: write false"),
        ("Off", "'Off' is a text here: write false"),
        ("'false'", "quotes make it a text: write false"),
        ("1", "two halves"),
    ],
)
def test_truth_values_are_true_and_false_alone(word: str, cure: str) -> None:
    said = complaint(f"memory: {{ping_pong: {word}}}")
    assert "memory.ping_pong: expected true or false, got" in said
    assert cure in said


@pytest.mark.parametrize(
    ("text", "path", "cure"),
    [
        ("memory: {size_kib: 64 kB}", "memory.size_kib",
         "the unit is part of the key and is [KiB]: write a bare number, such as 64"),
        ("memory: {size_kib: 1.5KiB}", "memory.size_kib",
         "the unit is part of the key and is [KiB]: write a bare number, such as 1.5"),
        ("clock: 1.8V", "clock", "numbers are written without a unit: write a bare number"),
    ],
)  # fmt: skip
def test_units_in_the_value_are_sent_to_the_key(text: str, path: str, cure: str) -> None:
    said = complaint(text)
    assert f": {path}: expected " in said
    assert cure in said


def test_a_union_says_all_it_takes_once() -> None:
    assert (
        sentence("clock: maximal")
        == "f.yaml:1:8: clock: expected max or a number > 0, got 'maximal'"
    )
    assert sentence("clock: -1") == "f.yaml:1:8: clock: expected max or a number > 0, got -1"


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


def test_an_integer_out_of_range_is_not_cured_by_its_spelling() -> None:
    said = complaint("layers: [{op: conv, kernel: 2e8}]")
    assert "expected an integer from 1 to 9, got 2e8" in said
    assert "as an integer it is 200,000,000, out of range" in said
    assert "write 3" in complaint("layers: [{op: conv, kernel: 3.0}]")


def test_long_lines_and_long_values_are_shortened() -> None:
    said = complaint("memory: {words: 2, " + " " * 5000 + "ping_pong: " + "x" * 5000 + "}")
    lines = said.splitlines()
    assert max(map(len, lines)) < 160
    start = lines[2].index("^")
    assert lines[1][start:].startswith("x")
    assert lines[1].startswith("    1 | ... ")


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


class TestFiles:
    def fault(self, path: Path) -> Problem:
        with pytest.raises(SpecError) as caught:
            read(path, Spec)
        assert len(caught.value.problems) == 1
        return caught.value.problems[0]

    def test_a_missing_file_names_its_neighbour(self, tmp_path: Path) -> None:
        (tmp_path / "edge.yaml").write_text("name: a\n")
        problem = self.fault(tmp_path / "edg.yaml")
        assert problem.message == "no such file"
        assert problem.help == f"did you mean '{tmp_path / 'edge.yaml'}'?"
        assert "is not there either" in self.fault(tmp_path / "no" / "edge.yaml").help

    def test_an_ending_alone_is_no_likeness(self, tmp_path: Path) -> None:
        (tmp_path / "neg.yaml").write_text("name: a\n")
        assert self.fault(tmp_path / "missing.yaml").help == ""

    def test_a_link_to_nothing_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").symlink_to("gone.yaml")
        help = self.fault(tmp_path / "a.yaml").help
        assert help == "it is a link to gone.yaml, which is not there"

    def test_a_folder(self, tmp_path: Path) -> None:
        assert (
            str(self.fault(tmp_path)) == f"{tmp_path}: this is a folder; name a YAML file inside it"
        )

    def test_an_unreadable_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        assert self.fault(tmp_path / "a.yaml").message == "cannot be read: permission denied"

    def test_a_name_no_system_takes(self, tmp_path: Path) -> None:
        assert self.fault(tmp_path / "a\0b").message.startswith("cannot be read: ")
        assert self.fault(tmp_path / ("a" * 5000)).message.startswith("cannot be read: ")

    def test_a_huge_file(self, tmp_path: Path) -> None:
        file = tmp_path / "a.yaml"
        file.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
        assert self.fault(file).message == "larger than 4 MiB, the largest file that is read"

    def test_encodings(self, tmp_path: Path) -> None:
        file = tmp_path / "a.yaml"
        file.write_bytes("name: é\n".encode("utf-8-sig"))
        assert read(file, Spec).name == "é"
        file.write_bytes("name: é\n".encode("latin-1"))
        problem = self.fault(file)
        assert problem.headline == f"{file}:1:7: the byte 0xe9 is not UTF-8"
        assert problem.help == "save the file as UTF-8"
        file.write_bytes("name: a\n".encode("utf-16"))
        assert self.fault(file).message == "the file is UTF-16; save it as UTF-8"

    def test_a_document_points_at_lines_after_reading(self, tmp_path: Path) -> None:
        file = tmp_path / "a.yaml"
        file.write_text("layers:\n- {op: conv}\n- {op: conv, kernel: 5}\n")
        _, document = read_document(file, Spec)
        problem = document.problem("layers[1].kernel", "too large", "make it smaller")
        assert str(problem) == (
            f"{file}:3:22: layers[1].kernel: too large\n"
            "    3 | - {op: conv, kernel: 5}\n"
            "      |                      ^ make it smaller"
        )
        absent = document.problem("layers[0].kernel", "too large")
        assert (absent.line, absent.column) == (2, 3)


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
