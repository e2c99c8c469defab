// A copy of a file descriptor of another process, to ask its socket what only the socket knows. Linux 5.6.
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"

// Older C libraries have no names for these; the numbers are the same on all architectures.
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

namespace toakit {
namespace {

Napi::Value DuplicateFd(const Napi::CallbackInfo& info) {
  const int process = static_cast<int>(syscall(SYS_pidfd_open, IntegerAt(info, 0), 0));
  if (process < 0) return Result(info, process);
  const long fd = syscall(SYS_pidfd_getfd, process, IntegerAt(info, 1), 0);
  const int error = errno;
  close(process);
  errno = error;
  return Result(info, fd);
}

}  // namespace

void DefineProcessFile(Napi::Env env, Napi::Object exports) {
  Define<DuplicateFd>(env, exports, "duplicateFd");
}

}  // namespace toakit
