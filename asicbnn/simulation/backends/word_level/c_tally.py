"""C that tallies toggles: each column against itself a cycle later, many bits in one operation."""

from __future__ import annotations

from dataclasses import dataclass

from asicbnn.simulation.backends.word_level.columns import (
    ALIGNMENT,
    BYTE_BITS,
    CYCLES,
    LIMB_GROUP,
    Columns,
)

MOST_PENDING = 255 // BYTE_BITS
"""Tallies after which counters of 8 bits are added to the totals: each adds at most 8."""

_TALLY = """\
typedef uint32_t V32_at __attribute__((vector_size(64), aligned(4), may_alias));
typedef u L8 __attribute__((vector_size(64), aligned(64), may_alias));
typedef u L8_at __attribute__((vector_size(64), aligned(8), may_alias));
#ifdef __AVX512VPOPCNTDQ__
#include <immintrin.h>
static inline V32 ones_in(V32 d) {{ return (V32)_mm512_popcnt_epi32((__m512i)d); }}
static inline L8 ones_in_limbs(L8 d) {{ return (L8)_mm512_popcnt_epi64((__m512i)d); }}
#else
#define SUM_BYTES(d, k) \\
  d -= (d >> 1) & 0x5555555555555555ull / k; \\
  d = (d & 0x3333333333333333ull / k) + ((d >> 2) & 0x3333333333333333ull / k); \\
  d = (d + (d >> 4)) & 0x0f0f0f0f0f0f0f0full / k; \\
  d *= 0x0101010101010101ull / k;
static inline V32 ones_in(V32 d) {{ SUM_BYTES(d, 0x100000001ull) return d >> 24; }}
static inline L8 ones_in_limbs(L8 d) {{ SUM_BYTES(d, 1) return d >> 56; }}
#endif
typedef uint8_t B64 __attribute__((vector_size(64), aligned(64), may_alias));
#ifdef __AVX512BITALG__
static inline B64 ones_in_bytes(B64 d) {{ return (B64)_mm512_popcnt_epi8((__m512i)d); }}
#else
static inline B64 ones_in_bytes(B64 b) {{
  L8 d = (L8)b;
  d -= (d >> 1) & 0x5555555555555555ull;
  d = (d & 0x3333333333333333ull) + ((d >> 2) & 0x3333333333333333ull);
  return (B64)((d + (d >> 4)) & 0x0f0f0f0f0f0f0f0full);
}}
#endif
/* each wire's bytes a cycle later, the first one from the sixteen cycles before */
static inline B64 a_cycle_before(B64 now, B64 last) {{
  B64 before;
#if defined(__AVX512BW__) && defined(__x86_64__)
  asm("vpalignr $15, %2, %1, %0" : "=v"(before) : "v"(now), "v"(last));
#else
  const u *n = (const u *)&now, *o = (const u *)&last;
  u *b = (u *)&before;
  for (int k = 0; k < 8; k += 2) {{
    b[k] = n[k] << 8 | o[k + 1] >> 56;
    b[k + 1] = n[k + 1] << 8 | n[k] >> 56;
  }}
#endif
  return before;
}}
static void tally_tiny(const char *V, B64 *last, B64 *toggles, int is_first) {{
  for (int i = 0; i < {tiny_vectors}; i++) {{
    const B64 now = *(const B64 *)(V + {alignment} + 64 * i);
    if (is_first)
      for (int k = 0; k < 64; k += {cycles}) last[i][k + {last_cycle}] = now[k];
    toggles[i] += ones_in_bytes(now ^ a_cycle_before(now, last[i]));
    last[i] = now;
  }}
}}
static void flush_tiny(B64 *toggles, u *totals) {{
  for (int i = 0; i < {tiny_vectors}; i++) {{
    const uint8_t *at = (const uint8_t *)(toggles + i);
    for (int k = 0; k < 4; k++) {{
      u sum = 0;
      for (int t = 0; t < {cycles}; t++) sum += at[{cycles} * k + t];
      totals[4 * i + k] += sum;
    }}
    toggles[i] = (B64){{0}};
  }}
}}
static void tally_narrow(const char *V, h_ *last, V32 *toggles, int is_first) {{
  const V32 first = {{~0u}};
  for (int i = 0; i < {narrow}; i++) {{
    const h_ *at = (const h_ *)(V + {first_narrow} + {column} * i);
    V32 now = *(const V32 *)at, before = *(const V32_at *)(at - 1);
    before = (before & ~first) | (ALL32(is_first ? at[0] : last[i]) & first);
    last[i] = at[{last_cycle}];
    toggles[i] += ones_in(now ^ before);
  }}
}}
/* each limb a cycle later, the first one from the sixteen cycles before */
static inline L8 limbs_before(const l_ *at, L8 now, L8 last) {{
  L8 before;
#if defined(__AVX512F__) && defined(__x86_64__)
  asm("valignq $7, %2, %1, %0" : "=v"(before) : "v"(now), "v"(last));
#else
  before = *(const L8_at *)(at - 1);
  before[0] = last[7];
#endif
  return before;
}}
/* four columns share a vector of counters of 16 bits */
static void tally_wide(const char *V, l_ *last, L8 *toggles, int is_first) {{
  for (int i = 0; i < {limb_groups}; i++) {{
    const l_ *at = (const l_ *)(V + {first_wide}) + {limb_group} * {cycles} * i;
    L8 found = {{0}};
    for (int k = 0; k < {limb_group}; k++, at += {cycles}, last++) {{
      const L8 low = *(const L8 *)at, high = *(const L8 *)(at + 8);
      const L8 before = (L8){{0}} + (is_first ? at[0] : *last);
      const L8 ones = ones_in_limbs(low ^ limbs_before(at, low, before))
        + ones_in_limbs(high ^ limbs_before(at + 8, high, low));
      *last = at[{last_cycle}];
      found |= ones << 16 * k;
    }}
    toggles[i] += found;
  }}
}}
static void flush_wide(L8 *toggles, u *totals) {{
  for (int i = 0; i < {limb_groups}; i++) {{
    for (int k = 0; k < {limb_group}; k++) {{
      u sum = 0;
      for (int lane = 0; lane < 8; lane++) sum += toggles[i][lane] >> 16 * k & 0xffff;
      totals[{limb_group} * i + k] += sum;
    }}
    toggles[i] = (L8){{0}};
  }}
}}
"""


