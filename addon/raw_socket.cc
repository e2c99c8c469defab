// TCP segments to and from one host, past the kernel's own TCP (raw(7), net/ipv4/raw.c, net/ipv6/raw.c).
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "addon.h"

namespace toakit {
namespace {

// The address of a host, without a port, as socket functions want it: of 4 bytes for IPv4, of 16 for IPv6.
struct Host {
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  bool is_v6;

  explicit Host(const Napi::Uint8Array& bytes) : is_v6(bytes.ByteLength() == 16) {
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    void* address = is_v6 ? static_cast<void*>(&v6.sin6_addr) : static_cast<void*>(&v4.sin_addr);
    memcpy(address, bytes.Data(), bytes.ByteLength());
  }

  int Family() const { return is_v6 ? AF_INET6 : AF_INET; }
  socklen_t Length() const { return is_v6 ? sizeof v6 : sizeof v4; }
  const sockaddr* Name() const {
    return is_v6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
  }
};

// The descriptor, or the error of the call that failed after it had been opened.
Napi::Value Opened(const Napi::CallbackInfo& info, int fd, bool failed) {
  const Napi::Value result = Result(info, failed ? -1 : fd);
  if (failed && fd >= 0) close(fd);
  return result;
}

Napi::Value Open(const Napi::CallbackInfo& info) {
  const Host host(info[0].As<Napi::Uint8Array>());
  const int fd = socket(host.Family(), SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  return Opened(info, fd, fd < 0 || connect(fd, host.Name(), host.Length()) < 0);
}

Napi::Value ReservePort(const Napi::CallbackInfo& info) {
  const Host host(info[0].As<Napi::Uint8Array>());
  const int fd = socket(host.Family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  return Opened(info, fd, fd < 0 || bind(fd, host.Name(), host.Length()) < 0);
}

Napi::Value Send(const Napi::CallbackInfo& info) {
  const auto bytes = info[1].As<Napi::Uint8Array>();
  return Result(info, send(IntegerAt(info, 0), bytes.Data(), bytes.ByteLength(), MSG_NOSIGNAL));
}

Napi::Value Receive(const Napi::CallbackInfo& info) {
  auto into = info[1].As<Napi::Uint8Array>();
  return Result(info, recv(IntegerAt(info, 0), into.Data(), into.ByteLength(), 0));
}

}  // namespace

void DefineRawSocket(Napi::Env env, Napi::Object exports) {
  Define<Open>(env, exports, "rawSocketOpen");
  Define<Send>(env, exports, "rawSocketSend");
  Define<Receive>(env, exports, "rawSocketReceive");
  Define<ReservePort>(env, exports, "reserveTcpPort");
}

}  // namespace toakit
