/* One TRM step on a CPU, slot by slot: a puzzle's state stays in the nearest caches from the first layer to the last, and nothing is written between
   two of them that the next does not read.

   Knows arrays and weights; no requests or files. Channels, of heads too, and inner sizes are in sixteens: `builds.known` tells. Built once for each
   instruction set; what products are made of is in product.h, all else is float32 everywhere. */

#include <math.h>
#include <stddef.h>

#include "product.h"
#include "vectors.h"
#include "model.h"
#include "mixers.h"

/* s = norm(s + y) over `count` of `width` channels, and a the same as the next product's input */
static void settle(float *s, const float *y, op *a, int rows, int width, int count, float eps) {
    for (int r = 0; r < rows; r++, s += width, y += width, a += width / PAIR) {
        float sum = 0;
        for (int c = 0; c < width; c++) {
            s[c] += y[c];
            sum += s[c] * s[c];
        }
        float scale = 1 / sqrtf(sum / count + eps);
        for (int c = 0; c < width; c++) s[c] *= scale;
        to_ops(s, a, width);
    }
}

/* what a SwiGLU's gate lets through, in the place of the gate: silu(gate) * up, or sigmoid(gate) * norm(gate * up) */
static void let_through(const struct model *m, float *gate, int inner) {
    const float *up = gate + inner;
    head squares = {0};
    for (int c = 0; c < inner; c += HEAD) {
        head g = *(head *)(gate + c), both = g * *(const head *)(up + c);
        *(head *)(gate + c) = both * inverse(1 + exponential(-g));
        squares += both * both;
    }
    if (m->normed) {
        float sum = 0;
        for (int i = 0; i < HEAD; i++) sum += squares[i];
        float scale = 1 / sqrtf(sum / inner + m->eps);
        for (int c = 0; c < inner; c++) gate[c] *= scale;
    }
}

/* a SwiGLU of s, with the norm behind it, some rows at a time, so that what is between stays near. a is s as an input of products, before and after */
static void feed(const struct model *m, const struct swiglu *f, float *s, op *a, const struct room *room, int all) {
    for (int from = 0, most = share(all); from < all; from += most) {
        int rows = all - from < most ? all - from : most;
        op *some = a + (size_t)from * f->width / PAIR;
        product(&f->gate_up, some, rows, room->wide);
        for (int r = 0; r < rows; r++) {
            float *gate = room->wide + (size_t)r * 2 * f->inner;
            let_through(m, gate, f->inner);
            to_ops(gate, room->b + (size_t)r * f->inner / PAIR, f->inner);
        }
        product(&f->down, room->b, rows, room->y);
        settle(s + (size_t)from * f->width, room->y, some, rows, f->width, f->count, m->eps);
    }
}

/* mixer `mlp`: a SwiGLU over positions, and so the norm behind it */
static void mix_mlp(const struct model *m, const struct layer *l, float *s, const struct room *room, int n) {
    turned(s, n, m->hidden, m->hidden, room->turned, m->hidden, up(n));
    to_ops(room->turned, room->a, (size_t)m->hidden * up(n));
    feed(m, &l->positions, room->turned, room->a, room, m->hidden);
    turned(room->turned, m->hidden, up(n), up(n), s, n, m->hidden);
    to_ops(s, room->a, (size_t)n * m->hidden);
}

/* s = L(s): all layers, in place; leaves s as an input of products in room->a */
static void reason(const struct model *m, float *s, const struct room *room, int height, int width, int n) {
    if (m->mixer != MLP) to_ops(s, room->a, (size_t)n * m->hidden);
    for (const struct layer *l = m->layer; l < m->layer + m->layers; l++) {
        if (m->mixer == MLP) {
            mix_mlp(m, l, s, room, n);
        } else {
            if (m->mixer == UNITS)
                mix_units(m, l, room, n);
            else if (m->mixer == LOCAL)
                mix_local(m, l, room, height, width);
            else
                mix_attention(m, l, room, n);
            settle(s, room->y, room->a, n, m->hidden, m->hidden, m->eps);
        }
        feed(m, &l->channels, s, room->a, room, n);
    }
}

