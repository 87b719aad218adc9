// Tiles of pictures, for kernels that work sample by sample.

#pragma once

#include "common.cuh"

#define TILE_THREADS 256
#define ROWS_AT_ONCE (TILE_THREADS / TILE_WIDTH)

struct Tile {
    Image image;
    int x, y, width, height;    // its corner, and the whole band's size
};

// This block's tile. tiles[level * (n_images + 1) + i] is the first tile of picture i at a level.
__device__ __forceinline__ Tile tile_of(const Group &g, int level) {
    const int *first = g.tiles + level * (g.n_images + 1);
    int low = 0, high = g.n_images - 1, index = blockIdx.x;
    while (low < high) {
        int middle = (low + high + 1) >> 1;
        if (first[middle] <= index) low = middle;
        else high = middle - 1;
    }
    Tile t;
    t.image = g.images[low];
    index -= first[low];
    t.width = halved(t.image.width, level);
    t.height = halved(t.image.height, level);
    int across = (t.width + TILE_WIDTH - 1) / TILE_WIDTH;
    t.y = index / across * TILE_HEIGHT;
    t.x = index % across * TILE_WIDTH;
    return t;
}
