"""The C around the gates: vectors, what is checked on them, the loop, and transposition."""

from __future__ import annotations

PRELUDE = """\
#include <stdint.h>
#include <string.h>
typedef uint64_t u;
typedef u V __attribute__((vector_size({octets}), aligned({octets})));
static inline V all(u limb) {{ return (V){{{splat}}}; }}
static inline int any(V x) {{
  u d = 0;
  for (int i = 0; i < {limbs}; i++) d |= x[i];
  return !!d;
}}
static inline int agree(V x) {{ return !any(x ^ all(-(x[0] & 1))); }}
static inline u agreed(V x, V on, u *differ) {{
  const int one = any(x & on);
  *differ |= one && any(~x & on);
  return one;
}}
"""
TERNARY = """\
#include <immintrin.h>
#define TERNARY(a, b, c, table) ((V)_mm512_ternarylogic_epi64((__m512i)(a), (__m512i)(b), \\
  (__m512i)(c), table))
"""
FORMS = {
    "inverter": "~{0}",
    "and2": "{0} & {1}",
    "or2": "{0} | {1}",
    "nand2": "~({0} & {1})",
    "xor2": "{0} ^ {1}",
    "mux2": "((({1}) ^ ({2})) & {0}) ^ ({1})",
}
ARGUMENTS = "V *restrict P, u *restrict S, const u *restrict M, u *restrict A"
DEFINE = f"u section{{}}({ARGUMENTS}) {{{{"
DECLARE = "u section{}(V *, u *, const u *, u *);\n"
STEP = """\
  if (({flag} = {condition}) && (fault = section{index}(P, S, M, A))) return fault;"""
LOOPS = """\
void run(u *S, u cycles);
static inline u one_cycle(V *P, u *S, u *M, u *A, u *Q, int first) {{
  run(S, 1);
  hand_over(S, M, A, Q);
  u fault;
{steps}
  return commit(P, S, M, A);
}}
u run_stimuli(V *P, u *S, u *M, u *A, u *Q, u cycles, u *fault) {{
  for (u n = 0; n < cycles; n++)
    if ((*fault = one_cycle(P, S, M, A, Q, n == 0))) return n;
  return cycles;
}}
u run_stimuli_until(V *P, u *S, u *M, u *A, u *Q, u limit, u *fault, u flag, u is_private) {{
  for (u n = 1; n <= limit; n++) {{
    if ((*fault = one_cycle(P, S, M, A, Q, n == 1))) return 0;
    if (is_private) {{
      if (!agree(P[flag])) {{ *fault = {different}; return 0; }}
      if (P[flag][0]) return n;
    }} else if (S[flag]) return n;
  }}
  return 0;
}}
"""
EXPAND = """\
typedef u v8 __attribute__((vector_size(64), aligned(8), may_alias));
static inline void expand(u limb, u *M) {
  static const v8 ones = {1, 2, 4, 8, 16, 32, 64, 128};
  for (int i = 0; i < 8; i++) {
    const u part = limb >> 8 * i;
    const v8 all = {part, part, part, part, part, part, part, part};
    *(v8 *)(M + 8 * i) = (v8)((all & ones) != 0);
  }
}
"""


TRANSPOSE = """\
static void transpose(u *a) {
  u m = 0xffffffffull;
  for (int j = 32; j; j >>= 1, m ^= m << j)
    for (int k = 0; k < 64; k = ((k | j) + 1) & ~j) {
      const u t = (a[k] >> j ^ a[k | j]) & m;
      a[k | j] ^= t;
      a[k] ^= t << j;
    }
}
static inline u least(u a, u b) { return a < b ? a : b; }
void pack_stimuli(u *P, const u *words, u count, u bits, u stimuli) {
  const u limbs = (bits + 63) / 64, width = stimuli / 64;
  for (u n = 0; n < count; n++) for (u l = 0; l < limbs; l++) for (u b = 0; b < width; b++) {
    u a[64];
    for (u s = 0; s < 64; s++) a[s] = words[((64 * b + s) * count + n) * limbs + l];
    transpose(a);
    for (u i = 0; i < least(64, bits - 64 * l); i++) P[(n * bits + 64 * l + i) * width + b] = a[i];
  }
}
void unpack_stimuli(const u *P, u *words, u count, u bits, u stimuli) {
  const u limbs = (bits + 63) / 64, width = stimuli / 64;
  for (u n = 0; n < count; n++) for (u l = 0; l < limbs; l++) for (u b = 0; b < width; b++) {
    u a[64] = {0};
    for (u i = 0; i < least(64, bits - 64 * l); i++) a[i] = P[(n * bits + 64 * l + i) * width + b];
    transpose(a);
    for (u s = 0; s < 64; s++) words[((64 * b + s) * count + n) * limbs + l] = a[s];
  }
}
"""
