// What a decoder makes of each coefficient in each layer: the middle of the interval that the passes
// leave, which follows from the coefficient, the last pass, and whether a significance pass found it.

#include "common.cuh"

#define THREADS 256

// A layer's last pass of a code block; or a copy that was really decoded, or none (-1).
struct __align__(16) Last {
    int plane, kind, slot;
};

extern "C" __global__ void __launch_bounds__(THREADS)
reconstruct(const __grid_constant__ Group g) {
    __shared__ Last layers[LAYERS];
    int index = blockIdx.x;
    Block block = g.blocks[index];
    Image image = g.images[block.image];
    i64 n = area(image);
    const s16 *in = g.coefficients + 3 * image.pixel + block.component * n;
    s16 *out = g.decoded + 3 * LAYERS * image.pixel + block.component * n;
    int lost = lost_planes(g.planes[index], block.band);
    if (threadIdx.x < LAYERS) {
        int layer = threadIdx.x, taken = g.taken[layer * g.n_blocks + index];
        Last last = {plane_of(taken - 1, g.planes[index]), taken ? kind_of(taken - 1) : -1,
                     g.slots[layer * g.n_blocks + index]};
        // A decoder that lacks planes stops early.
        if (taken && last.plane < lost) last.plane = lost, last.kind = CLEANUP;
        layers[layer] = last;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < 64 * block.height; i += THREADS) {
        int row = i >> 6, column = i & 63;
        if (column >= block.width) continue;
        i64 at = (i64)(block.y + row) * image.width + block.x + column;
        int value = in[at], magnitude = abs(value);
        bool is_early = g.early[(i64)index * 64 + column] >> row & 1;
        for (int layer = 0; layer < LAYERS; layer++) {
            Last last = layers[layer];
            int result = 0;
            if (last.slot >= 0) {
                result = g.copies[(i64)last.slot * 4096 + i];
            } else if (last.kind >= 0) {
                bool was_known = magnitude >> (last.plane + 1);
                bool is_through = last.kind == CLEANUP || (was_known ? last.kind == REFINEMENT : is_early);
                int lowest = is_through ? last.plane : last.plane + 1, known = magnitude >> lowest;
                result = known ? (2 * known + 1) << (lowest - lost) >> 1 : 0;
                if (value < 0) result = -result;
            }
            out[3 * layer * n + at] = result;
        }
    }
}
