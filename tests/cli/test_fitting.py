"""The frame of every fit: whatever is found is shown, and written first if it is to be."""

import json

import pytest

from asicbnn.cli import terminal
from asicbnn.cli.fitting import Fit
from asicbnn.technology.library import text_of


def told(known, progress):
    progress(1, 1)
    return known.name


NAMED = Fit(
    told, "names", lambda name: f"found {name}", lambda name: {"found": name},
    lambda text, path, name: f"{text}# {path}, {name}\n",
)  # fmt: skip


def test_what_is_found_is_shown_and_written(tmp_path, capsys):
    target = tmp_path / "mine.yaml"
    NAMED.carry_out("sky130hd", target, as_json=False)
    printed = capsys.readouterr()
    assert printed.out.split() == ["found", "sky130hd"]
    assert printed.err == f"wrote {target}\n"
    assert target.read_text() == f"{text_of('sky130hd')}# sky130hd, sky130hd\n"


def test_nothing_is_written_without_a_file_to_write(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    NAMED.carry_out("sky130hd", None, as_json=True)
    assert json.loads(capsys.readouterr().out)["found"] == "sky130hd"
    assert not list(tmp_path.iterdir())


def test_a_reader_that_closes_the_pipe_loses_no_file(tmp_path, monkeypatch):
    def closed(*_):
        raise BrokenPipeError

    monkeypatch.setattr(terminal, "show", closed)
    with pytest.raises(BrokenPipeError):
        NAMED.carry_out("sky130hd", tmp_path / "mine.yaml", as_json=False)
    assert (tmp_path / "mine.yaml").exists()
