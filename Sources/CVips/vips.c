#include "CVips.h"

#include <dlfcn.h>

// libvips brings a hundred other libraries with it. Loading them takes several times as long as everything else a tool does at its start,
// and nearly no start has to do with pictures: so it is loaded when the first picture comes. What is called is declared here, as
// <vips/vips.h> has it since 8.13.
typedef struct _VipsImage VipsImage;
typedef struct _VipsArrayDouble VipsArrayDouble;
enum { SIZE_DOWN = 2, FAIL_ON_WARNING = 3, ACCESS_SEQUENTIAL = 1, LOG_LEVEL_WARNING = 16 };

static struct {
  int (*init)(const char *name);
  void (*block_untrusted_set)(int state);
  void (*cache_set_max)(int max);
  void (*concurrency_set)(int concurrency);
  void (*error_clear)(void);
  const char *(*foreign_find_load_buffer)(const void *data, size_t size);
  VipsImage *(*image_new_from_buffer)(const void *buf, size_t len, const char *option_string, ...);
  int (*image_get_width)(const VipsImage *image);
  int (*image_get_height)(const VipsImage *image);
  int (*avg)(VipsImage *in, double *out, ...);
  int (*thumbnail_image)(VipsImage *in, VipsImage **out, int width, ...);
  int (*jpegsave_buffer)(VipsImage *in, void **buf, size_t *len, ...);
  VipsArrayDouble *(*array_double_new)(const double *array, int n);
  void (*area_unref)(void *area);
  void (*object_unref)(void *object);
  void (*free)(void *memory);
  unsigned int (*log_set_handler)(const char *domain, int levels, void (*handler)(const char *, int, const char *, void *), void *data);
} vips;

static const struct {
  const char *name;
  void **place;
} functions[] = {
  {"vips_init", (void **)&vips.init},
  {"vips_block_untrusted_set", (void **)&vips.block_untrusted_set},
  {"vips_cache_set_max", (void **)&vips.cache_set_max},
  {"vips_concurrency_set", (void **)&vips.concurrency_set},
  {"vips_error_clear", (void **)&vips.error_clear},
  {"vips_foreign_find_load_buffer", (void **)&vips.foreign_find_load_buffer},
  {"vips_image_new_from_buffer", (void **)&vips.image_new_from_buffer},
  {"vips_image_get_width", (void **)&vips.image_get_width},
  {"vips_image_get_height", (void **)&vips.image_get_height},
  {"vips_avg", (void **)&vips.avg},
  {"vips_thumbnail_image", (void **)&vips.thumbnail_image},
  {"vips_jpegsave_buffer", (void **)&vips.jpegsave_buffer},
  {"vips_array_double_new", (void **)&vips.array_double_new},
  {"vips_area_unref", (void **)&vips.area_unref},
  {"g_object_unref", (void **)&vips.object_unref},
  {"g_free", (void **)&vips.free},
  {"g_log_set_handler", (void **)&vips.log_set_handler},
};

static int load(void) {
  static const char *const names[] = {"libvips.so.42", "libvips.42.dylib", "/opt/homebrew/lib/libvips.42.dylib"};
  void *library = NULL;
  for (size_t i = 0; library == NULL && i < sizeof names / sizeof *names; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return -1;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    // Found in the libraries it brings, too.
    *functions[i].place = dlsym(library, functions[i].name);
    if (*functions[i].place == NULL) return -1;
  }
  return 0;
}

static void hush(const char *domain, int level, const char *message, void *data) {}

// What is wrong with a picture is for the caller to say, not for standard error. Formats whose readers are not meant for strangers' files
// stay shut; nothing is remembered between two pictures, and one takes one thread.
int synckit_photo_start(void) {
  if (load() != 0 || vips.init("synckit") != 0) return -1;
  vips.log_set_handler("VIPS", LOG_LEVEL_WARNING, hush, NULL);
  vips.block_untrusted_set(1);
  vips.cache_set_max(0);
  vips.concurrency_set(1);
  return 0;
}

const char *synckit_photo_reader(const void *bytes, size_t count) { return vips.foreign_find_load_buffer(bytes, count); }

int synckit_photo_size(const void *bytes, size_t count, int *width, int *height) {
  VipsImage *image = vips.image_new_from_buffer(bytes, count, "", NULL);
  if (image == NULL) return -1;
  *width = vips.image_get_width(image);
  *height = vips.image_get_height(image);
  vips.object_unref(image);
  return 0;
}

static VipsImage *open_strictly(const void *bytes, size_t count) {
  return vips.image_new_from_buffer(bytes, count, "", "access", ACCESS_SEQUENTIAL, "fail_on", FAIL_ON_WARNING, NULL);
}

int synckit_photo_check(const void *bytes, size_t count) {
  VipsImage *image = open_strictly(bytes, count);
  if (image == NULL) return -1;
  double average = 0;
  int result = vips.avg(image, &average, NULL);
  vips.object_unref(image);
  return result;
}

int synckit_photo_make(
  const void *bytes, size_t count, int side, int quality, void **out, size_t *out_count, int *width, int *height
) {
  VipsImage *image = open_strictly(bytes, count);
  if (image == NULL) return -1;
  VipsImage *small = NULL;
  int result = vips.thumbnail_image(image, &small, side, "height", side, "size", SIZE_DOWN, "export_profile", "srgb", NULL);
  if (result == 0) {
    double white[] = {255, 255, 255};
    VipsArrayDouble *background = vips.array_double_new(white, 3);
    result = vips.jpegsave_buffer(small, out, out_count, "Q", quality, "strip", 1, "optimize_coding", 1, "background", background, NULL);
    *width = vips.image_get_width(small);
    *height = vips.image_get_height(small);
    vips.area_unref(background);
    vips.object_unref(small);
  }
  vips.object_unref(image);
  return result;
}

void synckit_photo_free(void *memory) { vips.free(memory); }
void synckit_photo_forget(void) { vips.error_clear(); }
