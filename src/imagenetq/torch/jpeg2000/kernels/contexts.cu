// From coefficients to the arithmetic coder's decisions, pass by pass: a warp a code block, a lane
// two columns, a column a 64-bit mask of its rows.
//
// Only the significance pass depends on itself: a coefficient is visited if a neighbour was
// significant before, or became so earlier in this pass. That is iterated until nothing changes.
// All contexts then follow from two masks, before and after the pass: of a neighbour that is
// scanned earlier the later state counts, of one that is scanned later the earlier state.

#include "common.cuh"

#define WARPS 4
#define RUN 17
#define UNIFORM 18
#define MAGNITUDE 14

struct Column {
    u64 before, after;          // significant before and after the pass
    u64 coded;                  // decided in this pass
    u64 bits, negative, refined;
};

// A column and its neighbours' masks.
struct Surroundings {
    u64 left_before, left_after, left_negative, right_before, right_after, right_negative;
};

// Decisions of one column of a stripe: counted, or written.
template <int KIND, bool WRITE>
__device__ __forceinline__ int decisions(u8 *out, int stripe, bool is_whole, const Column &c,
                                         const Surroundings &s, const u8 *zero_coding, const u8 *sign_coding) {
    int coded = (int)(c.coded >> 4 * stripe) & 15, bits = (int)(c.bits >> 4 * stripe) & 15;
    if (!coded) return 0;
    if (KIND == REFINEMENT && !WRITE) return __popc(coded);
    int left, right, above = window(c.after, stripe), below;
    if (KIND == REFINEMENT) {
        left = window(s.left_after, stripe), right = window(s.right_after, stripe), below = above;
    } else {
        // The left column has been scanned but for the next stripe; of the right one, the last stripe.
        left = (window(s.left_after, stripe) & 31) | (window(s.left_before, stripe) & 32);
        right = (window(s.right_after, stripe) & 1) | (window(s.right_before, stripe) & 62);
        below = window(c.before, stripe);
    }
    int row = 0, n = 0;
    bool is_run = KIND == CLEANUP && is_whole && !(left | right | (above & 1) | (below & 62));
    if (is_run) {
        if (WRITE) out[0] = RUN << 1 | (bits != 0);
        if (!bits) return 1;
        row = __ffs(bits) - 1;
        n = 3;
        if (WRITE) {
            out[1] = UNIFORM << 1 | row >> 1;
            out[2] = UNIFORM << 1 | (row & 1);
        } else {
            int rest = coded >> (row + 1) << (row + 1);
            return 4 + __popc(rest) + __popc(rest & bits);
        }
    } else if (!WRITE) {
        return __popc(coded) + __popc(coded & bits);
    }
    int left_sign = window(s.left_negative, stripe), right_sign = window(s.right_negative, stripe);
    int sign = window(c.negative, stripe);
    int refined = KIND == REFINEMENT ? (int)(c.refined >> 4 * stripe) & 15 : 0;
    for (; row < 4; row++) {
        if (!(coded >> row & 1)) continue;
        int near = neighbours(left, above, below, right, row), bit = bits >> row & 1;
        if (KIND == REFINEMENT) {
            out[n++] = (MAGNITUDE + (refined >> row & 1 ? 2 : near != 0)) << 1 | bit;
            continue;
        }
        if (!is_run) out[n++] = zero_coding[near] << 1 | bit;
        is_run = false;
        if (!bit) continue;
        int entry = sign_coding[sign_index(left, above, below, right, left_sign, sign, right_sign, row)];
        out[n++] = (entry & 127) << 1 | ((sign >> (row + 1) & 1) ^ entry >> 7);
    }
    return n;
}

