// Whole frames from and to one interface, many per system call (packet(7), net/packet/af_packet.c).
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "addon.h"

// Of Linux 4.20; older C libraries lack it.
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

namespace toakit {
namespace {

constexpr int kMaximumBatch = 64;

constexpr int kPromiscuous = 1;
constexpr int kVirtioHeader = 2;
constexpr int kIgnoreOutgoing = 4;
constexpr int kAllMulticast = 8;
constexpr int kCooked = 16;
constexpr int kTimestamps = 32;

template <typename T>
bool Set(int fd, int level, int name, const T& value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool AttachFilter(int fd, sock_filter* program, size_t instructions) {
  return Set(fd, SOL_SOCKET, SO_ATTACH_FILTER, sock_fprog{static_cast<unsigned short>(instructions), program});
}

// A tap on an interface also sees the frames of its VLAN sub-interfaces, whose tags the kernel has put aside.
bool DropTaggedFrames(int fd) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  return AttachFilter(fd, program, sizeof program / sizeof *program);
}

// Past the limits of net.core where CAP_NET_ADMIN allows it, else as much as they allow.
bool SizeBuffer(int fd, int forced, int limited, int bytes) {
  return Set(fd, SOL_SOCKET, forced, bytes) || Set(fd, SOL_SOCKET, limited, bytes);
}

bool Join(int fd, int interface_index, int type) {
  packet_mreq membership = {};
  membership.mr_ifindex = interface_index;
  membership.mr_type = static_cast<unsigned short>(type);
  return Set(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership);
}

bool Bind(int fd, int interface_index) {
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = interface_index;
  return bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

bool Filter(int fd, const Napi::Value& program) {
  if (program.IsUndefined()) return DropTaggedFrames(fd);
  auto bytes = program.As<Napi::Uint8Array>();
  return AttachFilter(fd, reinterpret_cast<sock_filter*>(bytes.Data()), bytes.ByteLength() / sizeof(sock_filter));
}

bool Configure(int fd, int interface_index, int flags, int buffer_bytes) {
  return SizeBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer_bytes) &&
         SizeBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer_bytes) &&
         (!(flags & kTimestamps) || Set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1)) &&
         (!(flags & kVirtioHeader) || Set(fd, SOL_PACKET, PACKET_VNET_HDR, 1)) &&
         (!(flags & kIgnoreOutgoing) || Set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)) &&
         (!(flags & kPromiscuous) || Join(fd, interface_index, PACKET_MR_PROMISC)) &&
         (!(flags & kAllMulticast) || Join(fd, interface_index, PACKET_MR_ALLMULTI)) &&
         Bind(fd, interface_index);
}

Napi::Value Open(const Napi::CallbackInfo& info) {
  // Protocol 0: nothing is received before bind(), so no frame of another interface and none without its virtio header.
  const int flags = IntegerAt(info, 1);
  const int type = flags & kCooked ? SOCK_DGRAM : SOCK_RAW;
  const int fd = socket(AF_PACKET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || (Filter(fd, info[3]) && Configure(fd, IntegerAt(info, 0), flags, IntegerAt(info, 2)))) {
    return Result(info, fd);
  }
  const Napi::Value failure = Result(info, -1);
  close(fd);
  return failure;
}

// The messages of one recvmmsg() or sendmmsg() call, one buffer each.
struct Batch {
  mmsghdr messages[kMaximumBatch];
  iovec buffers[kMaximumBatch];
  alignas(cmsghdr) char controls[kMaximumBatch][CMSG_SPACE(sizeof(timespec))];

  void Put(int index, uint8_t* bytes, size_t length) {
    buffers[index] = {bytes, length};
    messages[index] = {};
    messages[index].msg_hdr.msg_iov = &buffers[index];
    messages[index].msg_hdr.msg_iovlen = 1;
  }

  void TakeTimestamp(int index) {
    messages[index].msg_hdr.msg_control = controls[index];
    messages[index].msg_hdr.msg_controllen = sizeof controls[index];
  }

