#pragma once
#include <stddef.h>

// The few things that are done with pictures, by libvips, which is looked for when the first picture is (vips.c says why).

// Once a process, before anything else. Not 0: there is no libvips here.
int synckit_photo_start(void);
// The name of the reader that would take a picture, by what is in it; NULL when none would.
const char *synckit_photo_reader(const void *bytes, size_t count);
// Reads the head of a picture only.
int synckit_photo_size(const void *bytes, size_t count, int *width, int *height);
// Reads a picture to its end; whatever the reader complains of is an error.
int synckit_photo_check(const void *bytes, size_t count);
// Upright, at most `side` pixels either way, in sRGB on white, as a JPEG without anything but the picture. Whatever the reader complains
// of is an error. `out` is freed with synckit_photo_free.
int synckit_photo_make(
  const void *bytes, size_t count, int side, int quality, void **out, size_t *out_count, int *width, int *height);
void synckit_photo_free(void *memory);
// Forgets what the library noted of errors.
void synckit_photo_forget(void);