// Writes a pass's decisions from out[at] on; gives where they end.
template <int KIND>
__device__ int write_pass(u8 *out, int at, int height, const Column &a, const Column &b,
                          const u8 *zero_coding, const u8 *sign_coding) {
    int lane = threadIdx.x & 31;
    Surroundings of_a = {from_left(b.before), from_left(b.after), from_left(b.negative),
                         b.before, b.after, b.negative};
    Surroundings of_b = {a.before, a.after, a.negative,
                         from_right(a.before), from_right(a.after), from_right(a.negative)};
    for (int stripe = 0; 4 * stripe < height; stripe++) {
        bool is_whole = 4 * stripe + 3 < height;
        int mine = decisions<KIND, false>(out, stripe, is_whole, a, of_a, zero_coding, sign_coding) +
                   decisions<KIND, false>(out, stripe, is_whole, b, of_b, zero_coding, sign_coding);
        if (!__any_sync(ALL_LANES, mine)) continue;
        int sum = mine;
        for (int distance = 1; distance < 32; distance <<= 1) {
            int other = __shfl_up_sync(ALL_LANES, sum, distance);
            if (lane >= distance) sum += other;
        }
        u8 *to = out + at + sum - mine;
        to += decisions<KIND, true>(to, stripe, is_whole, a, of_a, zero_coding, sign_coding);
        decisions<KIND, true>(to, stripe, is_whole, b, of_b, zero_coding, sign_coding);
        at += __shfl_sync(ALL_LANES, sum, 31);
    }
    return at;
}

__device__ __forceinline__ int warp_sum(int value) {
    for (int distance = 16; distance; distance >>= 1) value += __shfl_xor_sync(ALL_LANES, value, distance);
    return value;
}

// By how much refining lowers the squared error, in units of 2^-6 of the plane's square.
__device__ __forceinline__ int refined_units(int magnitude, int plane) {
    if (!(magnitude >> (plane + 1))) return 0;
    int fraction = (magnitude << 6 >> plane) & 127;
    if (plane == 0) return fraction ? 0 : 64;
    return max(fraction < 64 ? 48 - fraction : fraction - 80, 0);
}

// The same of coefficients that become significant, whose highest bit is this plane's.
__device__ __forceinline__ int found_units(u64 rows, const u32 *magnitudes, int shift, int plane) {
    int sum = 0;
    while (rows) {
        int row = __ffsll(rows) - 1;
        rows &= rows - 1;
        int magnitude = magnitudes[row * 32] >> shift & 0xffff;
        sum += plane ? 3 * (magnitude << 6 >> plane) - 144 : 64;
    }
    return sum;
}

// Which coefficients a significance pass visits, and which of them it finds; two columns a lane.
struct Visit {
    u64 visited_a, visited_b, new_a, new_b;
};

__device__ Visit significance_pass(u64 known_a, u64 known_b, u64 free_a, u64 free_b, u64 bits_a, u64 bits_b) {
    u64 near_a = above_and_below(known_a) | beside(from_left(known_b)) | beside(known_b);
    u64 near_b = above_and_below(known_b) | beside(known_a) | beside(from_right(known_a));
    Visit v = {};
    for (bool is_changed = true; is_changed;) {
        u64 new_left = from_left(v.new_b), new_right = from_right(v.new_a);
        v.visited_a = free_a & (near_a | v.new_a << 1 | after_left(new_left) | after_right(v.new_b));
        u64 new_a = v.visited_a & bits_a;
        v.visited_b = free_b & (near_b | v.new_b << 1 | after_left(new_a) | after_right(new_right));
        u64 new_b = v.visited_b & bits_b;
        is_changed = __any_sync(ALL_LANES, new_a != v.new_a || new_b != v.new_b);
        v.new_a = new_a, v.new_b = new_b;
    }
    return v;
}

