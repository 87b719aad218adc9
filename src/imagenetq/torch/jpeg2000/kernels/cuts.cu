// Cuts that a decoder misreads. The bytes that OpenJPEG grants the passes of a cut are not always
// enough: where the ones that a decoder reads after the end lie above the encoder's interval, it
// takes a wrong turn before the passes end. Such cuts are rare, some five a photograph; these code
// blocks are really decoded, from the last pass after which the decoder was on the encoder's path.

#include "common.cuh"

#define N_CONTEXTS 19
#define N_STATES 94
#define MAGNITUDE 14
#define RUN 17
#define UNIFORM 18

// The standard's decoder over bytes[0 .. end), then ones.
struct Decoder {
    const u8 *bytes;
    int at, end, loaded;
    u32 a, c;

    // The next byte; gives how many bits it brings.
    __device__ int read(int *value) {
        int last = at < 0 ? 0 : at < end ? bytes[at] : 255, next = at + 1 < end ? bytes[at + 1] : 255;
        *value = next;
        if (last == 255 && next > 0x8f) return 8;
        at++;
        return last == 255 ? 7 : 8;
    }

    // Starts where the encoder was; false if a decoder has left its path before.
    __device__ bool start(const Checkpoint &from, const u8 *data, int n_bytes) {
        int room = from.c_room & 15, value, place = 43 - room;
        u32 last = from.a_last & 255;
        bytes = data, at = (int)from.at, end = n_bytes, a = from.a_last >> 8;
        u64 code = (u64)(at < 0 ? 0 : (u8)(bytes[at] - last)) << place;
        while (place > 16) {
            place -= read(&value);
            code += (u64)value << place;
        }
        code -= (u64)(from.c_room >> 4) << 16;
        c = (u32)code;
        loaded = 16 - place;
        return code < (u64)a << 16;
    }
};

__device__ Checkpoint before_first_pass() {
    // States 4, 3 and 46 of contexts 0, 17 and 18, each with the more probable symbol 0.
    return {12, 0x8000 << 8, (u32)-1, {4 << 1, 0, 0, 0, 3 << 1 << 8 | 46 << 1 << 16}};
}

// A thread a code block (x) and layer (y).
extern "C" __global__ void find_cuts(const __grid_constant__ Group g) {
    int block = blockIdx.x * blockDim.x + threadIdx.x, layer = blockIdx.y;
    if (block >= g.n_blocks) return;
    int taken = g.taken[layer * g.n_blocks + block];
    // One thread writes for all layers that cut alike.
    if (layer && g.taken[(layer - 1) * g.n_blocks + block] == taken) return;
    int slot = -1;
    // Nothing is cut off a block's last pass.
    if (taken && taken < g.passes[block]) {
        const u8 *bytes = g.bytes + BYTE_ROOM * g.blocks[block].start;
        int n_bytes = g.rates[(taken - 1) * g.n_blocks + block], right = taken;
        Decoder decoder;
        while (right && !decoder.start(g.checkpoints[block * MOST_PASSES + right - 1], bytes, n_bytes)) right--;
        int planes = g.planes[block] - lost_planes(g.planes[block], g.blocks[block].band);
        if (right < min(taken, 3 * planes - 2)) {
            slot = atomicAdd(g.status, 1);
            if (slot < g.cut_room) {
                g.cuts[slot] = {block, taken, right};
            } else {
                atomicOr(g.status + 1, TOO_MANY_CUTS);
                slot = -1;
            }
        }
    }
    for (; layer < LAYERS && g.taken[layer * g.n_blocks + block] == taken; layer++)
        g.slots[layer * g.n_blocks + block] = slot;
}

// What a decoder knows of a code block between two passes.
struct View {
    u64 significant[66], negative[66];  // one column more on each side
    u64 visited[64], refined[64];
    s16 doubled[64 * 64];               // twice the magnitude that it would give now
};

