// From RGB to coefficients: the reversible colour transform and the 5/3 wavelet, each level along
// columns, then along rows. Both low halves are rounded, so the order matters.

#include "wavelet.cuh"

extern "C" __global__ void __launch_bounds__(TILE_THREADS)
colours(const __grid_constant__ Group g) {
    Tile t = tile_of(g, 0);
    i64 n = area(t.image);
    int x = t.x + threadIdx.x % TILE_WIDTH;
    if (x >= t.width) return;
    for (int y = t.y + threadIdx.x / TILE_WIDTH; y < min(t.y + TILE_HEIGHT, t.height); y += ROWS_AT_ONCE) {
        i64 i = (i64)y * t.width + x;
        const u8 *rgb = t.image.rgb + 3 * i;
        int red = rgb[0], green = rgb[1], blue = rgb[2];
        s16 *out = g.coefficients + 3 * t.image.pixel + i;
        out[0] = ((red + 2 * green + blue) >> 2) - 128;
        out[n] = blue - green;
        out[2 * n] = red - green;
    }
}

// The i-th sample of the high half of a line of n; beyond the end stands the last even sample.
__device__ __forceinline__ int high_sample(const s16 *line, i64 step, int n, int i) {
    int left = line[2 * i * step], right = 2 * i + 2 < n ? line[(2 * i + 2) * step] : left;
    return line[(2 * i + 1) * step] - ((left + right) >> 1);
}

// The o-th sample of a transformed line: first the low half, then the high half.
__device__ __forceinline__ int analysed(const s16 *line, i64 step, int n, int o) {
    if (n == 1) return line[0];
    int low = (n + 1) >> 1, high = n >> 1;
    if (o >= low) return high_sample(line, step, n, o - low);
    int before = high_sample(line, step, n, o ? o - 1 : 0);
    int after = high_sample(line, step, n, o < high ? o : high - 1);
    return line[2 * o * step] + ((before + after + 2) >> 2);
}

// One direction of one level; blockIdx.y is the component.
template <bool ROWS>
__device__ void analyse(const Group &g, const s16 *in, s16 *out, int level) {
    Tile t = tile_of(g, level);
    int x = t.x + threadIdx.x % TILE_WIDTH, stride = t.image.width;
    if (x >= t.width || level >= t.image.levels) return;
    i64 plane = 3 * t.image.pixel + blockIdx.y * area(t.image);
    for (int y = t.y + threadIdx.x / TILE_WIDTH; y < min(t.y + TILE_HEIGHT, t.height); y += ROWS_AT_ONCE) {
        const s16 *line = in + plane + (ROWS ? (i64)y * stride : x);
        out[plane + (i64)y * stride + x] =
            ROWS ? analysed(line, 1, t.width, x) : analysed(line, stride, t.height, y);
    }
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS)
analyse_columns(const __grid_constant__ Group g, int level) {
    analyse<false>(g, g.coefficients, g.halfway, level);
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS)
analyse_rows(const __grid_constant__ Group g, int level) {
    analyse<true>(g, g.halfway, g.coefficients, level);
}