  // In microseconds since 1970; 0 where the socket was not told to take timestamps.
  double Timestamp(int index) {
    const cmsghdr* control = CMSG_FIRSTHDR(&messages[index].msg_hdr);
    if (control == nullptr || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS) return 0;
    timespec time;
    memcpy(&time, CMSG_DATA(control), sizeof time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec / 1000);
  }
};

int64_t ReceiveBatch(int fd, uint8_t* arena, int32_t* table, int count, size_t capacity, double* times) {
  Batch batch;
  for (int i = 0; i < count; i++) {
    batch.Put(i, arena + table[2 * i], capacity);
    if (times != nullptr) batch.TakeTimestamp(i);
  }
  int filled = 0;
  while (filled < count) {
    const int received = recvmmsg(fd, batch.messages + filled, count - filled, MSG_DONTWAIT, nullptr);
    if (received >= 0) {
      for (const int end = filled + received; filled < end; filled++) {
        const mmsghdr& message = batch.messages[filled];
        const bool truncated = message.msg_hdr.msg_flags & MSG_TRUNC;
        table[2 * filled + 1] = truncated ? -EMSGSIZE : static_cast<int32_t>(message.msg_len);
        if (times != nullptr) times[filled] = batch.Timestamp(filled);
      }
      return filled;
    }
    if (errno == EINVAL) {
      // The kernel took a frame whose kind of GSO the virtio header has no name for, and threw it away.
      table[2 * filled++ + 1] = -EINVAL;
    } else if (errno == EAGAIN) {
      return filled;
    } else if (errno != EINTR) {
      return -1;
    }
  }
  return filled;
}

Napi::Value Receive(const Napi::CallbackInfo& info) {
  const int count = std::min(IntegerAt(info, 3), kMaximumBatch);
  double* times = info[5].IsUndefined() ? nullptr : info[5].As<Napi::Float64Array>().Data();
  return Result(info, ReceiveBatch(IntegerAt(info, 0), info[1].As<Napi::Uint8Array>().Data(),
                                   info[2].As<Napi::Int32Array>().Data(), count,
                                   static_cast<size_t>(IntegerAt(info, 4)), times));
}

int64_t SendBatch(int fd, uint8_t* arena, int32_t* table, int count) {
  Batch batch;
  for (int i = 0; i < count; i++) batch.Put(i, arena + table[2 * i], static_cast<size_t>(table[2 * i + 1]));
  int sent = 0;
  int next = 0;
  while (next < count) {
    const int done = sendmmsg(fd, batch.messages + next, count - next, MSG_DONTWAIT);
    if (done >= 0) {
      sent += done;
      next += done;
    } else if (errno == EAGAIN) {
      // No room in the send buffer: the frames that are left would fare no better.
      while (next < count) table[2 * next++ + 1] = -EAGAIN;
    } else if (errno != EINTR) {
      table[2 * next++ + 1] = -errno;
    }
  }
  return sent;
}

Napi::Value Send(const Napi::CallbackInfo& info) {
  const int count = std::min(IntegerAt(info, 3), kMaximumBatch);
  return Result(info, SendBatch(IntegerAt(info, 0), info[1].As<Napi::Uint8Array>().Data(),
                                info[2].As<Napi::Int32Array>().Data(), count));
}

Napi::Value Statistics(const Napi::CallbackInfo& info) {
  tpacket_stats statistics = {};
  socklen_t length = sizeof statistics;
  const int returned = getsockopt(IntegerAt(info, 0), SOL_PACKET, PACKET_STATISTICS, &statistics, &length);
  uint32_t* into = info[1].As<Napi::Uint32Array>().Data();
  into[0] = statistics.tp_packets;
  into[1] = statistics.tp_drops;
  return Result(info, returned);
}

}  // namespace

void DefinePacketSocket(Napi::Env env, Napi::Object exports) {
  Define<Open>(env, exports, "packetSocketOpen");
  Define<Receive>(env, exports, "packetSocketReceive");
  Define<Send>(env, exports, "packetSocketSend");
  Define<Statistics>(env, exports, "packetSocketStatistics");
}

}  // namespace toakit
