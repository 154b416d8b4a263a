/* The linear maps of a step, in the way that the build's instructions multiply fastest: with float32 vectors, with vectors of pairs in bfloat16, or with
   tiles of them (AMX). In bfloat16 the inputs of products are rounded and their sums are of float32, as on a GPU.

   Knows matrices; no model. Inputs and outputs are in sixteens. */

#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __AVX512F__
enum { LANES = 16 };
#else
enum { LANES = 8 };
#endif

#ifdef __AMX_BF16__
enum { COLS = 1 }; /* a tile of weights is of one vector's outputs */
#elif defined __AVX512F__
enum { ROWS = 4, COLS = 6 }; /* 24 sums, 6 weights and an input fill 32 registers */
#else
enum { ROWS = 4, COLS = 3 }; /* 12, 3 and 1 of 16 */
#endif

typedef float vec __attribute__((vector_size(LANES * 4), aligned(4)));
#ifdef __AVX512BF16__
typedef uint32_t op; /* an input of products: two neighbouring channels in bfloat16, which one instruction multiplies and adds */
enum { PAIR = 2 };
#else
typedef float op;
enum { PAIR = 1 };
#endif

struct dense { /* a linear map, its weights in the order in which `product` reads them; inputs and outputs in sixteens */
    int inputs, outputs;
    op *weight;
};

#ifdef __AVX512BF16__
static inline void to_ops(const float *x, op *out, size_t count) { /* count in sixteens */
    for (size_t i = 0; i < count; i += 16) _mm256_storeu_si256((__m256i *)(out + i / PAIR), (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(x + i)));
}
#else
static inline void to_ops(const float *x, op *out, size_t count) { memcpy(out, x, count * sizeof *x); }
#endif

static inline int up(int count) { return (count + 15) / 16 * 16; }

static inline size_t size_of(const struct dense *d) { return (size_t)d->inputs * d->outputs / PAIR; } /* in ops */

/* the weights of a map, x (inputs, outputs) with rows `ld` floats apart, in the order of `product`: panels of COLS vectors, or what is left, of all steps */
static void lay(const struct dense *d, const float *x, size_t ld) {
    op *out = d->weight;
    for (int at = 0; at < d->outputs; at += COLS * LANES)
        for (int k = 0; k < d->inputs; k += PAIR)
            for (int row = at; row < d->outputs && row < at + COLS * LANES; row += LANES, out += LANES) {
                const float *from = x + k * ld + row;
#ifdef __AVX512BF16__
                __m512i even = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(from)));
                __m512i odd = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(from + ld)));
                _mm512_storeu_si512(out, _mm512_or_si512(even, _mm512_slli_epi32(odd, 16)));
#else
                *(vec *)out = *(const vec *)from;
#endif
            }
}

/* a map of its own with weights (outputs, inputs), and zeros up to whole sixteens */
static int pack(struct dense *d, const float *weight, int outputs, int inputs) {
    d->inputs = up(inputs), d->outputs = up(outputs);
    float *flat = calloc((size_t)d->inputs * d->outputs, sizeof *flat);
    d->weight = aligned_alloc(64, (size_of(d) * sizeof(op) + 63) / 64 * 64);
    if (flat && d->weight) {
        for (int k = 0; k < inputs; k++)
            for (int row = 0; row < outputs; row++) flat[(size_t)k * d->outputs + row] = weight[(size_t)row * inputs + k];
        lay(d, flat, d->outputs);
    }
    free(flat);
    return flat && d->weight;
}

#ifdef __AMX_BF16__
enum { MOST = 16 }; /* rows of a tile, of 64 bytes each */

struct __attribute__((packed)) shapes { /* of the eight tiles, as the CPU reads them */
    uint8_t palette, start, none[14];
    uint16_t bytes[16];
    uint8_t rows[16];
};

/* tiles 0 to 3 are sums, 4 and 5 inputs (rows, pairs), 6 and 7 weights (pairs, LANES) */
static inline void shape_tiles(int rows, int pairs) {
    struct shapes s = {.palette = 1};
    for (int i = 0; i < 8; i++) s.rows[i] = i < 6 ? rows : pairs, s.bytes[i] = i == 4 || i == 5 ? pairs * sizeof(op) : 64;
    __asm__ volatile("" : : "r"(&s) : "memory"); /* of which the instructions say less to the compiler than they read */
    _tile_loadconfig(&s);
}

/* two tiles of rows, or one, times two panels of weights, or one */
static inline __attribute__((always_inline)) void tile(const op *a0, const op *a1, int steps, int pairs, const op *w, float *c0, float *c1, size_t ldc,
                                                       const int rows, const int cols) {
    size_t panel = (size_t)steps * LANES;
    _tile_zero(0);
    if (cols > 1) _tile_zero(1);
    if (rows > 1) _tile_zero(2);
    if (rows > 1 && cols > 1) _tile_zero(3);
    for (int k = 0; k < steps; k += pairs) {
        _tile_loadd(4, a0 + k, steps * sizeof(op));
        _tile_loadd(6, w + k * LANES, 64);
        _tile_dpbf16ps(0, 4, 6);
        if (cols > 1) {
            _tile_loadd(7, w + panel + k * LANES, 64);
            _tile_dpbf16ps(1, 4, 7);
        }
        if (rows > 1) {
            _tile_loadd(5, a1 + k, steps * sizeof(op));
            _tile_dpbf16ps(2, 5, 6);
        }
        if (rows > 1 && cols > 1) _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c0, ldc * sizeof *c0);
    if (cols > 1) _tile_stored(1, c0 + LANES, ldc * sizeof *c0);
    if (rows > 1) _tile_stored(2, c1, ldc * sizeof *c0);
    if (rows > 1 && cols > 1) _tile_stored(3, c1 + LANES, ldc * sizeof *c0);
}

