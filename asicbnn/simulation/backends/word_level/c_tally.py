"""C that tallies toggles: each column against itself a cycle later, many bits in one operation."""

from __future__ import annotations

from dataclasses import dataclass

from asicbnn.simulation.backends.state_layout import LIMB_BITS
from asicbnn.simulation.backends.word_level.columns import (
    ALIGNMENT,
    BYTE_BITS,
    CYCLES,
    LIMB_GROUP,
    TINY_GROUP,
    Columns,
)

MOST_PENDING = 255 // BYTE_BITS
"""Tallies after which counters of 8 bits are added to the totals: each adds at most 8."""
MOST_PENDING_WIDE = 65535 // (2 * LIMB_BITS)
"""The same of counters of 16 bits, which count two limbs."""

_TALLY = """\
typedef struct {{ uint32_t tiny, tiny_end, narrow, narrow_end, limbs, limbs_end; }} span_;
static const span_ SPANS[] = {{ {spans} }};
typedef uint32_t V32_at __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint8_t B64 __attribute__((vector_size(64), aligned(64), may_alias));
typedef u L8 __attribute__((vector_size(64), aligned(64), may_alias));
typedef u L8_at __attribute__((vector_size(64), aligned(8), may_alias));
#if defined(__AVX512BW__) && defined(__x86_64__)
#include <immintrin.h>
#define IS_ANY(d) (_mm512_test_epi64_mask((__m512i)(d), (__m512i)(d)) != 0)
static inline L8 sums_of_bytes(B64 d) {{
  return (L8)_mm512_sad_epu8((__m512i)d, _mm512_setzero_si512());
}}
#else
static inline int is_any(L8 d) {{
  u all = 0;
  for (int k = 0; k < 8; k++) all |= d[k];
  return all != 0;
}}
#define IS_ANY(d) is_any((L8)(d))
static inline L8 sums_of_bytes(B64 d) {{
  L8 sums = {{0}};
  for (int k = 0; k < 64; k++) sums[k / 8] += d[k];
  return sums;
}}
#endif
#define NOTE(d, group) if (changed && IS_ANY(d)) changed[(group) >> 6] |= 1ull << ((group) & 63)
#define TALLY static inline __attribute__((always_inline)) void
#ifdef __AVX512VPOPCNTDQ__
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
/* `changed`, if given, gets a bit for each group that is not the same in all cycles */
TALLY tally_tiny(const char *V, char *last, char *toggles, int is_first, u *changed, span_ s) {{
  for (u i = s.tiny; i < s.tiny_end; i++) {{
    const B64 now = ((const B64 *)(V + {alignment}))[i];
    B64 *const before = (B64 *)(last + {last_tiny}) + i;
    if (is_first)
      for (int k = 0; k < 64; k += {cycles}) (*before)[k + {last_cycle}] = now[k];
    const B64 toggled = now ^ a_cycle_before(now, *before);
    NOTE(toggled, i);
    ((B64 *)(toggles + {tiny_at}))[i] += ones_in_bytes(toggled);
    *before = now;
  }}
}}
TALLY tally_narrow(const char *V, char *last, char *toggles, int is_first, u *changed, span_ s) {{
  const V32 first = {{~0u}};
  for (u i = s.narrow; i < s.narrow_end; i++) {{
    const h_ *at = (const h_ *)(V + {first_narrow}) + {cycles} * i;
    V32 now = *(const V32 *)at, before = *(const V32_at *)(at - 1);
    before = (before & ~first) | (ALL32(is_first ? at[0] : ((h_ *)last)[i]) & first);
    ((h_ *)last)[i] = at[{last_cycle}];
    NOTE(now ^ before, s.tiny_end + i);
    ((V32 *)toggles)[i] += ones_in(now ^ before);
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
/* the columns of a group share a vector of counters of 16 bits */
TALLY tally_wide(const char *V, char *last, char *toggles, int is_first, u *changed, span_ s) {{
  for (u i = s.limbs; i < s.limbs_end; i++) {{
    const l_ *at = (const l_ *)(V + {first_wide}) + {limb_group} * {cycles} * i;
    l_ *ended = (l_ *)(last + {last_wide}) + {limb_group} * i;
    L8 found = {{0}}, any = {{0}};
    for (int k = 0; k < {limb_group}; k++, at += {cycles}) {{
      const L8 low = *(const L8 *)at, high = *(const L8 *)(at + 8);
      const L8 before = (L8){{0}} + (is_first ? at[0] : ended[k]);
      const L8 first = low ^ limbs_before(at, low, before);
      const L8 second = high ^ limbs_before(at + 8, high, low);
      ended[k] = at[{last_cycle}];
      if (changed) any |= first | second;
      found |= ones_in_limbs(first) + ones_in_limbs(second) << 16 * k;
    }}
    NOTE(any, s.tiny_end + s.narrow_end + i);
    ((L8 *)(toggles + {wide_at}))[i] += found;
  }}
}}
static void tally_inputs(const char *V, char *last, char *toggles, int is_first, u *changed) {{
  tally_tiny(V, last, toggles, is_first, changed, SPANS[0]);
  tally_narrow(V, last, toggles, is_first, changed, SPANS[0]);
  tally_wide(V, last, toggles, is_first, changed, SPANS[0]);
}}
static void tally(const char *V, char *last, char *toggles, int is_first, span_ s) {{
  tally_tiny(V, last, toggles, is_first, 0, s);
  tally_narrow(V, last, toggles, is_first, 0, s);
  tally_wide(V, last, toggles, is_first, 0, s);
}}
static void flush_tiny(char *toggles) {{
  B64 *at = (B64 *)(toggles + {tiny_at});
  u *totals = (u *)(toggles + {totals_at});
  for (int i = 0; i < {tiny_groups}; i++, at++) {{
    const L8 sums = sums_of_bytes(*at);
    for (int k = 0; k < 4; k++) *totals++ += sums[2 * k] + sums[2 * k + 1];
    *at = (B64){{0}};
  }}
}}
static void flush_wide(char *toggles) {{
  L8 *at = (L8 *)(toggles + {wide_at});
  u *totals = (u *)(toggles + {wide_totals_at});
  for (int i = 0; i < {limb_groups}; i++, at++) {{
    for (int k = 0; k < {limb_group}; k++) {{
      u sum = 0;
      for (int lane = 0; lane < 8; lane++) sum += (*at)[lane] >> 16 * k & 0xffff;
      *totals++ += sum;
    }}
    *at = (L8){{0}};
  }}
}}
"""


