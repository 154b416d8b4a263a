/* The linear maps of a step, in the way that the build's instructions multiply fastest: with float32 vectors, with vectors of pairs in bfloat16, or with
   tiles of them (AMX). In bfloat16 the inputs of products are rounded and their sums are of float32, as on a GPU.

   Knows matrices; no model. Inputs are in sixteens; outputs are written up to whole vectors. */

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

struct dense { /* a linear map, its weights in the order in which `product` reads them */
    int inputs, panels;
    op *weight;
};

#ifdef __AVX512BF16__
static inline void to_ops(const float *x, op *out, size_t count) { /* count in sixteens */
    for (size_t i = 0; i < count; i += 16) _mm256_storeu_si256((__m256i *)(out + i / PAIR), (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(x + i)));
}
#else
static inline void to_ops(const float *x, op *out, size_t count) { memcpy(out, x, count * sizeof *x); }
#endif

/* weights (outputs, inputs) in the order of `product`: panels of COLS vectors, or what is left, of all steps; rows beyond the outputs are 0 */
static int pack(struct dense *d, const float *weight, int outputs, int inputs) {
    d->inputs = inputs, d->panels = (outputs + LANES - 1) / LANES;
    size_t size = (size_t)d->panels * LANES * inputs;
    float *flat = malloc(size * sizeof *flat), *f = flat;
    d->weight = aligned_alloc(64, (size / PAIR * sizeof(op) + 63) / 64 * 64);
    if (flat && d->weight) {
        for (int at = 0; at < d->panels; at += COLS)
            for (int k = 0; k < inputs; k += PAIR)
                for (int row = at * LANES; row < d->panels * LANES && row < (at + COLS) * LANES; row++)
                    for (int p = 0; p < PAIR; p++) *f++ = row < outputs ? weight[(size_t)row * inputs + k + p] : 0;
        to_ops(flat, d->weight, size);
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

/* c (rows, outputs, up to whole vectors) = a (rows, inputs) times the weights. Rows are dealt out evenly, since a tile takes as long as it has rows; the
   last one begins before the end of the one before where they do not come out even. */
static __attribute__((noinline)) void product(const struct dense *d, const op *a, int rows, float *c) {
    int steps = d->inputs / PAIR, parts = (steps + MOST - 1) / MOST, tiles = (rows + MOST - 1) / MOST, high = (rows + tiles - 1) / tiles;
    while (steps % parts) parts++;
    size_t ldc = (size_t)d->panels * LANES;
    shape_tiles(high, steps / parts);
    for (int at = 0; at < d->panels; at += 2) {
        const op *w = d->weight + (size_t)at * steps * LANES;
        for (int t = 0; t < tiles; t += 2) {
            int i = t + 1 < tiles ? t * high : rows - high, j = t + 2 < tiles ? (t + 1) * high : rows - high;
            const op *a0 = a + (size_t)i * steps, *a1 = a + (size_t)j * steps;
            float *c0 = c + i * ldc + at * LANES, *c1 = c + j * ldc + at * LANES;
            if (at + 1 < d->panels && i < j)
                tile(a0, a1, steps, steps / parts, w, c0, c1, ldc, 2, 2);
            else if (at + 1 < d->panels)
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

/* c (rows, cols vectors) = a (rows, steps) times one panel of weights (steps, cols vectors); the compiler unrolls it for each constant rows and cols */
static inline __attribute__((always_inline)) void tile(const op *a, int steps, const op *w, float *c, size_t ldc, const int rows, const int cols) {
    vec sum[ROWS][COLS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int j = 0; j < cols; j++) sum[i][j] = (vec){0};
    for (int k = 0; k < steps; k++, w += cols * LANES)
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
            for (int j = 0; j < cols; j++) sum[i][j] = dot(sum[i][j], a[(size_t)i * steps + k], w + j * LANES);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int j = 0; j < cols; j++) *(vec *)(c + i * ldc + j * LANES) = sum[i][j];
}

#define PANEL(cols)                                                                                                 \
    static void panel##cols(const op *a, int rows, int steps, const op *w, float *c, size_t ldc) {                  \
        int i = 0;                                                                                                  \
        for (; i + ROWS <= rows; i += ROWS) tile(a + (size_t)i * steps, steps, w, c + i * ldc, ldc, ROWS, cols);    \
        for (; i < rows; i++) tile(a + (size_t)i * steps, steps, w, c + i * ldc, ldc, 1, cols);                     \
    }
PANEL(1)
PANEL(2)
PANEL(3)
#ifdef __AVX512F__
PANEL(4)
PANEL(5)
PANEL(6)
#endif

static void (*const PANELS[COLS])(const op *, int, int, const op *, float *, size_t) = {
    panel1, panel2, panel3,
#ifdef __AVX512F__
    panel4, panel5, panel6,
#endif
};

/* c (rows, outputs, up to whole vectors) = a (rows, inputs) times the weights */
static void product(const struct dense *d, const op *a, int rows, float *c) {
    int steps = d->inputs / PAIR;
    const op *w = d->weight;
    for (int at = 0; at < d->panels; at += COLS) {
        int cols = d->panels - at < COLS ? d->panels - at : COLS;
        PANELS[cols - 1](a, rows, steps, w, c + at * LANES, (size_t)d->panels * LANES);
        w += (size_t)cols * steps * LANES;
    }
}

static void done(void) {}
#endif
