/* Sixteen floats at a time: what a step does besides its products. Knows no model. */

enum { HEAD = 16 };

typedef float head __attribute__((vector_size(HEAD * 4), aligned(4)));

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

/* x (rows, cols) turned: out (cols, rows up to sixteens), of which the first `most` rows are written, with zeros where x has no row. cols in sixteens */
static void turned(const float *x, int rows, int cols, size_t ldx, float *out, int most, size_t ldo) {
    for (int r = 0; r < rows; r += HEAD)
        for (int c = 0; c < cols && c < most; c += HEAD) {
            head block[HEAD] = {0};
            for (int i = 0; i < HEAD && r + i < rows; i++) block[i] = *(const head *)(x + (r + i) * ldx + c);
            turn(block);
            for (int i = 0; i < HEAD && c + i < most; i++) *(head *)(out + (c + i) * ldo + r) = block[i];
        }
}
