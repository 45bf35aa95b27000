/* Timed simulation of a mapped netlist, cycle by cycle; driven by timed_simulation.py.

   Every output pin of a combinational cell is an element: a truth table over its inputs, a delay and an energy per (input that changes, values of all inputs then). Delays are inertial: an
   output has at most one transition on its way, and a change back before it arrives takes it away.
   Pending transitions lie in a wheel of lists, one per tick, so that all operations take constant
   time. Flip-flops of a clock domain sample together at the edge that begins a cycle, before
   anything moves; a cycle ends when nothing is pending. Nets that open latches rise at the edge; once
   nothing is pending they fall, and the cycle ends when that has come to rest. */

#include <stdint.h>

enum { GATE, SINK, SOURCE };

typedef struct {
  /* sizes; `wheel` is a power of two above the largest delay */
  int64_t elements, flops, domains, inputs, observed, wheel, longest_ticks, ordered;
  /* elements: a SINK has no output and takes energy alone, a SOURCE no inputs */
  const uint8_t *kind, *arity;
  const int32_t *output, *arcs;
  const int32_t *function; /* the first word of its truth table in `words` */
  const uint64_t *words;
  const int32_t *element_first, *element_net;
  const int32_t *ticks;
  const float *arc_fj;
  const int32_t *order; /* gates and sinks, each behind what drives it */
  const int32_t *first_load, *load; /* per net: element << 4 | input */
  /* flip-flops: next state and clock energy by the values of inputs and, above them, state */
  const int32_t *flop_domain, *flop_first, *flop_net, *flop_clock, *flop_true, *flop_inverse;
  const uint64_t *flop_function;
  const float *clock_fj;
  /* clock domains: open if the parent (before it) is, and one of these nets is 1; the element of the
     net by which it opens latches, or -1 */
  const int32_t *domain_parent, *domain_first, *domain_net, *domain_element;
  const int32_t *input_element, *observed_net;
} Circuit;

typedef struct {
  uint8_t *value;                        /* per net */
  uint16_t *held;                        /* per element: values of its inputs */
  int32_t *due, *next, *before, *heads;  /* pending transitions: tick or -1, and their lists */
  uint64_t *busy;                        /* a bit per list of the wheel: not empty */
  float *pending_fj;
  uint8_t *stored, *open;                /* per flip-flop, per domain */
  /* counters */
  uint32_t *toggles, *functional, *swallowed, *edges;
  double *internal_fj, *flop_fj;
  int32_t *touched;                      /* nets of this cycle, and what they were before it */
  uint8_t *mark, *first_value;
  int64_t pending, touched_nets, events, ticks_max;
} State;

static void insert(const Circuit *c, State *s, int32_t e, int32_t due) {
  int64_t slot = due & (c->wheel - 1);
  int32_t head = s->heads[slot];
  s->due[e] = due;
  s->next[e] = head;
  s->before[e] = -1;
  if (head >= 0) s->before[head] = e;
  s->heads[slot] = e;
  s->busy[slot >> 6] |= 1ull << (slot & 63);
  s->pending++;
}

static void take_away(const Circuit *c, State *s, int32_t e) {
  int64_t slot = s->due[e] & (c->wheel - 1);
  int32_t after = s->next[e], ahead = s->before[e];
  if (after >= 0) s->before[after] = ahead;
  if (ahead >= 0)
    s->next[ahead] = after;
  else {
    s->heads[slot] = after;
    if (after < 0) s->busy[slot >> 6] &= ~(1ull << (slot & 63));
  }
  s->due[e] = -1;
  s->pending--;
}

static uint8_t function_of(const Circuit *c, int32_t e, unsigned held) {
  return c->words[c->function[e] + (held >> 6)] >> (held & 63) & 1;
}

static void follow(const Circuit *c, State *s, int32_t e, int input, int32_t now) {
  unsigned held = s->held[e] ^= 1u << input;
  int32_t arc = c->arcs[e] + (input << c->arity[e]) + held;
  if (c->kind[e] == SINK) {
    s->internal_fj[e] += c->arc_fj[arc];
    return;
  }
  if (function_of(c, e, held) == s->value[c->output[e]]) {
    if (s->due[e] >= 0) {
      take_away(c, s, e);
      s->swallowed[e]++;
    }
    return;
  }
  if (s->due[e] >= 0) return; /* on its way already: this input does not change where to */
  insert(c, s, e, now + c->ticks[arc]);
  s->pending_fj[e] = c->arc_fj[arc];
}

static void fire(const Circuit *c, State *s, int32_t e, int32_t now) {
  int32_t net = c->output[e];
  if (!s->mark[net]) {
    s->mark[net] = 1;
    s->first_value[net] = s->value[net];
    s->touched[s->touched_nets++] = net;
  }
  s->value[net] ^= 1;
  s->toggles[net]++;
  s->internal_fj[e] += s->pending_fj[e];
  s->events++;
  for (int32_t i = c->first_load[net]; i < c->first_load[net + 1]; i++)
    follow(c, s, c->load[i] >> 4, c->load[i] & 15, now);
}

