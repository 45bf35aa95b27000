"""The test bench that drives a design in Icarus: it does what it is told through its input.

Commands are words and numbers on standard input, answers lines on standard output:

    registers            every register takes its reset value
    memories             every writable memory becomes 0
    set I HEX, get I     a register
    write I START N ..., read I START N    words of a memory, hexadecimal
    run N                N cycles, then "0"
    until I N            cycles until register I is 1, at most N; prints the cycles run, 0 if none
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asicbnn.simulation.backends.exported.verilog_source import Piece, VerilogSource
from asicbnn.simulation.backends.interface import StateShape

BENCH = "asicbnn_bench"
_STDIN = "32'h8000_0000"

_FRAME = """\
module {bench};
    reg clock;
    reg [8 * 16 - 1:0] command;
    reg [{top_bit}:0] value;
    reg [63:0] number, cycles;
    integer index, first, count, i, code;
    {top} chip({ports});

    task cycle;
        begin
            #1 clock = 1;
            #1 clock = 0;
        end
    endtask

    initial begin
        clock = 0;
        code = $fscanf({stdin}, "%s", command);
        while (code == 1) begin
            case (command)
                "registers": begin
{reset_registers}
                end
                "memories": begin
{clear_memories}
                end
                "set": begin
                    code = $fscanf({stdin}, "%d %h", index, value);
                    case (index)
{set_register}
                        default: ;
                    endcase
                end
                "get": begin
                    code = $fscanf({stdin}, "%d", index);
                    case (index)
{get_register}
                        default: ;
                    endcase
                end
                "write": begin
                    code = $fscanf({stdin}, "%d %d %d", index, first, count);
                    case (index)
{write_memory}
                        default: ;
                    endcase
                end
                "read": begin
                    code = $fscanf({stdin}, "%d %d %d", index, first, count);
                    case (index)
{read_memory}
                        default: ;
                    endcase
                end
                "run": begin
                    code = $fscanf({stdin}, "%d", number);
                    for (cycles = 0; cycles < number; cycles = cycles + 1) cycle;
                    $display("0");
                end
                "until": begin
                    code = $fscanf({stdin}, "%d %d", index, number);
                    cycles = 0;
                    case (index)
{run_until}
                        default: ;
                    endcase
                end
                default: $display("unknown command %0s", command);
            endcase
            $fflush;
            code = $fscanf({stdin}, "%s", command);
        end
        $finish;
    end
endmodule
"""


def bench_text(source: VerilogSource, shape: StateShape) -> str:
    """Return the test bench of a design; registers and memories are numbered as in its shape."""
    registers = [
        (index, _whole(source.registers[name]), register)
        for index, (name, register) in enumerate(shape.registers.items())
    ]
    memories = [
        (index, f"chip.{source.memories[name].path}", memory)
        for index, (name, memory) in enumerate(shape.memories.items())
    ]
    widths = [register.bits for _, _, register in registers]
    widths += [memory.bits for _, _, memory in memories]
    loop = "for (i = first; i < first + count; i = i + 1)"
    scan = f'code = $fscanf({_STDIN}, "%h", value);'
    return _FRAME.format(
        bench=BENCH,
        top=source.top,
        ports=", ".join([f".{source.clock}(clock)", *(f".{name}(1'b0)" for name in source.tied)]),
        stdin=_STDIN,
        top_bit=max(64, *widths) - 1,
        reset_registers=_lines(f"{p} = {r.bits}'h{r.reset_value:x};" for _, p, r in registers),
        clear_memories=_lines(
            f"for (i = 0; i < {m.words}; i = i + 1) {p}[i] = 0;"
            for _, p, m in memories
            if not m.is_read_only
        ),
        set_register=_lines(f"{i}: {p} = value;" for i, p, _ in registers),
        get_register=_lines(f'{i}: $display("%h", {p});' for i, p, _ in registers),
        write_memory=_lines(
            f"{i}: {loop} begin {scan} {p}[i] = value; end"
            for i, p, m in memories
            if not m.is_read_only
        ),
        read_memory=_lines(f'{i}: {loop} $display("%h", {p}[i]);' for i, p, _ in memories),
        run_until=_lines(f"{i}: {_until(p)}" for i, p, r in registers if r.bits == 1),
    )


def _whole(pieces: Sequence[Piece]) -> str:
    """A register as one expression, to be read or assigned."""
    paths = [f"chip.{piece.variable.path}" for piece in reversed(pieces)]
    return paths[0] if len(paths) == 1 else f"{{{', '.join(paths)}}}"


def _until(flag: str) -> str:
    """Cycles until the flag is 1; prints how many, 0 where the limit comes first."""
    return (
        "begin "
        "first = 0; "
        "while (!first && cycles < number) begin "
        f"cycle; cycles = cycles + 1; first = {flag} === 1'b1; "
        "end "
        '$display("%0d", first ? cycles : 64\'d0); '
        "end"
    )


def _lines(statements: Iterable[str]) -> str:
    return "\n".join(f"                    {statement}" for statement in statements)