/* the likeliest symbol of each cell and the two halting logits, of z_H and of what `reason` left in room->a */
static void answer(const struct model *m, const float *z, const struct room *room, int n, uint8_t *answers, float *q) {
    int hidden = m->hidden, looked = m->first ? 1 : n, cells = n - m->prefix;
    float sum[2] = {0};
    for (int r = 0; r < looked; r++)
        for (int i = 0; i < 2; i++)
            for (int c = 0; c < hidden; c++) sum[i] += m->q_weight[i * hidden + c] * z[(size_t)r * hidden + c];
    for (int i = 0; i < 2; i++) q[i] = sum[i] / looked + m->q_bias[i];
    for (int from = 0, most = share(n); from < cells; from += most) { /* as many as there is room for */
        int rows = cells - from < most ? cells - from : most;
        product(&m->lm_head, room->a + (size_t)(m->prefix + from) * hidden / PAIR, rows, room->wide);
        for (int r = 0; r < rows; r++) {
            const float *logit = room->wide + (size_t)r * m->lm_head.outputs;
            int best = 0;
            for (int v = 1; v < m->vocab; v++) best = logit[v] > logit[best] ? v : best;
            answers[from + r] = best;
        }
    }
}

/* floats that `trm_step` needs for its `space` */
size_t trm_space(const struct model *m, int cells) {
    struct room room;
    return furnish(m, m->prefix + cells, &room, NULL) - (float *)NULL;
}

/* L += H + the input embedding: the puzzle's own positions, then the tokens of its cells */
static void inject(const struct model *m, const uint8_t *token, const float *puzzle, const float *H, float *L, int n) {
    int hidden = m->hidden;
    for (int at = 0; at < n; at++, H += hidden, L += hidden) {
        const float *x = at < m->prefix ? puzzle + at * hidden : m->embedding + token[at - m->prefix] * hidden;
        for (int c = 0; c < hidden; c++) L[c] += H[c] + x[c];
        if (m->learned)
            for (int c = 0; c < hidden; c++) L[c] += m->learned[(size_t)at * hidden + c];
    }
}

/* the states of a puzzle's first step */
static void begin(const struct model *m, float *H, float *L, int n) {
    for (int at = 0; at < n; at++, H += m->hidden, L += m->hidden) {
        memcpy(H, m->H_init, m->hidden * sizeof *H);
        memcpy(L, m->L_init, m->hidden * sizeof *L);
    }
}

/* One step of `count` slots, which are rows of fresh (slots), tokens (slots, cells), puzzle (slots, prefix, hidden), z_H and z_L (slots, prefix + cells,
   hidden), both changed in place. Where fresh is set they begin anew, and it is cleared. answers (count, cells), q (count, 2). Returns -1, or else a slot of
   which a token is not in the vocabulary; then nothing has changed. */
int trm_step(const struct model *m, int count, const int32_t *slots, int height, int width, uint8_t *fresh, const uint8_t *tokens, const float *puzzle,
             float *z_H, float *z_L, uint8_t *answers, float *q, float *space) {
    int cells = height * width, n = m->prefix + cells;
    size_t flat = (size_t)n * m->hidden;
    struct room room;
    furnish(m, n, &room, space);
    for (int i = 0; i < count; i++)
        for (int cell = 0; cell < cells; cell++)
            if (tokens[(size_t)slots[i] * cells + cell] >= m->vocab) return slots[i];
    for (int i = 0; i < count; i++) {
        const uint8_t *token = tokens + (size_t)slots[i] * cells;
        const float *own = puzzle + (size_t)slots[i] * m->prefix * m->hidden;
        float *H = z_H + slots[i] * flat, *L = z_L + slots[i] * flat;
        if (fresh[slots[i]]) begin(m, H, L, n);
        fresh[slots[i]] = 0;
        for (int cycle = 0; cycle < m->H_cycles; cycle++) {
            for (int refinement = 0; refinement < m->L_cycles; refinement++) {
                inject(m, token, own, H, L, n);
                reason(m, L, &room, height, width, n);
            }
            for (size_t c = 0; c < flat; c++) H[c] += L[c];
            reason(m, H, &room, height, width, n);
        }
        answer(m, H, &room, n, answers + (size_t)i * cells, q + 2 * (size_t)i);
    }
    done();
    return -1;
}

