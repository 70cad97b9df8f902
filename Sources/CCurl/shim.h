#include <curl/curl.h>

/* curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call. */
typedef size_t (*synckit_curl_sink)(char *bytes, size_t size, size_t count, void *context);
typedef int (*synckit_curl_progress)(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d);

static inline CURLcode synckit_curl_long(CURL *curl, CURLoption option, long value) { return curl_easy_setopt(curl, option, value); }
static inline CURLcode synckit_curl_size(CURL *curl, CURLoption option, curl_off_t value) { return curl_easy_setopt(curl, option, value); }
static inline CURLcode synckit_curl_text(CURL *curl, CURLoption option, const char *value) { return curl_easy_setopt(curl, option, value); }
static inline CURLcode synckit_curl_pointer(CURL *curl, CURLoption option, const void *value) { return curl_easy_setopt(curl, option, value); }
static inline CURLcode synckit_curl_function(CURL *curl, CURLoption option, synckit_curl_sink value) { return curl_easy_setopt(curl, option, value); }
static inline CURLcode synckit_curl_watch(CURL *curl, synckit_curl_progress value) { return curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, value); }
typedef int (*synckit_curl_opened)(void *context, curl_socket_t socket, curlsocktype purpose);
static inline CURLcode synckit_curl_socket(CURL *curl, synckit_curl_opened value) { return curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, value); }
static inline CURLcode synckit_curl_status(CURL *curl, long *status) { return curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status); }
static inline CURLcode synckit_curl_verdict(CURL *curl, long *verdict) { return curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, verdict); }

/* Bytes that the system has taken for a socket and the other side has not confirmed; 0 where it does not tell. */
#include <sys/ioctl.h>
#include <linux/sockios.h>
static inline int synckit_unsent(int socket) {
  int count = 0;
  return socket >= 0 && ioctl(socket, SIOCOUTQ, &count) == 0 ? count : 0;
}
