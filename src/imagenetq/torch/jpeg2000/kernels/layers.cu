// Which passes go into which quality layer: OpenJPEG's search for each layer's slope, a thread block
// a picture. Everything is in double without contraction, in OpenJPEG's order wherever that can
// change a decision.

#include "common.cuh"

#define THREADS 512
#define MOST_ROUNDS 128
#define PRECISION (0.5 * 1e-5)
#define EPSILON 2.220446049250313e-16
#define LARGEST 1.7976931348623157e308

__device__ double extreme(double value, double *scratch, bool is_smallest) {
    for (int distance = 16; distance; distance >>= 1) {
        double other = __shfl_xor_sync(ALL_LANES, value, distance);
        value = is_smallest ? fmin(value, other) : fmax(value, other);
    }
    __syncthreads();
    if (!(threadIdx.x & 31)) scratch[threadIdx.x >> 5] = value;
    __syncthreads();
    value = scratch[0];
    for (int i = 1; i < THREADS / 32; i++)
        value = is_smallest ? fmin(value, scratch[i]) : fmax(value, scratch[i]);
    return value;
}

// From left to right, as OpenJPEG adds.
__device__ double ordered_sum(const double *parts, int n, double *scratch) {
    __syncthreads();
    if (threadIdx.x == 0) {
        double sum = 0;
        for (int i = 0; i < n; i++) sum = __dadd_rn(sum, parts[i]);
        scratch[0] = sum;
    }
    __syncthreads();
    double sum = scratch[0];
    __syncthreads();
    return sum;
}

// The same but for rounding.
__device__ double quick_sum(double value, double *scratch) {
    for (int distance = 16; distance; distance >>= 1) value += __shfl_xor_sync(ALL_LANES, value, distance);
    __syncthreads();
    if (!(threadIdx.x & 31)) scratch[threadIdx.x >> 5] = value;
    __syncthreads();
    value = 0;
    for (int i = 0; i < THREADS / 32; i++) value += scratch[i];
    return value;
}

// Takes the passes of each block that are worth a threshold; gives this thread's share of the gain.
// No convex hull: each pass is compared with the last one that was taken.
__device__ double take(const Group &g, const Image &image, int layer, double threshold) {
    double mine = 0;
    for (int i = threadIdx.x; i < image.n_blocks; i += THREADS) {
        int block = image.first_block + i, before = layer ? g.taken[(layer - 1) * g.n_blocks + block] : 0;
        int after = before, passes = g.passes[block];
        double base = before ? g.gains[(i64)(before - 1) * g.n_blocks + block] : 0, gain = base;
        int rate = before ? g.rates[(before - 1) * g.n_blocks + block] : 0;
        for (int pass = before; pass < passes; pass++) {
            double next_gain = g.gains[(i64)pass * g.n_blocks + block];
            int next_rate = g.rates[pass * g.n_blocks + block], bytes = next_rate - rate;
            double gained = __dsub_rn(next_gain, gain);
            bool is_worth = bytes ? __dsub_rn(threshold, __ddiv_rn(gained, (double)bytes)) < EPSILON : gained != 0;
            if (is_worth) after = pass + 1, gain = next_gain, rate = next_rate;
        }
        g.taken[layer * g.n_blocks + block] = after;
        double part = after > before ? __dsub_rn(gain, base) : 0;
        g.parts[block] = part;
        mine += part;
    }
    return mine;
}

extern "C" __global__ void __launch_bounds__(THREADS)
allocate(const __grid_constant__ Group g) {
    __shared__ double scratch[THREADS / 32];
    Image image = g.images[blockIdx.x];
    double *parts = g.parts + image.first_block;
    // The smallest and the largest slope of single passes, and the gain of all.
    double lowest = LARGEST, highest = 0;
    for (int i = threadIdx.x; i < image.n_blocks; i += THREADS) {
        int block = image.first_block + i, passes = g.passes[block], rate = 0;
        double gain = 0;
        for (int pass = 0; pass < passes; pass++) {
            double next_gain = g.gains[(i64)pass * g.n_blocks + block];
            int next_rate = g.rates[pass * g.n_blocks + block];
            if (next_rate != rate) {
                double slope = __ddiv_rn(__dsub_rn(next_gain, gain), (double)(next_rate - rate));
                lowest = fmin(lowest, slope), highest = fmax(highest, slope);
            }
            gain = next_gain, rate = next_rate;
        }
        parts[i] = gain;
    }
    lowest = extreme(lowest, scratch, true);
    highest = extreme(highest, scratch, false);
    double total = ordered_sum(parts, image.n_blocks, scratch), reached = 0;
    double peak = 3 * 255.0 * 255.0 * (double)area(image);
    double rounding = (image.n_blocks + 8) * 4.440892098500626e-16;     // of a quick sum, relative
    for (int layer = 0; layer < LAYERS; layer++) {
        double target = __dsub_rn(total, __ddiv_rn(peak, g.ratios[layer]));
        double low = lowest, high = highest, threshold = 0, good = 0;
        for (int round = 0; round < MOST_ROUNDS; round++) {
            double middle = __dmul_rn(__dadd_rn(low, high), 0.5);
            if (fabs(__dsub_rn(middle, threshold)) <= __dmul_rn(PRECISION, threshold)) break;
            threshold = middle;
            double sum = reached + quick_sum(take(g, image, layer, threshold), scratch);
            // The order matters only where the quick sum is too close to call.
            if (fabs(sum - target) <= rounding * sum)
                sum = __dadd_rn(reached, ordered_sum(parts, image.n_blocks, scratch));
            if (sum < target) high = good = threshold;
            else low = threshold;
        }
        take(g, image, layer, good == 0 ? threshold : good);
        reached = __dadd_rn(reached, ordered_sum(parts, image.n_blocks, scratch));
    }
}
