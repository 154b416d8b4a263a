/* One TRM step on a CPU, slot by slot: a puzzle's state stays in the nearest caches from the first layer to the last, and nothing is written between
   two of them that the next does not read.

   Knows arrays and weights; no requests or files. For mixers `units` (heads of 16 channels) and `local`, SwiGLU with silu, no positions, no puzzle
   embedding, hidden and inner in sixteens: `builds.known` tells. Built once for each instruction set; what
   products are made of is in product.h, all else is float32 everywhere. */

#include <math.h>
#include <stddef.h>

#include "product.h"

enum { CHUNK = 96, HEAD = 16, SIDE = 16 };

typedef float head __attribute__((vector_size(HEAD * 4), aligned(4)));

struct layer {
    struct dense mix_in, mix_out, gate_up, down;
};

struct model {
    int hidden, inner, vocab, layers, H_cycles, L_cycles, heads, side, first;
    float eps, *embedding, *q_weight, *q_bias;
    int32_t *units; /* cells of each row, column and box, (3, side, side); none with mixer `local` */
    struct dense lm_head;
    struct layer *layer;
};

struct room { /* what a step needs besides: y (cells, hidden), wide (rows, widest), inputs a (cells, hidden) and b (rows, widest input) */
    float *y, *wide;
    op *a, *b;
};

/* e to the power of each, to some units in the last place */
static inline head exponential(head x) {
    head n;
#ifdef __AVX512F__
    x = (head)_mm512_min_ps(_mm512_set1_ps(88), _mm512_max_ps(_mm512_set1_ps(-87), (__m512)x));
    n = (head)_mm512_roundscale_ps((__m512)(x * 1.44269504f), 0);
#else
    for (int i = 0; i < HEAD; i++) { /* loops that become vectors, which one over expf does not */
        x[i] = x[i] < -87 ? -87 : x[i];
        x[i] = x[i] > 88 ? 88 : x[i];
        n[i] = __builtin_rintf(x[i] * 1.44269504f);
    }
#endif
    head r = x - n * 0.693359375f + n * 2.12194440e-4f;
    head p = 1 + r * (1 + r * (0.5f + r * (0.166666546f + r * (0.0416657959f + r * (0.00833452f + r * 0.00139f)))));
#ifdef __AVX512F__
    return (head)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    for (int i = 0; i < HEAD; i++) {
        union {
            int32_t bits;
            float value;
        } power = {((int32_t)n[i] + 127) << 23};
        p[i] *= power.value;
    }
    return p;
#endif
}

static inline head inverse(head x) { /* 1 / x, to a unit in the last place or two: dividing takes longer than all else of a softmax */
#ifdef __AVX512F__
    head near = (head)_mm512_rcp14_ps((__m512)x);
    return near * (2 - x * near);
#else
    return 1 / x;
#endif
}

static inline head most_of(head one, head other) { /* which the compiler would take apart */
#ifdef __AVX512F__
    return (head)_mm512_max_ps((__m512)one, (__m512)other);
#else
    for (int i = 0; i < HEAD; i++) one[i] = other[i] > one[i] ? other[i] : one[i];
    return one;
#endif
}

/* s = norm(s + y), and a the same as the next product's input */
static void settle(float *s, const float *y, op *a, int rows, int hidden, float eps) {
    for (int r = 0; r < rows; r++, s += hidden, y += hidden, a += hidden / PAIR) {
        float sum = 0;
        for (int c = 0; c < hidden; c++) {
            s[c] += y[c];
            sum += s[c] * s[c];
        }
        float scale = 1 / sqrtf(sum / hidden + eps);
        for (int c = 0; c < hidden; c++) s[c] *= scale;
        to_ops(s, a, hidden);
    }
}