def tally_source(columns: Columns) -> str:
    """Return ``tally_tiny``, ``tally_narrow`` and ``tally_wide``, and what flushes counters."""
    return _TALLY.format(
        narrow=len(columns.narrow), cycles=CYCLES, last_cycle=CYCLES - 1, alignment=ALIGNMENT,
        column=4 * CYCLES, first_narrow=columns.first_narrow, tiny_vectors=tiny_vectors(columns),
        first_wide=columns.first_wide, limb_group=LIMB_GROUP, limb_groups=columns.limb_groups,
    )  # fmt: skip


def tiny_vectors(columns: Columns) -> int:
    """Vectors of bytes that hold the tiny wires, four in each."""
    return -(-len(columns.tiny) // 4)


@dataclass(frozen=True)
class Last:
    """Where the values of the last cycle lie, in bytes: of narrow wires at 0, then tiny, wide."""

    last_tiny: int
    last_wide: int
    last_bytes: int

    @classmethod
    def of(cls, columns: Columns) -> Last:
        """Lay out the last values of some columns."""
        last_tiny = _aligned(4 * len(columns.narrow))
        last_wide = last_tiny + ALIGNMENT * tiny_vectors(columns)
        return cls(last_tiny, last_wide, last_wide + 8 * LIMB_GROUP * columns.limb_groups)


@dataclass(frozen=True)
class Counters:
    """Where the counters lie, in bytes: of narrow wires at 0, 16 of 32 bits each, then the others.

    tiny_at, wide_at  16 counters of 8 bits per tiny wire, 8 of 16 bits per column of limbs; they
                      are added to the totals before they overflow
    totals_at, wide_totals_at  a counter of 64 bits per tiny wire, per column of limbs
    """

    tiny_at: int
    wide_at: int
    totals_at: int
    wide_totals_at: int
    counter_bytes: int

    @classmethod
    def of(cls, columns: Columns) -> Counters:
        """Lay out the counters of some columns."""
        vectors, groups = tiny_vectors(columns), columns.limb_groups
        tiny_at = 4 * CYCLES * len(columns.narrow)
        wide_at = tiny_at + ALIGNMENT * vectors
        totals_at = wide_at + ALIGNMENT * groups
        wide_totals_at = totals_at + 8 * 4 * vectors
        return cls(
            tiny_at, wide_at, totals_at, wide_totals_at, wide_totals_at + 8 * LIMB_GROUP * groups
        )


def _aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT
