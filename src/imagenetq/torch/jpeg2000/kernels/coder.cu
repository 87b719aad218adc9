// The MQ coder (annex C), as OpenJPEG runs it: a thread a code block, over its decisions. Gives
// bytes, and each pass's rate and gain.
//
// Blocks come longest first, so that a warp's threads end together; with few blocks only some lanes
// of each warp work, which diverge less.

#include "common.cuh"

#define THREADS 64
#define N_CONTEXTS 19
#define N_STATES 94
#define FIRST_RUN 17
#define FIRST_UNIFORM 18
#define BYTES_AHEAD 3           // what OpenJPEG grants a pass beyond the last byte put out

struct Coder {
    u32 a, c;                   // the standard's registers
    int room, at;               // shifts until a byte is full; the last byte's index, -1 at first
    u32 last;                   // that byte, which a carry may still change
    u8 *bytes;
    int capacity;

    // Whether a byte is FF is decided here, before later carries.
    __device__ __forceinline__ void put_byte() {
        if (last != 255 && c & 0x8000000) last++, c &= 0x7ffffff;
        int is_stuffed = last == 255, shift = 19 + is_stuffed;
        store();
        at++;
        last = c >> shift;
        c &= (1u << shift) - 1;
        room = 8 - is_stuffed;
    }

    __device__ __forceinline__ void store() {
        if (at >= 0 && at < capacity) bytes[at] = last;
    }

    __device__ __forceinline__ void shift_in(int shift) {
        while (shift >= room) {
            c <<= room;
            shift -= room;
            put_byte();
        }
        c <<= shift;
        room -= shift;
    }

    // C.2.9; gives the codeword's bytes.
    __device__ int flush() {
        u32 top = c + a;
        c |= 0xffff;
        if (c >= top) c -= 0x8000;
        for (int i = 0; i < 2; i++) {
            c <<= room;
            put_byte();
        }
        store();
        return last == 255 ? at : at + 1;
    }
};

// OpenJPEG's order of operations, in double without contraction.
__device__ void write_gains(const Group &g, const Block &block, int index, int planes, int passes) {
    double weight = g.weights[(block.component * 4 + block.band) * 6 + block.level], sum = 0;
    for (int pass = 0; pass < passes; pass++) {
        double step = __dmul_rn(weight, (double)(1 << plane_of(pass, planes)));
        double error = __dmul_rn(step, (double)(g.units[index * MOST_PASSES + pass] * 128));
        sum = __dadd_rn(sum, __dmul_rn(step, __dmul_rn(error, 1.0 / 8192.0)));
        g.gains[(i64)pass * g.n_blocks + index] = sum;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
code(const __grid_constant__ Group g) {
    // State << 16 | less probable symbol's interval; with room for 32 contexts, since the one that is
    // read beyond the last decision may be any.
    __shared__ u32 states[32 * THREADS];
    __shared__ u32 next[2 * N_STATES];  // the same, by state * 2 + is less probable
    const int *intervals = g.mq;
    for (int i = threadIdx.x; i < 2 * N_STATES; i += THREADS) {
        int state = g.mq[(i & 1 ? 2 : 1) * N_STATES + (i >> 1)];
        next[i] = state << 16 | intervals[state];
    }
    u32 *mine = states + threadIdx.x;
    for (int context = 0; context < N_CONTEXTS; context++) {
        int state = 2 * (context == 0 ? 4 : context == FIRST_RUN ? 3 : context == FIRST_UNIFORM ? 46 : 0);
        mine[context * THREADS] = state << 16 | intervals[state];
    }
    __syncthreads();
    int thread = blockIdx.x * THREADS + threadIdx.x;
    if (thread % g.spread || thread / g.spread >= g.n_blocks) return;
    int index = (int)g.order[thread / g.spread];
    Block block = g.blocks[index];
    int planes = g.planes[index], passes = planes ? 3 * planes - 2 : 0;
    g.passes[index] = passes;
    if (!passes) return;
    const int *ends = g.ends + index * MOST_PASSES;
    int capacity = BYTE_ROOM * ((block.width * block.height + 15) / 16 * 16);
    Coder coder = {0x8000, 0, 12, -1, 0, g.bytes + BYTE_ROOM * block.start, capacity};
    // One flat loop: one a pass would make the warp wait for its slowest lane at every pass. The
    // next decision's state is loaded before this one's changes.
    const u64 *stream = (const u64 *)(g.symbols + SYMBOL_ROOM * block.start);
    u64 word = *stream, following = *++stream;
    u32 symbol = (u32)word & 63, *entry = mine + (symbol >> 1) * THREADS, value = *entry;
    int at = 0, pass = 0, end = ends[0];
    while (true) {
        if (at == end) {
            Checkpoint now = {coder.c << 4 | coder.room, coder.a << 8 | coder.last, (u32)coder.at, {0, 0, 0, 0, 0}};
            for (int context = 0; context < N_CONTEXTS; context++)
                now.states[context >> 2] |= (mine[context * THREADS] >> 16) << 8 * (context & 3);
            g.checkpoints[index * MOST_PASSES + pass] = now;
            g.rates[pass * g.n_blocks + index] = coder.at + BYTES_AHEAD;
            if (++pass == passes) break;
            end = ends[pass];
            continue;
        }
        word >>= 8;
        if (!(++at & 7)) word = following, following = *++stream;
        u32 next_symbol = (u32)word & 63, *next_entry = mine + (next_symbol >> 1) * THREADS;
        u32 next_value = *next_entry;
        u32 q = value & 0xffff, state = value >> 16;
        bool is_less_probable = (state ^ symbol) & 1;
        coder.a -= q;
        // The larger part is the more probable symbol's, even if q is the larger.
        bool takes_q = is_less_probable != (coder.a < q);
        coder.c += takes_q ? 0 : q;
        coder.a = takes_q ? q : coder.a;
        if (!(coder.a & 0x8000)) {
            value = next[state << 1 | (u32)is_less_probable];
            *entry = value;
            if (entry == next_entry) next_value = value;
            int shift = __clz(coder.a) - 16;
            coder.a <<= shift;
            coder.shift_in(shift);
        }
        symbol = next_symbol, entry = next_entry, value = next_value;
    }
    int rate = coder.flush();
    if (coder.at >= capacity) {
        atomicOr(g.status + 1, TOO_MANY_BYTES);
        g.passes[index] = 0;
        return;
    }
    g.rates[(passes - 1) * g.n_blocks + index] = rate;
    // No pass takes more than a later one, and none ends in FF.
    for (pass = passes - 1; pass >= 0; pass--) {
        rate = min(rate, g.rates[pass * g.n_blocks + index]);
        g.rates[pass * g.n_blocks + index] = rate - (coder.bytes[rate - 1] == 255);
    }
    write_gains(g, block, index, planes, passes);
}