/* c (rows, outputs) = a (rows, inputs) times the weights. Rows are dealt out evenly, since a tile takes as long as it has rows; the
   last one begins before the end of the one before where they do not come out even. */
static __attribute__((noinline)) void product(const struct dense *d, const op *a, int rows, float *c) {
    int steps = d->inputs / PAIR, parts = (steps + MOST - 1) / MOST, tiles = (rows + MOST - 1) / MOST, high = (rows + tiles - 1) / tiles;
    while (steps % parts) parts++;
    int panels = d->outputs / LANES;
    size_t ldc = d->outputs;
    shape_tiles(high, steps / parts);
    for (int at = 0; at < panels; at += 2) {
        const op *w = d->weight + (size_t)at * steps * LANES;
        for (int t = 0; t < tiles; t += 2) {
            int i = t + 1 < tiles ? t * high : rows - high, j = t + 2 < tiles ? (t + 1) * high : rows - high;
            const op *a0 = a + (size_t)i * steps, *a1 = a + (size_t)j * steps;
            float *c0 = c + i * ldc + at * LANES, *c1 = c + j * ldc + at * LANES;
            if (at + 1 < panels && i < j)
                tile(a0, a1, steps, steps / parts, w, c0, c1, ldc, 2, 2);
            else if (at + 1 < panels)
                tile(a0, a1, steps, steps / parts, w, c0, c1, ldc, 1, 2);
            else if (i < j)
                tile(a0, a1, steps, steps / parts, w, c0, c1, ldc, 2, 1);
            else
                tile(a0, a1, steps, steps / parts, w, c0, c1, ldc, 1, 1);
        }
    }
}

static void done(void) { _tile_release(); } /* else the kernel would keep 8 KB more of this thread */
#else
#ifdef __AVX512BF16__
static inline vec dot(vec sum, op input, const op *weight) {
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32((int)input), (__m512bh)_mm512_loadu_si512(weight));
}
#else
static inline vec dot(vec sum, op input, const op *weight) { return sum + input * *(const vec *)weight; }
#endif

/* c (rows, cols vectors) = a (rows, steps) times one panel of weights (steps, cols vectors), added to what c is unless this is its first part. Rows of a
   are `lda` apart, of c `ldc`. The compiler unrolls it for each constant rows and cols */
static inline __attribute__((always_inline)) void tile(const op *a, size_t lda, int steps, const op *w, float *c, size_t ldc, int first, const int rows,
                                                       const int cols) {
    vec sum[ROWS][COLS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int j = 0; j < cols; j++) sum[i][j] = first ? (vec){0} : *(vec *)(c + i * ldc + j * LANES);
    for (int k = 0; k < steps; k++, w += cols * LANES)
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
            for (int j = 0; j < cols; j++) sum[i][j] = dot(sum[i][j], a[i * lda + k], w + j * LANES);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int j = 0; j < cols; j++) *(vec *)(c + i * ldc + j * LANES) = sum[i][j];
}

#define PANEL(cols)                                                                                                            \
    static void panel##cols(const op *a, size_t lda, int rows, int steps, const op *w, float *c, size_t ldc, int first) {      \
        int i = 0;                                                                                                             \
        for (; i + ROWS <= rows; i += ROWS) tile(a + i * lda, lda, steps, w, c + i * ldc, ldc, first, ROWS, cols);             \
        for (; i < rows; i++) tile(a + i * lda, lda, steps, w, c + i * ldc, ldc, first, 1, cols);                              \
    }
PANEL(1)
PANEL(2)
PANEL(3)
#ifdef __AVX512F__
PANEL(4)
PANEL(5)
PANEL(6)
#endif

static void (*const PANELS[COLS])(const op *, size_t, int, int, const op *, float *, size_t, int) = {
    panel1, panel2, panel3,
#ifdef __AVX512F__
    panel4, panel5, panel6,
#endif
};

enum { DEEP = 128, PART = 64 }; /* steps of a panel that stay in the nearest cache from one tile to the next; more are taken in parts */

/* c (rows, outputs) = a (rows, inputs) times the weights */
static void product(const struct dense *d, const op *a, int rows, float *c) {
    int steps = d->inputs / PAIR, panels = d->outputs / LANES, part = steps > DEEP ? PART : steps;
    const op *w = d->weight;
    for (int at = 0; at < panels; at += COLS) {
        int cols = panels - at < COLS ? panels - at : COLS;
        for (int k = 0; k < steps; k += part) {
            int now = steps - k < part ? steps - k : part;
            PANELS[cols - 1](a + k, steps, rows, now, w, c + at * LANES, d->outputs, k == 0);
            w += (size_t)now * cols * LANES;
        }
    }
}

static void done(void) {}
#endif