/* The next tick at which something is due; there must be something. */
static int32_t next_tick(const Circuit *c, const State *s, int32_t now) {
  int64_t mask = c->wheel - 1, slot = (now + 1) & mask;
  uint64_t bits = s->busy[slot >> 6] >> (slot & 63);
  if (bits) return now + 1 + __builtin_ctzll(bits);
  int64_t words = c->wheel >> 6, word = slot >> 6;
  int32_t skipped = 64 - (slot & 63);
  for (;; skipped += 64) {
    word = word + 1 == words ? 0 : word + 1;
    if (s->busy[word]) return now + 1 + skipped + __builtin_ctzll(s->busy[word]);
  }
}

static void launch(const Circuit *c, State *s, int32_t e, uint8_t value) {
  if (e < 0 || s->value[c->output[e]] == value) return;
  insert(c, s, e, c->ticks[c->arcs[e] + value]);
  s->pending_fj[e] = c->arc_fj[c->arcs[e] + value];
}

static unsigned gathered(const State *s, const int32_t *nets, int32_t first, int32_t end) {
  unsigned values = 0;
  for (int32_t i = first; i < end; i++) values |= (unsigned)s->value[nets[i]] << (i - first);
  return values;
}

static void clock_edge(const Circuit *c, State *s) {
  for (int64_t d = 0; d < c->domains; d++) {
    int32_t parent = c->domain_parent[d];
    unsigned enables = gathered(s, c->domain_net, c->domain_first[d], c->domain_first[d + 1]);
    s->open[d] = parent < 0 || (s->open[parent] && enables);
    s->edges[d] += s->open[d];
    if (s->open[d]) launch(c, s, c->domain_element[d], 1);
  }
  for (int64_t f = 0; f < c->flops; f++) {
    if (!s->open[c->flop_domain[f]]) continue;
    int32_t first = c->flop_first[f], end = c->flop_first[f + 1];
    unsigned at = gathered(s, c->flop_net, first, end) | (unsigned)s->stored[f] << (end - first);
    s->flop_fj[f] += c->clock_fj[c->flop_clock[f] + at];
    s->stored[f] = c->flop_function[f] >> at & 1;
  }
  for (int64_t f = 0; f < c->flops; f++) {
    launch(c, s, c->flop_true[f], s->stored[f]);
    launch(c, s, c->flop_inverse[f], !s->stored[f]);
  }
}

/* Give every net the value that follows from flip-flops and inputs, without time or energy. */
void settle(const Circuit *c, State *s, const uint8_t *inputs) {
  for (int64_t i = 0; i < c->inputs; i++) s->value[c->output[c->input_element[i]]] = inputs[i];
  for (int64_t f = 0; f < c->flops; f++) {
    if (c->flop_true[f] >= 0) s->value[c->output[c->flop_true[f]]] = s->stored[f];
    if (c->flop_inverse[f] >= 0) s->value[c->output[c->flop_inverse[f]]] = !s->stored[f];
  }
  for (int64_t i = 0; i < c->ordered; i++) {
    int32_t e = c->order[i];
    s->held[e] = gathered(s, c->element_net, c->element_first[e], c->element_first[e + 1]);
    if (c->kind[e] == GATE) s->value[c->output[e]] = function_of(c, e, s->held[e]);
  }
  for (int64_t i = 0; i < c->ordered; i++) { /* latches read what they drive */
    int32_t e = c->order[i];
    s->held[e] = gathered(s, c->element_net, c->element_first[e], c->element_first[e + 1]);
  }
}

/* Let happen what is pending; returns the last tick, or -1 if it does not come to rest. */
static int32_t come_to_rest(const Circuit *c, State *s) {
  int32_t now = 0;
  while (s->pending) {
    now = next_tick(c, s, now);
    if (now > c->longest_ticks) return -1;
    int32_t slot = now & (c->wheel - 1), e;
    while ((e = s->heads[slot]) >= 0) {
      take_away(c, s, e);
      fire(c, s, e, now);
    }
  }
  return now;
}

/* Run cycles; returns how many came to rest, fewer than asked if one did not. */
int64_t run(const Circuit *c, State *s, int64_t cycles, const uint8_t *inputs, uint8_t *observed) {
  for (int64_t cycle = 0; cycle < cycles; cycle++) {
    clock_edge(c, s);
    for (int64_t i = 0; i < c->inputs; i++)
      launch(c, s, c->input_element[i], inputs[cycle * c->inputs + i]);
    int32_t now = come_to_rest(c, s);
    for (int64_t d = 0; d < c->domains; d++) launch(c, s, c->domain_element[d], 0);
    if (now < 0 || come_to_rest(c, s) < 0) return cycle;
    if (now > s->ticks_max) s->ticks_max = now;
    for (int64_t i = 0; i < s->touched_nets; i++) {
      int32_t net = s->touched[i];
      s->mark[net] = 0;
      s->functional[net] += s->value[net] != s->first_value[net];
    }
    s->touched_nets = 0;
    for (int64_t i = 0; i < c->observed; i++)
      observed[cycle * c->observed + i] = s->value[c->observed_net[i]];
  }
  return cycles;
}
