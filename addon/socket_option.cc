// Any socket option, and the addresses of both ends, as raw bytes.
#include <sys/socket.h>
#include <unistd.h>

#include "addon.h"

namespace toakit {
namespace {

Napi::Value GetSocketOption(const Napi::CallbackInfo& info) {
  auto into = info[3].As<Napi::Uint8Array>();
  socklen_t length = static_cast<socklen_t>(into.ByteLength());
  const int returned =
      getsockopt(IntegerAt(info, 0), IntegerAt(info, 1), IntegerAt(info, 2), into.Data(), &length);
  return Result(info, returned < 0 ? returned : static_cast<int64_t>(length));
}

// getpeername() or getsockname(). The kernel reports the length it would have liked to write, which may be more
// than there was room for.
template <int (*function)(int, sockaddr*, socklen_t*) noexcept>
Napi::Value GetName(const Napi::CallbackInfo& info) {
  auto into = info[1].As<Napi::Uint8Array>();
  socklen_t length = static_cast<socklen_t>(into.ByteLength());
  const int returned = function(IntegerAt(info, 0), reinterpret_cast<sockaddr*>(into.Data()), &length);
  return Result(info, returned < 0 ? returned : static_cast<int64_t>(length));
}

// Linux has closed the descriptor even where close() says EINTR; trying again could close somebody else's.
Napi::Value CloseFd(const Napi::CallbackInfo& info) {
  const int returned = close(IntegerAt(info, 0));
  return Result(info, returned < 0 && errno == EINTR ? 0 : returned);
}

}  // namespace

void DefineSocketOption(Napi::Env env, Napi::Object exports) {
  Define<GetSocketOption>(env, exports, "getSocketOption");
  Define<GetName<getpeername>>(env, exports, "getPeerName");
  Define<GetName<getsockname>>(env, exports, "getSocketName");
  Define<CloseFd>(env, exports, "closeFd");
}

}  // namespace toakit
