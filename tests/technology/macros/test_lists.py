"""Memories of macros that exist: the shipped lists, and lists beside a user's files."""

import pytest
import yaml
from technology.macros.stated import ASAP, HEAD, IHP, SKY

from asicbnn.errors import SpecError
from asicbnn.technology import library, macros


class TestShippedLists:
    def test_names(self):
        assert macros.names() == ("asap7", "ihp_sg13g2", "sky130hd")
        assert [t.macros.name for t in (ASAP, IHP, SKY)] == list(macros.names())

    @pytest.mark.parametrize(("technology", "family"), [(IHP, "ihp"), (SKY, "sky130")])
    def test_they_hold_the_published_figures(self, table, technology, family):
        listed = {macro.name: macro for macro in technology.macros.macros}
        rows = [row for row in table("sram_macros.csv") if row["family"] == family]
        assert len(listed) == len(rows)
        for row in rows:
            macro = listed[row["macro"]]
            assert (macro.words, macro.word_bits) == (int(row["words"]), int(row["bits"]))
            assert macro.area_um2 == pytest.approx(float(row["area_lib_um2"]))
            if family == "ihp":
                assert macro.read_energy_fj == pytest.approx(1000 * float(row["read_pJ"]))
                assert macro.write_energy_fj == pytest.approx(1000 * float(row["write_pJ"]))
                assert macro.leakage_nw == pytest.approx(1000 * float(row["leak_uW"]), rel=1e-5)
                assert macro.access_ps == pytest.approx(1000 * float(row["access_ns"]))

    def test_every_list_says_where_its_figures_are_from(self):
        for name in macros.names():
            assert "Liberty files of" in " ".join(macros.load([name]).sources)

    def test_rows_of_ihp_macros_never_exceed_512(self):
        rows = [m.words // m.column_mux for m in IHP.macros.macros]
        assert max(rows) == 512


class TestLoading:
    def test_names_paths_and_twins(self, tmp_path):
        (tmp_path / "mine.csv").write_text(f"{HEAD}\na,64,8,1rw,1\n")
        joined = macros.load(["ihp_sg13g2", "mine.csv"], tmp_path)
        assert len(joined.macros) == 29
        assert joined.name == "ihp_sg13g2, mine"
        with pytest.raises(SpecError, match="there is more than one macro a"):
            macros.load(["mine.csv", "mine.csv"], tmp_path)

    def test_what_is_no_list(self, tmp_path):
        with pytest.raises(SpecError, match="unknown list of macros 'ihp_sg13'; did you mean"):
            macros.load(["ihp_sg13"])
        with pytest.raises(SpecError, match="cannot be read: no such file"):
            macros.load(["none.csv"], tmp_path)
        assert macros.load([]) is None

    def test_a_technology_file_names_lists_beside_it(self, tmp_path):
        text = (library.LIBRARIES / "ihp_sg13g2.yaml").read_text()
        tree = {**yaml.safe_load(text), "macros": ["mine.csv"]}
        (tmp_path / "mine.csv").write_text(f"{HEAD}\na,64,8,1rw,1\n")
        (tmp_path / "t.yaml").write_text(yaml.safe_dump(tree))
        first = library.load(tmp_path / "t.yaml")
        assert [macro.name for macro in first.macros.macros] == ["a"]
        (tmp_path / "mine.csv").write_text(f"{HEAD}\nb,64,8,1rw,1\n")
        second = library.load(tmp_path / "t.yaml")
        assert [macro.name for macro in second.macros.macros] == ["b"]
        assert first != second
