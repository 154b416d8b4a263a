/* What joins positions: attention inside a Sudoku's units, or over everything, and a maze's neighbours. From room->a, a state as an input of products,
   to room->y. Knows one layer of one puzzle. */

enum { SIDE = 16 };

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
    for (int from = 0, rows = share(height * width); from < height * width; from += rows) {
        int to = height * width - from < rows ? height * width : from + rows;
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

/* channels (of a head) of some positions, turned by their places */
static void rotate(const struct model *m, const float *x, int place, float *out) {
    int d = m->hidden / m->heads, half = d / 2;
    if (!m->rope) {
        memcpy(out, x, d * sizeof *x);
        return;
    }
    const float *cosine = m->rope + (size_t)place * d, *sine = cosine + (size_t)m->positions * d;
    for (int c = 0; c < half; c++) {
        out[c] = x[c] * cosine[c] - x[c + half] * sine[c];
        out[c + half] = x[c + half] * cosine[c + half] + x[c] * sine[c + half];
    }
}

/* queries, keys and values of one head, as products take them. qkv (n up to sixteens, 3 hidden) begins at the head's channels */
static void look(const struct model *m, const float *qkv, const struct room *room, int n) {
    int d = m->hidden / m->heads, hidden = m->hidden;
    float rows[16 * d], scale = 1 / sqrtf(d);
    for (int from = 0; from < n; from += 16) {
        int some = n - from < 16 ? n - from : 16;
        for (int r = 0; r < some; r++) {
            rotate(m, qkv + (size_t)(from + r) * 3 * hidden, from + r, rows);
            for (int c = 0; c < d; c++) rows[c] *= scale;
            to_ops(rows, room->query + (size_t)(from + r) * d / PAIR, d);
        }
        for (int r = 0; r < some; r++) rotate(m, qkv + (size_t)(from + r) * 3 * hidden + hidden, from + r, rows + r * d);
        turned(rows, some, d, d, room->keys + from, d, up(n));
    }
    lay(&room->key, room->keys, up(n));
    lay(&room->value, qkv + 2 * hidden, 3 * hidden);
}

/* weights of a softmax over the first n of x, not divided by their sum, with zeros up to sixteens; returns what they are to be multiplied by */
static float softmax(float *x, int n) {
    head most = {0}, sum = {0};
    for (int c = n; c < up(n); c++) x[c] = x[0];
    for (int c = 0; c < n; c += HEAD) most = c ? most_of(most, *(const head *)(x + c)) : *(const head *)x;
    float peak = most[0], total = 0;
    for (int i = 1; i < HEAD; i++) peak = most[i] > peak ? most[i] : peak;
    for (int c = 0; c < n; c += HEAD) *(head *)(x + c) = exponential(*(const head *)(x + c) - peak);
    for (int c = n; c < up(n); c++) x[c] = 0;
    for (int c = 0; c < n; c += HEAD) sum += *(const head *)(x + c);
    for (int i = 0; i < HEAD; i++) total += sum[i];
    return 1 / total;
}

/* mixer `attention`: every position sees all n */
static void mix_attention(const struct model *m, const struct layer *l, const struct room *room, int n) {
    int d = m->hidden / m->heads, hidden = m->hidden, most = share(n);
    float *qkv = room->wide, *score = qkv + (size_t)up(n) * 3 * hidden, scale[most];
    product(&l->mix_in, room->a, n, qkv);
    memset(qkv + (size_t)n * 3 * hidden, 0, (size_t)(up(n) - n) * 3 * hidden * sizeof *qkv); /* which have no weight, but must be numbers */
    for (int at = 0; at < hidden; at += d) {
        look(m, qkv + at, room, n);
        for (int from = 0; from < n; from += most) {
            int rows = n - from < most ? n - from : most;
            product(&room->key, room->query + (size_t)from * d / PAIR, rows, score);
            for (int r = 0; r < rows; r++) {
                scale[r] = softmax(score + (size_t)r * up(n), n);
                to_ops(score + (size_t)r * up(n), room->b + (size_t)r * up(n) / PAIR, up(n));
            }
            product(&room->value, room->b, rows, room->mixed);
            for (int r = 0; r < rows; r++) {
                float *mixed = room->mixed + (size_t)r * d;
                for (int c = 0; c < d; c++) mixed[c] *= scale[r];
                to_ops(mixed, room->a + ((size_t)(from + r) * hidden + at) / PAIR, d);
            }
        }
    }
    product(&l->mix_out, room->a, n, room->y);
}