// Sets a lane's two columns of the view before a pass; it follows from the coefficients.
__device__ void look(View &view, const Group &g, const Cut &cut, const Block &block, int plane, Kind kind) {
    Image image = g.images[block.image];
    const s16 *in = g.coefficients + 3 * image.pixel + block.component * area(image) +
                    (i64)block.y * image.width + block.x;
    int lane = threadIdx.x;
    u64 old[2], all[2];
    for (int side = 0; side < 2; side++) {
        int column = 2 * lane + side;
        u64 before = 0, after = 0, minus = 0, again = 0, early = g.early[(i64)cut.block * 64 + column];
        for (int row = 0; row < 64; row++) {
            bool is_inside = row < block.height && column < block.width;
            int value = is_inside ? in[(i64)row * image.width + column] : 0, magnitude = abs(value);
            bool is_early = early >> row & 1, was_known = magnitude >> (plane + 1);
            bool is_known = was_known || (kind != SIGNIFICANCE && is_early && magnitude >> plane);
            before |= (u64)was_known << row;
            after |= (u64)is_known << row;
            minus |= (u64)(is_known && value < 0) << row;
            again |= (u64)(magnitude >> (plane + 2) || (kind == CLEANUP && was_known)) << row;
            bool is_through = was_known ? kind == CLEANUP : kind != SIGNIFICANCE && is_early;
            int lowest = is_through ? plane : plane + 1, known = magnitude >> lowest;
            view.doubled[row * 64 + column] = known ? (2 * known + 1) << lowest : 0;
        }
        old[side] = before, all[side] = after;
        view.significant[column + 1] = after, view.negative[column + 1] = minus, view.refined[column] = again;
    }
    u64 new_a = all[0] & ~old[0], new_b = all[1] & ~old[1];
    u64 near_a = above_and_below(old[0]) | beside(from_left(old[1])) | beside(old[1]) | new_a << 1 |
                 after_left(from_left(new_b)) | after_right(new_b);
    u64 near_b = above_and_below(old[1]) | beside(old[0]) | beside(from_right(old[0])) | new_b << 1 |
                 after_left(new_a) | after_right(from_right(new_a));
    view.visited[2 * lane] = kind == SIGNIFICANCE ? 0 : ~old[0] & near_a;
    view.visited[2 * lane + 1] = kind == SIGNIFICANCE ? 0 : ~old[1] & near_b;
    if (lane == 0) {
        view.significant[0] = view.significant[65] = 0;
        view.negative[0] = view.negative[65] = 0;
    }
}

// Decodes the passes from `pass` to the last before `end`.
template <typename Symbol>
__device__ void decode_passes(View &view, const Block &block, int planes, int pass, int end,
                              const u8 *zero_coding, const u8 *sign_coding, Symbol symbol) {
    for (; pass < end; pass++) {
        int plane = plane_of(pass, planes);
        Kind kind = kind_of(pass);
        if (kind == SIGNIFICANCE)
            for (int column = 0; column < 64; column++) view.visited[column] = 0;
        for (int stripe = 0; 4 * stripe < block.height; stripe++) {
            int rows = min(4, block.height - 4 * stripe);
            for (int column = 0; column < block.width; column++) {
                int left = window(view.significant[column], stripe);
                int here = window(view.significant[column + 1], stripe);
                int right = window(view.significant[column + 2], stripe), j = 0;
                bool is_run = false;
                if (kind == SIGNIFICANCE && !(left | here | right)) continue;
                if (kind == CLEANUP && rows == 4 && !(left | here | right)) {
                    if (!symbol(RUN)) continue;
                    j = symbol(UNIFORM) << 1;
                    j |= symbol(UNIFORM);
                    is_run = true;
                }
                int left_sign = window(view.negative[column], stripe);
                int sign = window(view.negative[column + 1], stripe);
                int right_sign = window(view.negative[column + 2], stripe);
                for (; j < rows; j++) {
                    int row = 4 * stripe + j, near = neighbours(left, here, here, right, j);
                    bool is_known = here >> (j + 1) & 1, is_visited = view.visited[column] >> row & 1;
                    if (kind == REFINEMENT) {
                        if (!is_known || is_visited) continue;
                        bool is_again = view.refined[column] >> row & 1;
                        int bit = symbol(MAGNITUDE + (is_again ? 2 : near != 0));
                        view.doubled[row * 64 + column] += bit ? 1 << plane : -(1 << plane);
                        view.refined[column] |= 1ull << row;
                        continue;
                    }
                    if (!is_run) {
                        if (is_known || (kind == SIGNIFICANCE ? !near : is_visited)) continue;
                        if (kind == SIGNIFICANCE) view.visited[column] |= 1ull << row;
                        if (!symbol(zero_coding[near])) continue;
                    }
                    is_run = false;
                    int entry = sign_coding[sign_index(left, here, here, right, left_sign, sign, right_sign, j)];
                    if (symbol(entry & 127) ^ entry >> 7) {
                        view.negative[column + 1] |= 1ull << row;
                        sign |= 2 << j;
                    }
                    view.significant[column + 1] |= 1ull << row;
                    here |= 2 << j;
                    view.doubled[row * 64 + column] = 3 << plane;
                }
            }
        }
    }
}