static int copy(void *to, const void *from, size_t size) { /* to is the address of a pointer; nothing is copied from NULL */
    if (!from) return 1;
    void *copied = malloc(size);
    if (copied) memcpy(copied, from, size);
    *(void **)to = copied;
    return copied != NULL;
}

static int feeder(struct swiglu *f, const float *const *weights, int count, int inner) {
    f->count = count, f->width = up(count), f->inner = inner;
    return pack(&f->gate_up, weights[0], 2 * inner, count) & pack(&f->down, weights[1], count, inner);
}

void trm_free(struct model *m);

/* A model, or NULL without the memory for it. `sizes` are the first fields of a model. units, learned and rope are NULL where
   the model has none. `weights`: embedding, lm_head, q_head and its bias, H_init, L_init, then of each layer those of the mixer, gate_up and down, each
   (outputs, inputs); those of `mlp` are gate_up and down as well, those of others a map of what is mixed, but for `local`, and one of what comes out. */
struct model *trm_make(const int32_t *sizes, float eps, const int32_t *units, const float *learned, const float *rope, const float *const *weights) {
    struct model *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    enum { SIZES = offsetof(struct model, eps) / sizeof *sizes };
    memcpy(m, sizes, SIZES * sizeof *sizes);
    m->eps = eps;
    int hidden = m->hidden, fine = copy(&m->units, units, 3 * m->side * m->side * sizeof *units);
    fine &= copy(&m->learned, learned, (size_t)m->positions * hidden * sizeof(float));
    fine &= copy(&m->rope, rope, 2 * (size_t)m->positions * (hidden / m->heads) * sizeof(float));
    fine &= copy(&m->embedding, weights[0], (size_t)m->vocab * hidden * sizeof(float)) && pack(&m->lm_head, weights[1], m->vocab, hidden);
    fine &= copy(&m->q_weight, weights[2], 2 * hidden * sizeof(float)) && copy(&m->q_bias, weights[3], 2 * sizeof(float));
    fine &= copy(&m->H_init, weights[4], hidden * sizeof(float)) && copy(&m->L_init, weights[5], hidden * sizeof(float));
    m->layer = calloc(m->layers, sizeof *m->layer);
    weights += 6;
    for (struct layer *l = m->layer; l && l < m->layer + m->layers; l++) {
        if (m->mixer == MLP) {
            fine &= feeder(&l->positions, weights, m->positions, m->inner_positions), weights += 2;
        } else {
            if (m->mixer != LOCAL) fine &= pack(&l->mix_in, *weights++, 3 * hidden, hidden);
            fine &= pack(&l->mix_out, *weights++, hidden, m->mixer == LOCAL ? 5 * hidden : hidden);
        }
        fine &= feeder(&l->channels, weights, hidden, m->inner), weights += 2;
    }
    if (fine && m->layer) return m;
    trm_free(m);
    return NULL;
}

/* Gives back what `trm_make` took; of NULL nothing. */
void trm_free(struct model *m) {
    if (!m) return;
    for (struct layer *l = m->layer; l && l < m->layer + m->layers; l++) {
        struct dense *d[] = {&l->mix_in, &l->mix_out, &l->positions.gate_up, &l->positions.down, &l->channels.gate_up, &l->channels.down};
        for (size_t i = 0; i < sizeof d / sizeof *d; i++) free(d[i]->weight);
    }
    void *own[] = {m->layer, m->embedding, m->q_weight, m->q_bias, m->H_init, m->L_init, m->units, m->learned, m->rope, m->lm_head.weight, m};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) free(own[i]);
}
