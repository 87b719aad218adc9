// From the coefficients of all layers back to RGB: the inverse wavelet, each level along rows, then
// along columns, in tiles through shared memory; the finest level goes on to the colours.

#include "wavelet.cuh"

// A tile needs one low row more than half its rows, and one high row more on each side.
#define LOW_ROWS (TILE_HEIGHT / 2 + 1)
#define BAND_ROWS (2 * LOW_ROWS + 1)

typedef s16 Rows[BAND_ROWS][TILE_WIDTH];

// Samples 2 i and 2 i + 1 of a line of n, from its low and its high half.
__device__ __forceinline__ int2 synthesised(const s16 *low, const s16 *high, int step, int n, int i) {
    int n_high = n >> 1, even = low[i * step];
    if (!n_high) return {even, 0};
    int here = high[(i < n_high ? i : n_high - 1) * step], before = i ? high[(i - 1) * step] : high[0];
    even -= (before + here + 2) >> 2;
    if (i >= n_high) return {even, 0};
    int next = even;
    if (2 * i + 2 < n) {
        int after = high[(i + 1 < n_high ? i + 1 : n_high - 1) * step];
        next = low[(i + 1) * step] - ((here + after + 2) >> 2);
    }
    return {even, here + ((even + next) >> 1)};
}

// The tile's rows, inverse transformed along x: low rows from t.y / 2 on, then high rows from
// t.y / 2 - 1 on. The low-low band is an array of its own, except at the coarsest level.
__device__ void synthesise_rows(Rows rows, const s16 *low_low, int low_stride, const s16 *bands, const Tile &t) {
    int low_width = (t.width + 1) >> 1, low_height = (t.height + 1) >> 1, stride = t.image.width;
    for (int i = threadIdx.x; i < BAND_ROWS * TILE_WIDTH / 2; i += TILE_THREADS) {
        int row = i / (TILE_WIDTH / 2), column = i % (TILE_WIDTH / 2), x = t.x / 2 + column;
        if (x >= low_width) continue;
        const s16 *low, *high;
        if (row < LOW_ROWS) {
            int y = t.y / 2 + row;
            if (y >= low_height) continue;
            low = low_low + (i64)y * low_stride;
            high = bands + (i64)y * stride + low_width;
        } else {
            int y = t.y / 2 + row - LOW_ROWS - 1;
            if (y < 0 || y >= t.height >> 1) continue;
            low = bands + (i64)(low_height + y) * stride;
            high = low + low_width;
        }
        int2 both = synthesised(low, high, 1, t.width, x);
        *(u32 *)&rows[row][2 * column] = (both.x & 0xffff) | (u32)both.y << 16;
    }
}

// Column c of a tile's rows: the tile's samples 2 i and 2 i + 1.
__device__ __forceinline__ int2 synthesise_column(Rows rows, const Tile &t, int c, int i) {
    int half = t.y / 2;         // synthesised() counts from the band's first row
    const s16 *low = &rows[0][c] - half * TILE_WIDTH;
    const s16 *high = &rows[LOW_ROWS + 1][c] - half * TILE_WIDTH;
    return synthesised(low, high, TILE_WIDTH, t.height, half + i);
}

// One level but the finest; blockIdx.y is layer * 3 + component.
extern "C" __global__ void __launch_bounds__(TILE_THREADS)
synthesise(const __grid_constant__ Group g, int level) {
    __shared__ __align__(16) Rows rows;
    if (g.place[blockIdx.y / 3] < 0) return;
    Tile t = tile_of(g, level);
    const s16 *bands = g.decoded + 3 * LAYERS * t.image.pixel + blockIdx.y * area(t.image);
    i64 quarter = (i64)halved(t.image.width, 1) * halved(t.image.height, 1);
    i64 plane = 3 * LAYERS * t.image.quarter + blockIdx.y * quarter;
    bool is_coarsest = level + 1 == t.image.levels;
    const s16 *low_low = is_coarsest ? bands : g.low[(level + 1) & 1] + plane;
    synthesise_rows(rows, low_low, is_coarsest ? t.image.width : halved(t.width, 1), bands, t);
    __syncthreads();
    s16 *out = g.low[level & 1] + plane;
    int c = threadIdx.x % TILE_WIDTH, x = t.x + c;
    if (x >= t.width) return;
    for (int i = threadIdx.x / TILE_WIDTH; i < TILE_HEIGHT / 2; i += ROWS_AT_ONCE) {
        int y = t.y + 2 * i;
        if (y >= t.height) break;
        int2 both = synthesise_column(rows, t, c, i);
        out[(i64)y * t.width + x] = both.x;
        if (y + 1 < t.height) out[(i64)(y + 1) * t.width + x] = both.y;
    }
}

// The finest level, and from there to RGB; blockIdx.y is the layer.
extern "C" __global__ void __launch_bounds__(TILE_THREADS)
finish(const __grid_constant__ Group g) {
    __shared__ __align__(16) Rows rows[3];
    int place = g.place[blockIdx.y];
    if (place < 0) return;
    Tile t = tile_of(g, 0);
    i64 n = area(t.image), quarter = (i64)halved(t.image.width, 1) * halved(t.image.height, 1);
    const s16 *bands = g.decoded + 3 * (LAYERS * t.image.pixel + blockIdx.y * n);
    const s16 *low = g.low[1] + 3 * (LAYERS * t.image.quarter + blockIdx.y * quarter);
    if (t.image.levels)
        for (int k = 0; k < 3; k++) {
            bool is_coarsest = t.image.levels == 1;
            synthesise_rows(rows[k], is_coarsest ? bands + k * n : low + k * quarter,
                            is_coarsest ? t.width : halved(t.width, 1), bands + k * n, t);
        }
    __syncthreads();
    int c = threadIdx.x % TILE_WIDTH, x = t.x + c;
    if (x >= t.width) return;
    u8 *out = g.out + 3 * (g.n_wanted * t.image.pixel + place * n);
    for (int i = threadIdx.x / TILE_WIDTH; i < TILE_HEIGHT / 2; i += ROWS_AT_ONCE) {
        int y = t.y + 2 * i;
        if (y >= t.height) break;
        int2 yuv[3];
        for (int k = 0; k < 3; k++) {
            const s16 *sample = bands + k * n + (i64)y * t.width + x;
            if (t.image.levels) yuv[k] = synthesise_column(rows[k], t, c, i);
            else yuv[k] = {sample[0], y + 1 < t.height ? sample[t.width] : 0};
        }
        for (int below = 0; below < 2 && y + below < t.height; below++) {
            int luma = below ? yuv[0].y : yuv[0].x;
            int first = below ? yuv[1].y : yuv[1].x, second = below ? yuv[2].y : yuv[2].x;
            int green = luma - ((first + second) >> 2) + 128;
            u8 *rgb = out + 3 * ((i64)(y + below) * t.width + x);
            rgb[0] = min(max(second + green, 0), 255);
            rgb[1] = min(max(green, 0), 255);
            rgb[2] = min(max(first + green, 0), 255);
        }
    }
}