// A warp a cut: the view by all lanes, the passes by one.
extern "C" __global__ void __launch_bounds__(32)
decode_cuts(const __grid_constant__ Group g) {
    __shared__ View view;
    __shared__ u8 tables[5 * 256], states[N_CONTEXTS + 1];
    __shared__ int mq[3 * N_STATES];
    int lane = threadIdx.x, slot = blockIdx.x;
    if (slot >= min(g.status[0], g.cut_room)) return;
    for (int i = lane; i < 5 * 256; i += 32) tables[i] = g.contexts[i];
    for (int i = lane; i < 3 * N_STATES; i += 32) mq[i] = g.mq[i];
    Cut cut = g.cuts[slot];
    Block block = g.blocks[cut.block];
    int planes = g.planes[cut.block], lost = lost_planes(planes, block.band);
    look(view, g, cut, block, plane_of(cut.right, planes), kind_of(cut.right));
    Checkpoint from = cut.right ? g.checkpoints[cut.block * MOST_PASSES + cut.right - 1] : before_first_pass();
    if (lane < N_CONTEXTS) states[lane] = from.states[lane >> 2] >> 8 * (lane & 3) & 255;
    __syncwarp();
    if (lane == 0) {
        Decoder decoder;
        decoder.start(from, g.bytes + BYTE_ROOM * block.start, g.rates[(cut.taken - 1) * g.n_blocks + cut.block]);
        auto symbol = [&](int context) {
            int state = states[context], q = mq[state];
            decoder.a -= q;
            bool is_low = (decoder.c >> 16) < q, is_less_probable = is_low != (decoder.a < q);
            if (is_low) {
                decoder.a = q;
            } else {
                decoder.c -= q << 16;
                if (decoder.a & 0x8000) return state & 1;
            }
            states[context] = mq[(is_less_probable ? 2 : 1) * N_STATES + state];
            do {
                if (!decoder.loaded) {
                    int byte, bits = decoder.read(&byte);
                    decoder.c += (u32)byte << (16 - bits);
                    decoder.loaded = bits;
                }
                decoder.a <<= 1, decoder.c <<= 1, decoder.loaded--;
            } while (!(decoder.a & 0x8000));
            return (state & 1) ^ (int)is_less_probable;
        };
        // Beyond its planes a decoder reads no passes.
        int end = min(cut.taken, 3 * (planes - lost) - 2);
        decode_passes(view, block, planes, cut.right, end, tables + 256 * block.band, tables + 4 * 256, symbol);
    }
    __syncwarp();
    for (int i = lane; i < 64 * 64; i += 32) {
        int magnitude = view.doubled[i] >> (1 + lost);
        bool is_negative = view.negative[(i & 63) + 1] >> (i >> 6) & 1;
        g.copies[(i64)slot * 4096 + i] = is_negative ? -magnitude : magnitude;
    }
}
