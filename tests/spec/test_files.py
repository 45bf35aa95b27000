"""Files that are missing, unreadable, huge or no UTF-8."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec.small_spec import Spec

from asicbnn.errors import Problem, SpecError
from asicbnn.spec.reader import read, read_document


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
