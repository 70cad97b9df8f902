#include <zlib.h>

/* zlib's stream initialisers are macros, which Swift cannot see. */
static inline int synckit_deflate_init(z_stream *stream, int level) { return deflateInit(stream, level); }
static inline int synckit_inflate_init(z_stream *stream) { return inflateInit(stream); }
