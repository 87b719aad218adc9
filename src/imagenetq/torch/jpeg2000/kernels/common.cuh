// What all kernels share: the records of a group of pictures, and bit masks over code blocks.
//
// Names in capitals that are not defined here come from the compiler's command line (compiling.py).

#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
typedef short s16;

#define ALL_LANES 0xffffffffu
#define MOST_PASSES (3 * MOST_PLANES - 2)

// What is written to the second word of a group's status.
#define TOO_MANY_PLANES 1
#define TOO_MANY_BYTES 2
#define TOO_MANY_CUTS 4

enum Kind { SIGNIFICANCE, REFINEMENT, CLEANUP };

// A picture. `pixel` counts pixels, and `quarter` samples of halved planes, of the pictures before.
struct Image {
    const u8 *rgb;
    i64 pixel, quarter;
    int width, height, levels, first_block, n_blocks, unused;
};

// A code block, as geometry.py describes it.
struct Block {
    i64 start;
    int image, component, band, level, x, y, width, height;
};

// The arithmetic coder after a pass: C and the free bits; A and the last byte; that byte's index;
// the contexts' states, a byte each.
struct Checkpoint {
    u32 c_room, a_last, at, states[5];
};

// A cut that a decoder misreads: how many passes are read, and how many of them rightly.
struct Cut {
    int block, taken, right;
};

// A group of pictures on its way through the kernels. Arrays of passes and of layers hold one
// value a code block for the first pass or layer, then for the second, and so on.
struct Group {
    const Image *images;
    const Block *blocks;
    const int *tiles;           // see tile_of
    const u8 *contexts;         // tables.py: context_tables
    const int *mq;              // tables.py: mq_states
    const double *weights;      // tables.py: weights
    const double *ratios;       // tables.py: signal_to_noise
    s16 *coefficients;          // three planes a picture
    s16 *halfway;               // the same between two directions of the wavelet
    u8 *symbols;                // decisions: context * 2 + bit
    int *ends;                  // of each pass's symbols; a block's passes lie together
    int *units;                 // of distortion; a block's passes lie together
    u64 *early;                 // a mask of rows for each of 64 columns: found in a significance pass
    int *planes;                // bits of the largest magnitude
    int *lengths;               // symbols of a block
    int *sorted;                // the same, longest first
    const i64 *order;           // their blocks
    u8 *bytes;                  // that the coder puts out
    Checkpoint *checkpoints;    // a block's passes lie together
    int *rates;                 // bytes up to the end of each pass
    double *gains;              // by how much the passes so far lower the distortion
    int *passes;                // of each block
    int *taken;                 // passes of each block in a layer and those before
    double *parts;              // what each block adds to a sum
    int *slots;                 // of each layer: a decoded copy's number, or -1
    Cut *cuts;
    s16 *copies;                // really decoded blocks, 64 rows of 64
    int *status;                // how many cuts; faults
    s16 *decoded;               // coefficients of all layers, three planes each
    s16 *low[2];                // low-low bands, of even and of odd levels
    u8 *out;                    // wanted layers of each picture: RGB
    int place[LAYERS];          // of each layer among those wanted; -1 if it is not
    int n_images, n_blocks, n_wanted, cut_room, spread;
};

static_assert(sizeof(Group) == GROUP_BYTES, "launching.py lays a group out otherwise");

__device__ __forceinline__ int halved(int length, int level) {
    return (length + (1 << level) - 1) >> level;
}

__device__ __forceinline__ i64 area(const Image &image) { return (i64)image.width * image.height; }

// Bit planes more than the codestream can tell of: a decoder shifts them out.
__device__ __forceinline__ int lost_planes(int planes, int band) {
    return max(planes - 9 - (band > 0) - (band == 3), 0);
}

__device__ __forceinline__ int plane_of(int pass, int planes) {
    return planes - 1 - (pass + 2) / 3;
}

__device__ __forceinline__ Kind kind_of(int pass) { return (Kind)((pass + 2) % 3); }

// ---- masks: a column of a code block is 64 bits, row 0 the lowest

// Six rows of a column: the last before a stripe, its four, the first after it.
__device__ __forceinline__ int window(u64 column, int stripe) {
    return (int)(stripe ? column >> (4 * stripe - 1) : column << 1) & 63;
}

// Index into the zero-coding contexts of a stripe's row, from windows of three columns; above and
// below may be seen at different times.
__device__ __forceinline__ int neighbours(int left, int above, int below, int right, int row) {
    return (left >> row & 7) | (above >> row & 1) << 3 | (below >> (row + 2) & 1) << 4 |
           (right >> row & 7) << 5;
}

// Index into the sign contexts: significance and sign of left, right, above, below.
__device__ __forceinline__ int sign_index(int left, int above, int below, int right,
                                          int left_sign, int sign, int right_sign, int row) {
    return (left >> (row + 1) & 1) | (left_sign >> (row + 1) & 1) << 1 |
           (right >> (row + 1) & 1) << 2 | (right_sign >> (row + 1) & 1) << 3 |
           (above >> row & 1) << 4 | (sign >> row & 1) << 5 |
           (below >> (row + 2) & 1) << 6 | (sign >> (row + 2) & 1) << 7;
}

__device__ __forceinline__ u64 above_and_below(u64 column) { return column << 1 | column >> 1; }

// Rows that touch some of a neighbouring column.
__device__ __forceinline__ u64 beside(u64 column) { return column | above_and_below(column); }

// Rows that touch some of the left column that are scanned before: not the next stripe's first.
__device__ __forceinline__ u64 after_left(u64 column) {
    return column | column << 1 | (column >> 1 & 0x7777777777777777ull);
}

// The same of the right column: only a stripe's first row, and the row above it.
__device__ __forceinline__ u64 after_right(u64 column) {
    return column << 1 & 0x1111111111111111ull;
}

// A neighbouring lane's value; nothing lies beyond a code block.
__device__ __forceinline__ u64 from_left(u64 value) {
    u64 other = __shfl_up_sync(ALL_LANES, value, 1);
    return threadIdx.x & 31 ? other : 0;
}

__device__ __forceinline__ u64 from_right(u64 value) {
    u64 other = __shfl_down_sync(ALL_LANES, value, 1);
    return (threadIdx.x & 31) < 31 ? other : 0;
}