def tally_source(columns: Columns) -> str:
    """Return ``tally_inputs``, which notes what changed, ``tally`` of a span, and the flushes."""
    spans = ", ".join(f"{{{', '.join(map(str, span))}}}" for span in columns.spans)
    return _TALLY.format(
        spans=spans, cycles=CYCLES, last_cycle=CYCLES - 1, alignment=ALIGNMENT,
        first_narrow=columns.first_narrow, first_wide=columns.first_wide, limb_group=LIMB_GROUP,
        tiny_groups=columns.tiny_groups, limb_groups=columns.limb_groups,
        **vars(Counters.of(columns)), **vars(Last.of(columns)),
    )  # fmt: skip


@dataclass(frozen=True)
class Last:
    """Where the values of the last cycle lie, in bytes: of halves at 0, then bytes, limbs.

    changed_at  a bit for every group of inputs that changed in the sixteen cycles before
    """

    last_tiny: int
    last_wide: int
    changed_at: int
    changed_words: int
    last_bytes: int

    @classmethod
    def of(cls, columns: Columns) -> Last:
        """Lay out the last values of some columns."""
        last_tiny = -(-4 * columns.narrow // ALIGNMENT) * ALIGNMENT
        last_wide = last_tiny + ALIGNMENT * columns.tiny_groups
        changed_at = last_wide + 8 * LIMB_GROUP * columns.limb_groups
        inputs = columns.spans[0]
        words = -(-(inputs.tiny_end + inputs.narrow_end + inputs.limbs_end) // LIMB_BITS)
        return cls(last_tiny, last_wide, changed_at, words, changed_at + 8 * words)


@dataclass(frozen=True)
class Counters:
    """Where the counters lie, in bytes: of halves at 0, 16 of 32 bits per column, then the others.

    tiny_at, wide_at  16 counters of 8 bits per column of bytes, 8 of 16 bits per column of limbs;
                      they are added to the totals before they overflow
    totals_at, wide_totals_at  a counter of 64 bits per column of bytes, of limbs
    """

    tiny_at: int
    wide_at: int
    totals_at: int
    wide_totals_at: int
    counter_bytes: int

    @classmethod
    def of(cls, columns: Columns) -> Counters:
        """Lay out the counters of some columns."""
        tiny_at = 4 * CYCLES * columns.narrow
        wide_at = tiny_at + ALIGNMENT * columns.tiny_groups
        totals_at = wide_at + ALIGNMENT * columns.limb_groups
        wide_totals_at = totals_at + 8 * TINY_GROUP * columns.tiny_groups
        end = wide_totals_at + 8 * LIMB_GROUP * columns.limb_groups
        return cls(tiny_at, wide_at, totals_at, wide_totals_at, end)
