/* A model's weights and the room that its step takes. Knows sizes only. */

enum mixer { UNITS, LOCAL, ATTENTION, MLP };

enum { CHUNK = 128 }; /* rows at once of what is several times as wide as a state, so that it stays near */

struct swiglu { /* over `count` channels, in sixteens `width` */
    struct dense gate_up, down;
    int count, width, inner;
};

struct layer {
    struct dense mix_in, mix_out;
    struct swiglu positions, channels;
};

struct model { /* the first fields as Python gives them */
    int hidden, inner, vocab, layers, H_cycles, L_cycles, heads, side, first, mixer, prefix, positions, inner_positions, normed;
    float eps, *embedding, *q_weight, *q_bias, *H_init, *L_init;
    int32_t *units;        /* cells of each row, column and box, (3, side, side), of mixer `units` */
    float *learned, *rope; /* positions (positions, hidden), and cosines and sines (2, positions, channels of a head), where there are such */
    struct dense lm_head;
    struct layer *layer;
};

struct room { /* what a step needs besides, for n positions */
    float *y, *wide;     /* (n, hidden), and (rows, widest) where `rows` are all or those of a chunk */
    op *a, *b;           /* inputs of products (n, hidden) and (rows, widest input) */
    float *turned;       /* `mlp`: a state (hidden, n in sixteens) */
    op *query;           /* `attention`, of one head: queries (n, channels), */
    float *keys, *mixed; /* keys (channels, n in sixteens), and what comes out for a chunk (rows, channels) */
    struct dense key, value;
};

static inline size_t larger(size_t one, size_t other) { return one > other ? one : other; }

/* rows at once of so many, dealt out evenly */
static inline int share(int rows) {
    int parts = (rows + CHUNK - 1) / CHUNK;
    return (rows + parts - 1) / parts;
}

static inline void *taken(float **at, size_t floats) {
    void *here = *at;
    *at += (floats + 15) / 16 * 16;
    return here;
}

/* lays a room out from `at` on; returns where it ends */
static float *furnish(const struct model *m, int n, struct room *room, float *at) {
    int mlp = m->mixer == MLP, attention = m->mixer == ATTENTION, d = m->hidden / m->heads;
    int rows = mlp ? larger(share(n), share(m->hidden)) : (size_t)share(n);
    size_t flat = (size_t)n * m->hidden, mixing = (size_t)up(n) * (attention || m->mixer == UNITS ? 3 * m->hidden : 0);
    size_t wide = larger(2 * larger(m->inner, m->inner_positions), larger(m->lm_head.outputs, attention ? up(n) : 0));
    size_t input = larger(larger(m->inner, m->inner_positions), m->mixer == LOCAL ? 5 * m->hidden : attention ? up(n) : 0);
    size_t turned = mlp ? (size_t)m->hidden * up(n) : 0;
    room->y = taken(&at, larger(flat, turned));
    room->wide = taken(&at, mixing + rows * wide);
    room->a = taken(&at, larger(flat, turned));
    room->b = taken(&at, larger(rows * input, m->mixer == UNITS ? flat : 0));
    room->turned = taken(&at, turned);
    room->key = (struct dense){d, up(n), NULL}, room->value = (struct dense){up(n), d, NULL};
    size_t head = attention ? (size_t)up(n) * d : 0;
    room->query = taken(&at, head), room->keys = taken(&at, head), room->mixed = taken(&at, attention ? (size_t)rows * d : 0);
    room->key.weight = taken(&at, head), room->value.weight = taken(&at, head);
    return at;
}
