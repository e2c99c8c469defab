// An interface's index, and its MTU, flags and MAC address (netdevice(7)).
#include <endian.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "addon.h"

namespace toakit {
namespace {

// An interface's name; one that is too long is cut to a length that no name has, and so is not found.
struct Name {
  char text[IFNAMSIZ + 1] = {};

  explicit Name(const Napi::Value& value) {
    napi_get_value_string_utf8(value.Env(), value, text, sizeof text, nullptr);
  }
};

Napi::Value InterfaceIndex(const Napi::CallbackInfo& info) {
  const unsigned int index = if_nametoindex(Name(info[0]).text);
  return Result(info, index == 0 ? -1 : static_cast<int64_t>(index));
}

int Describe(int fd, const Name& name, uint8_t* into) {
  if (name.text[IFNAMSIZ - 1] != 0) {
    errno = ENODEV;
    return -1;
  }
  ifreq request = {};
  memcpy(request.ifr_name, name.text, IFNAMSIZ);
  if (ioctl(fd, SIOCGIFMTU, &request) < 0) return -1;
  const uint32_t mtu = htole32(static_cast<uint32_t>(request.ifr_mtu));
  if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) return -1;
  const uint32_t flags = htole32(static_cast<uint16_t>(request.ifr_flags));
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) return -1;
  const uint16_t hardware = htole16(request.ifr_hwaddr.sa_family);
  memcpy(into, &mtu, 4);
  memcpy(into + 4, &flags, 4);
  memcpy(into + 8, request.ifr_hwaddr.sa_data, 6);
  memcpy(into + 14, &hardware, 2);
  return 16;
}

Napi::Value InterfaceDescription(const Napi::CallbackInfo& info) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Result(info, fd);
  const int described = Describe(fd, Name(info[0]), info[1].As<Napi::Uint8Array>().Data());
  const Napi::Value result = Result(info, described);
  close(fd);
  return result;
}

}  // namespace

void DefineNetworkInterface(Napi::Env env, Napi::Object exports) {
  Define<InterfaceIndex>(env, exports, "interfaceIndex");
  Define<InterfaceDescription>(env, exports, "interfaceDescription");
}

}  // namespace toakit
