/* The rules of Sudoku for the answers of a step, while they are in the caches. Knows grids of tokens; no model. `puzzles/sudoku.py` says what the rules are. */

#include <stdint.h>

/* How many rules each of `count` answers (count, cells) breaks: units without all of their digits, and givens overwritten of the questions (slots, cells),
   which are the rows that `slots` names. `units` are the cells of each unit, (all, side); a digit's token is its value + blank. broken (count). */
void trm_judge(int count, const int32_t *slots, int cells, int all, int side, int blank, const int32_t *units, const uint8_t *questions,
               const uint8_t *answers, int32_t *broken) {
    uint32_t digits = ((1u << side) - 1) << (blank + 1);
    for (int i = 0; i < count; i++, answers += cells) {
        const uint8_t *question = questions + (long)slots[i] * cells;
        uint32_t bits[256];
        int wrong = 0;
        for (int c = 0; c < cells; c++) {
            wrong += question[c] != blank && question[c] != answers[c];
            bits[c] = answers[c] < 32 ? 1u << answers[c] : 0;
        }
        for (const int32_t *unit = units; unit < units + all * side; unit += side) {
            uint32_t held = 0;
            for (int place = 0; place < side; place++) held |= bits[unit[place]];
            wrong += (held & digits) != digits;
        }
        broken[i] = wrong;
    }
}
