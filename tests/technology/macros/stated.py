"""Lists of macros written in a test, and memories priced by them."""

from asicbnn.technology import library
from asicbnn.technology.macro_csv import read_csv
from asicbnn.technology.memories import memory

IHP, SKY, ASAP = (library.load(name) for name in ("ihp_sg13g2", "sky130hd", "asap7"))
LIBERTY = "liberty/ihp_sg13g2"
HEAD = "name,words,word_bits,ports,area_um2"


def exact(technology, words, bits, ports="1rw", mask="none", listed=None):
    return memory(technology, "sram", words, bits, ports, mask, pricing="exact", macros=listed)


def of(*rows, head=HEAD):
    return read_csv("\n".join((head, *rows)).encode(), "mine.csv")