/* sixteen rows of sixteen floats turned: lane j of row i becomes lane i of row j */
static inline void turn(head *row) {
#ifdef __AVX512F__
    __m512 t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps((__m512)row[i], (__m512)row[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps((__m512)row[i], (__m512)row[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            __m512d one = (__m512d)t[i + j], other = (__m512d)t[i + j + 2];
            row[i + 2 * j] = (head)_mm512_unpacklo_pd(one, other);
            row[i + 2 * j + 1] = (head)_mm512_unpackhi_pd(one, other);
        }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 16; j += 8) {
            t[i + j] = _mm512_shuffle_f32x4((__m512)row[i + j], (__m512)row[i + j + 4], 0x88);
            t[i + j + 4] = _mm512_shuffle_f32x4((__m512)row[i + j], (__m512)row[i + j + 4], 0xdd);
        }
    for (int i = 0; i < 8; i++) {
        row[i] = (head)_mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
        row[i + 8] = (head)_mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    }
#else
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < i; j++) {
            float kept = row[i][j];
            row[i][j] = row[j][i];
            row[j][i] = kept;
        }
#endif
}

/* attention of one head inside one unit, a lane for each query, so that a softmax is a few operations on whole vectors.
   qkv (cells, 3 hidden) and out (cells, hidden) begin at the head's channels */
static inline void attend(const float *qkv, op *out, const int32_t *cell, int side, int hidden) {
    head query[HEAD], weight[SIDE], value[SIDE], most, sum = {0};
    for (int i = 0; i < HEAD; i++) query[i] = i < side ? *(const head *)(qkv + (size_t)cell[i] * 3 * hidden) : sum;
    turn(query);
    for (int j = 0; j < side; j++) {
        const float *key = qkv + (size_t)cell[j] * 3 * hidden + hidden;
        head even = query[0] * key[0], odd = query[1] * key[1];
        for (int c = 2; c < HEAD; c += 2) {
            even += query[c] * key[c];
            odd += query[c + 1] * key[c + 1];
        }
        weight[j] = even + odd;
        value[j] = *(const head *)(key + hidden);
    }
    most = weight[0];
    for (int j = 1; j < side; j++) most = most_of(most, weight[j]);
    for (int j = 0; j < side; j++) {
        weight[j] = exponential((weight[j] - most) * 0.25f); /* 1 / sqrt(HEAD) */
        sum += weight[j];
    }
    sum = inverse(sum);
    for (int j = 0; j < side; j++) weight[j] *= sum;
    for (int i = 0; i < side; i++) {
        head mixed = value[0] * weight[0][i];
        for (int j = 1; j < side; j++) mixed += value[j] * weight[j][i];
        to_ops((const float *)&mixed, out + (size_t)cell[i] * hidden / PAIR, HEAD);
    }
}

/* mixer `units`: a third of the heads look along rows, one along columns, one inside boxes */
static void mix_units(const struct model *m, const struct layer *l, const struct room *room, int cells) {
    product(&l->mix_in, room->a, cells, room->wide);
    for (int at = 0; at < m->heads; at++)
        for (int unit = 0; unit < m->side; unit++)
            attend(room->wide + at * HEAD, room->b + at * HEAD / PAIR, m->units + (at / (m->heads / 3) * m->side + unit) * m->side, m->side, m->hidden);
    product(&l->mix_out, room->b, cells, room->y);
}

/* mixer `local`: each cell with the four beside it, zeros beyond the border */
static void mix_local(const struct model *m, const struct layer *l, const struct room *room, int height, int width) {
    size_t size = m->hidden / PAIR;
    for (int from = 0; from < height * width; from += CHUNK) {
        int to = height * width - from < CHUNK ? height * width : from + CHUNK;
        op *out = room->b;
        for (int cell = from; cell < to; cell++) {
            int y = cell / width, x = cell % width;
            int away[] = {0, -width, width, -1, 1}, inside[] = {1, y > 0, y < height - 1, x > 0, x < width - 1};
            for (int side = 0; side < 5; side++, out += size) {
                if (inside[side])
                    memcpy(out, room->a + (cell + away[side]) * size, size * sizeof *out);
                else
                    memset(out, 0, size * sizeof *out);
            }
        }
        product(&l->mix_out, room->b, to - from, room->y + (size_t)from * m->hidden);
    }
}

/* SwiGLU over channels with the norm behind it, some rows at a time, so that what is between stays near */
static void feed(const struct model *m, const struct layer *l, float *s, const struct room *room, int cells) {
    for (int from = 0; from < cells; from += CHUNK) {
        int rows = cells - from < CHUNK ? cells - from : CHUNK;
        op *a = room->a + (size_t)from * m->hidden / PAIR;
        product(&l->gate_up, a, rows, room->wide);
        for (int r = 0; r < rows; r++) {
            float *gate = room->wide + (size_t)r * 2 * m->inner, *up = gate + m->inner;
            for (int c = 0; c < m->inner; c += HEAD) {
                head g = *(head *)(gate + c);
                *(head *)(gate + c) = g * *(const head *)(up + c) * inverse(1 + exponential(-g));
            }
            to_ops(gate, room->b + (size_t)r * m->inner / PAIR, m->inner);
        }
        product(&l->down, room->b, rows, room->y);
        settle(s + (size_t)from * m->hidden, room->y, a, rows, m->hidden, m->eps);
    }
}

/* s = L(s): all layers, in place; leaves s as an input of products in room->a */
static void reason(const struct model *m, float *s, const struct room *room, int height, int width) {
    int cells = height * width;
    to_ops(s, room->a, (size_t)cells * m->hidden);
    for (const struct layer *l = m->layer; l < m->layer + m->layers; l++) {
        if (m->units)
            mix_units(m, l, room, cells);
        else
            mix_local(m, l, room, height, width);
        settle(s, room->y, room->a, cells, m->hidden, m->eps);
        feed(m, l, s, room, cells);
    }
}

/* the likeliest symbol of each cell and the two halting logits, of z_H and of what `reason` left in room->a */
static void answer(const struct model *m, const float *z, const struct room *room, int cells, uint8_t *answers, float *q) {
    int hidden = m->hidden, positions = m->first ? 1 : cells;
    float sum[2] = {0};
    for (int r = 0; r < positions; r++)
        for (int i = 0; i < 2; i++)
            for (int c = 0; c < hidden; c++) sum[i] += m->q_weight[i * hidden + c] * z[(size_t)r * hidden + c];
    for (int i = 0; i < 2; i++) q[i] = sum[i] / positions + m->q_bias[i];
    for (int from = 0; from < cells; from += CHUNK) {
        int rows = cells - from < CHUNK ? cells - from : CHUNK;
        product(&m->lm_head, room->a + (size_t)from * hidden / PAIR, rows, room->wide);
        for (int r = 0; r < rows; r++) {
            const float *logit = room->wide + (size_t)r * m->lm_head.panels * LANES;
            int best = 0;
            for (int v = 1; v < m->vocab; v++) best = logit[v] > logit[best] ? v : best;
            answers[from + r] = best;
        }
    }
}

static size_t larger(size_t one, size_t other) { return one > other ? one : other; }

static size_t widest(const struct model *m) { return larger(m->units ? 3 * m->hidden : 0, larger(2 * m->inner, m->lm_head.panels * LANES)); }

static size_t rows_at_once(const struct model *m, size_t cells) { return m->units || cells < CHUNK ? cells : CHUNK; }

/* floats that `trm_step` needs for its `space` */
size_t trm_space(const struct model *m, int cells) {
    return 2 * (size_t)cells * m->hidden + rows_at_once(m, cells) * (widest(m) + larger(m->inner, 5 * m->hidden));
}

/* One step of `count` slots, which are rows of tokens (slots, cells), z_H and z_L (slots, cells, hidden), both changed in place.
   answers (count, cells), q (count, 2). Returns -1, or else a slot of which a token is not in the vocabulary; then nothing has changed. */
int trm_step(const struct model *m, int count, const int32_t *slots, int height, int width, const uint8_t *tokens, float *z_H, float *z_L, uint8_t *answers,
             float *q, float *space) {
    int cells = height * width, hidden = m->hidden;
    size_t flat = (size_t)cells * hidden;
    struct room room = {.y = space, .wide = space + flat, .a = (op *)(space + flat + rows_at_once(m, cells) * widest(m))};
    room.b = room.a + flat;
    for (int i = 0; i < count; i++)
        for (int cell = 0; cell < cells; cell++)
            if (tokens[(size_t)slots[i] * cells + cell] >= m->vocab) return slots[i];
    for (int i = 0; i < count; i++) {
        const uint8_t *token = tokens + (size_t)slots[i] * cells;
        float *H = z_H + slots[i] * flat, *L = z_L + slots[i] * flat;
        for (int cycle = 0; cycle < m->H_cycles; cycle++) {
            for (int refinement = 0; refinement < m->L_cycles; refinement++) {
                for (int cell = 0; cell < cells; cell++)
                    for (int c = 0; c < hidden; c++) L[cell * hidden + c] += H[cell * hidden + c] + m->embedding[token[cell] * hidden + c];
                reason(m, L, &room, height, width);
            }
            for (size_t c = 0; c < flat; c++) H[c] += L[c];
            reason(m, H, &room, height, width);
        }
        answer(m, H, &room, cells, answers + (size_t)i * cells, q + 2 * (size_t)i);
    }
    done();
    return -1;
}

static int copy(void *to, const void *from, size_t size) { /* to is the address of a pointer */
    void *copied = malloc(size);
    if (copied) memcpy(copied, from, size);
    *(void **)to = copied;
    return copied != NULL;
}

/* A model for the life of the process, or NULL without the memory for it. `sizes` are hidden, inner, vocab, layers, H_cycles, L_cycles, heads, side, and
   whether the halting head reads the first position alone. `weights`: embedding, lm_head, q_head and its bias, then of each layer mix_in (with `units`
   only), mix_out, gate_up and down, each (outputs, inputs). */
struct model *trm_make(const int32_t *sizes, float eps, const int32_t *units, const float *const *weights) {
    struct model *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    _Static_assert(offsetof(struct model, eps) == 9 * sizeof *sizes, "sizes are the first fields");
    memcpy(m, sizes, 9 * sizeof *sizes);
    m->eps = eps;
    int hidden = m->hidden, fine = !units || copy(&m->units, units, 3 * m->side * m->side * sizeof *units);
    fine &= copy(&m->embedding, weights[0], (size_t)m->vocab * hidden * sizeof(float)) && pack(&m->lm_head, weights[1], m->vocab, hidden);
    fine &= copy(&m->q_weight, weights[2], 2 * hidden * sizeof(float)) && copy(&m->q_bias, weights[3], 2 * sizeof(float));
    m->layer = calloc(m->layers, sizeof *m->layer);
    weights += 4;
    for (struct layer *l = m->layer; l && l < m->layer + m->layers; l++) {
        if (units) fine &= pack(&l->mix_in, *weights++, 3 * hidden, hidden);
        fine &= pack(&l->mix_out, *weights++, hidden, units ? hidden : 5 * hidden);
        fine &= pack(&l->gate_up, *weights++, 2 * m->inner, hidden);
        fine &= pack(&l->down, *weights++, hidden, m->inner);
    }
    return fine && m->layer ? m : NULL;
}
