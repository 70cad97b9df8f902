#include <stddef.h>

// The few functions of libvips that are used, as <vips/vips.h> declares them since 8.13: including it would put the headers of thirty
// other libraries, and their compiler flags, before every target above this one.
typedef struct _VipsImage VipsImage;
typedef struct _VipsArrayDouble VipsArrayDouble;
int vips_init(const char *name);
void vips_block_untrusted_set(int state);
void vips_cache_set_max(int max);
void vips_concurrency_set(int concurrency);
void vips_error_clear(void);
const char *vips_foreign_find_load_buffer(const void *data, size_t size);
VipsImage *vips_image_new_from_buffer(const void *buf, size_t len, const char *option_string, ...) __attribute__((sentinel));
int vips_image_get_width(const VipsImage *image);
int vips_image_get_height(const VipsImage *image);
int vips_avg(VipsImage *in, double *out, ...) __attribute__((sentinel));
int vips_thumbnail_image(VipsImage *in, VipsImage **out, int width, ...) __attribute__((sentinel));
int vips_jpegsave_buffer(VipsImage *in, void **buf, size_t *len, ...) __attribute__((sentinel));
VipsArrayDouble *vips_array_double_new(const double *array, int n);
void vips_area_unref(void *area);
void g_object_unref(void *object);
void g_free(void *memory);
unsigned int g_log_set_handler(const char *domain, int levels, void (*handler)(const char *, int, const char *, void *), void *data);
enum { SYNCKIT_VIPS_SIZE_DOWN = 2, SYNCKIT_VIPS_FAIL_ON_WARNING = 3, SYNCKIT_VIPS_ACCESS_SEQUENTIAL = 1, SYNCKIT_G_LOG_LEVEL_WARNING = 16 };

static void synckit_photo_hush(const char *domain, int level, const char *message, void *data) {}

// Once a process. What is wrong with a picture is for the caller to say, not for standard error. Formats whose readers are not meant for strangers' files stay shut; nothing is remembered between two pictures, and
// one takes one thread.
static inline int synckit_photo_start(void) {
  if (vips_init("synckit") != 0) return -1;
  g_log_set_handler("VIPS", SYNCKIT_G_LOG_LEVEL_WARNING, synckit_photo_hush, NULL);
  vips_block_untrusted_set(1);
  vips_cache_set_max(0);
  vips_concurrency_set(1);
  return 0;
}

// Reads the head of a picture only.
static inline int synckit_photo_size(const void *bytes, size_t count, int *width, int *height) {
  VipsImage *image = vips_image_new_from_buffer(bytes, count, "", NULL);
  if (image == NULL) return -1;
  *width = vips_image_get_width(image);
  *height = vips_image_get_height(image);
  g_object_unref(image);
  return 0;
}

// Reads a picture to its end; whatever the reader complains of is an error.
static inline int synckit_photo_check(const void *bytes, size_t count) {
  VipsImage *image = vips_image_new_from_buffer(
    bytes, count, "", "access", SYNCKIT_VIPS_ACCESS_SEQUENTIAL, "fail_on", SYNCKIT_VIPS_FAIL_ON_WARNING, NULL);
  if (image == NULL) return -1;
  double average = 0;
  int result = vips_avg(image, &average, NULL);
  g_object_unref(image);
  return result;
}

// Upright, at most `side` pixels either way, in sRGB on white, as a JPEG without anything but the picture. Whatever the reader complains
// of is an error. `out` is freed with g_free.
static inline int synckit_photo_make(
  const void *bytes, size_t count, int side, int quality, void **out, size_t *out_count, int *width, int *height
) {
  VipsImage *image = vips_image_new_from_buffer(
    bytes, count, "", "access", SYNCKIT_VIPS_ACCESS_SEQUENTIAL, "fail_on", SYNCKIT_VIPS_FAIL_ON_WARNING, NULL);
  if (image == NULL) return -1;
  VipsImage *small = NULL;
  int result =
    vips_thumbnail_image(image, &small, side, "height", side, "size", SYNCKIT_VIPS_SIZE_DOWN, "export_profile", "srgb", NULL);
  if (result == 0) {
    double white[] = {255, 255, 255};
    VipsArrayDouble *background = vips_array_double_new(white, 3);
    result = vips_jpegsave_buffer(
      small, out, out_count, "Q", quality, "strip", 1, "optimize_coding", 1, "background", background, NULL);
    *width = vips_image_get_width(small);
    *height = vips_image_get_height(small);
    vips_area_unref(background);
    g_object_unref(small);
  }
  g_object_unref(image);
  return result;
}
