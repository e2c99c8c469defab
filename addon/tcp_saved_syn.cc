// TCP_SAVE_SYN keeps the headers of a connection's SYN, TCP_SAVED_SYN reads them, once (tcp(7), net/ipv4/tcp.c).
#include <netinet/in.h>
#include <sys/socket.h>

#include "addon.h"

namespace toakit {
namespace {

// Of linux/tcp.h, which cannot stand beside netinet/tcp.h; older C libraries lack them.
constexpr int kTcpSaveSyn = 27;
constexpr int kTcpSavedSyn = 28;

Napi::Value SetSaveSyn(const Napi::CallbackInfo& info) {
  const int value = IntegerAt(info, 1);
  return Result(info, setsockopt(IntegerAt(info, 0), IPPROTO_TCP, kTcpSaveSyn, &value, sizeof value));
}

Napi::Value ReadSavedSyn(const Napi::CallbackInfo& info) {
  auto into = info[1].As<Napi::Uint8Array>();
  socklen_t length = static_cast<socklen_t>(into.ByteLength());
  const int returned = getsockopt(IntegerAt(info, 0), IPPROTO_TCP, kTcpSavedSyn, into.Data(), &length);
  return Result(info, returned < 0 ? returned : static_cast<int64_t>(length));
}

}  // namespace

void DefineTcpSavedSyn(Napi::Env env, Napi::Object exports) {
  Define<SetSaveSyn>(env, exports, "setSaveSyn");
  Define<ReadSavedSyn>(env, exports, "readSavedSyn");
}

}  // namespace toakit