extern "C" __global__ void __launch_bounds__(32 * WARPS)
contexts(const __grid_constant__ Group g) {
    // Of a lane's two columns, packed: the even one in the lower half.
    __shared__ u32 all_magnitudes[WARPS][64 * 32];
    __shared__ u8 tables[5 * 256];
    for (int i = threadIdx.x; i < 5 * 256; i += blockDim.x) tables[i] = g.contexts[i];
    __syncthreads();
    int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, index = blockIdx.x * WARPS + warp;
    if (index >= g.n_blocks) return;
    Block block = g.blocks[index];
    Image image = g.images[block.image];
    const s16 *in = g.coefficients + 3 * image.pixel + block.component * area(image) +
                    (i64)block.y * image.width + block.x;
    u32 *magnitudes = all_magnitudes[warp] + lane, all = 0;
    Column a = {}, b = {};
    int column_a = 2 * lane, column_b = column_a + 1;
    for (int row = 0; row < 64; row++) {
        u32 both = 0;
        if (row < block.height) {
            const s16 *line = in + (i64)row * image.width;
            int value_a = column_a < block.width ? line[column_a] : 0;
            int value_b = column_b < block.width ? line[column_b] : 0;
            a.negative |= (u64)(value_a < 0) << row;
            b.negative |= (u64)(value_b < 0) << row;
            both = abs(value_a) | abs(value_b) << 16;
        }
        magnitudes[row * 32] = both;
        all |= both;
    }
    all = __reduce_or_sync(ALL_LANES, (all | all >> 16) & 0xffff);
    int planes = 32 - __clz(all), at = 0, pass = 0;
    if (planes > MOST_PLANES) {
        if (lane == 0) atomicOr(g.status + 1, TOO_MANY_PLANES);
        planes = 0;
    }
    u8 *out = g.symbols + SYMBOL_ROOM * block.start;
    int *ends = g.ends + index * MOST_PASSES, *units = g.units + index * MOST_PASSES;
    const u8 *zero_coding = tables + 256 * block.band, *sign_coding = tables + 4 * 256;
    u64 rows = block.height == 64 ? ~0ull : (1ull << block.height) - 1;
    u64 valid_a = column_a < block.width ? rows : 0, valid_b = column_b < block.width ? rows : 0;
    u64 known_a = 0, known_b = 0, early_a = 0, early_b = 0;
    for (int plane = planes - 1; plane >= 0; plane--) {
        u32 halves[4] = {0, 0, 0, 0};
        int refined = 0;
#pragma unroll 8
        for (int row = 0; row < 32; row++) {
            u32 upper = magnitudes[row * 32], lower = magnitudes[(row + 32) * 32];
            halves[0] |= (upper >> plane & 1) << row;
            halves[1] |= (lower >> plane & 1) << row;
            halves[2] |= (upper >> (16 + plane) & 1) << row;
            halves[3] |= (lower >> (16 + plane) & 1) << row;
            refined += refined_units(upper & 0xffff, plane) + refined_units(upper >> 16, plane);
            refined += refined_units(lower & 0xffff, plane) + refined_units(lower >> 16, plane);
        }
        a.bits = halves[0] | (u64)halves[1] << 32;
        b.bits = halves[2] | (u64)halves[3] << 32;
        Visit v = {};
        if (plane < planes - 1) {
            v = significance_pass(known_a, known_b, valid_a & ~known_a, valid_b & ~known_b, a.bits, b.bits);
            early_a |= v.new_a, early_b |= v.new_b;
            a.before = known_a, a.after = known_a | v.new_a, a.coded = v.visited_a;
            b.before = known_b, b.after = known_b | v.new_b, b.coded = v.visited_b;
            at = write_pass<SIGNIFICANCE>(out, at, block.height, a, b, zero_coding, sign_coding);
            int found = warp_sum(found_units(v.new_a, magnitudes, 0, plane) +
                                 found_units(v.new_b, magnitudes, 16, plane));
            if (lane == 0) ends[pass] = at, units[pass] = found;
            pass++;
            a.before = a.after, a.coded = known_a;
            b.before = b.after, b.coded = known_b;
            at = write_pass<REFINEMENT>(out, at, block.height, a, b, zero_coding, sign_coding);
            refined = warp_sum(refined);
            if (lane == 0) ends[pass] = at, units[pass] = refined;
            pass++;
        }
        a.before = known_a | v.new_a, a.coded = valid_a & ~(a.before | v.visited_a);
        b.before = known_b | v.new_b, b.coded = valid_b & ~(b.before | v.visited_b);
        u64 late_a = a.bits & a.coded, late_b = b.bits & b.coded;
        a.after = a.before | late_a, b.after = b.before | late_b;
        at = write_pass<CLEANUP>(out, at, block.height, a, b, zero_coding, sign_coding);
        int found = warp_sum(found_units(late_a, magnitudes, 0, plane) +
                             found_units(late_b, magnitudes, 16, plane));
        if (lane == 0) ends[pass] = at, units[pass] = found;
        pass++;
        // What was significant before this plane has been refined once the next one begins.
        a.refined = known_a, b.refined = known_b;
        known_a = a.after, known_b = b.after;
    }
    g.early[(i64)index * 64 + column_a] = early_a;
    g.early[(i64)index * 64 + column_b] = early_b;
    if (lane == 0) g.planes[index] = planes, g.lengths[index] = at;
}
