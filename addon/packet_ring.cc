// Frames of a packet socket without a system call: the kernel puts them into memory that it shares with us (TPACKET_V2,
// Documentation/networking/packet_mmap.rst; net/packet/af_packet.c).
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "addon.h"

namespace toakit {
namespace {

// Slots between the one that is handed over and the one that is fetched: time enough for memory to answer.
constexpr unsigned kAhead = 8;
// Where a packet begins in its slot without a reserve, and what stands before it: virtio_net_hdr and the Ethernet header.
constexpr int kPacketOffset = 90;
constexpr int kHeadersBefore = 24;

template <typename T>
bool Set(int fd, int name, const T& value) {
  return setsockopt(fd, SOL_PACKET, name, &value, sizeof value) == 0;
}

// The ring of one packet socket, over a part of an arena. While it is mapped the kernel keeps the socket, also when its
// descriptor was closed.
class PacketRing : public Napi::ObjectWrap<PacketRing> {
 public:
  static void Define(Napi::Env env, Napi::Object exports) {
    exports.Set("PacketRing", DefineClass(env, "PacketRing",
                                          {
                                              InstanceMethod<&PacketRing::Open>("open"),
                                              InstanceMethod<&PacketRing::Receive>("receive"),
                                              InstanceMethod<&PacketRing::Release>("release"),
                                              InstanceMethod<&PacketRing::IsEmpty>("isEmpty"),
                                              InstanceMethod<&PacketRing::PendingError>("pendingError"),
                                              InstanceMethod<&PacketRing::Close>("close"),
                                          }));
  }

  explicit PacketRing(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<PacketRing>(info),
        fd_(IntegerAt(info, 0)),
        arena_(Napi::Persistent(info[1].As<Napi::Uint8Array>())),
        memory_(info[1].As<Napi::Uint8Array>().Data()),
        ring_(memory_ + IntegerAt(info, 2)),
        reserve_(IntegerAt(info, 7)) {
    request_.tp_block_size = static_cast<unsigned>(IntegerAt(info, 3));
    request_.tp_block_nr = static_cast<unsigned>(IntegerAt(info, 4));
    request_.tp_frame_size = static_cast<unsigned>(IntegerAt(info, 5));
    capacity_ = static_cast<size_t>(IntegerAt(info, 6));
    per_block_ = request_.tp_block_size / request_.tp_frame_size;
    request_.tp_frame_nr = per_block_ * request_.tp_block_nr;
  }

 private:
  size_t Bytes() const { return size_t{request_.tp_block_size} * request_.tp_block_nr; }

  tpacket2_hdr* Slot(unsigned index) const {
    const size_t offset = size_t{index / per_block_} * request_.tp_block_size +
                          size_t{index % per_block_} * request_.tp_frame_size;
    return reinterpret_cast<tpacket2_hdr*>(ring_ + offset);
  }

  unsigned After(unsigned index) const { return index + 1 == request_.tp_frame_nr ? 0 : index + 1; }

  static bool IsFilled(const tpacket2_hdr* slot) {
    return __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
  }

  Napi::Value Open(const Napi::CallbackInfo& info) {
    // A frame that is longer than a slot is kept in the socket's queue besides, whatever the number.
    const int keep_long_frames = 1;
    const int version = TPACKET_V2;
    const bool set = Set(fd_, PACKET_VERSION, version) && Set(fd_, PACKET_RESERVE, reserve_) &&
                     Set(fd_, PACKET_COPY_THRESH, keep_long_frames) && Set(fd_, PACKET_RX_RING, request_);
    if (!set || mmap(ring_, Bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_, 0) == MAP_FAILED) {
      return Result(info, -1);
    }
    mapped_ = true;
    next_ = 0;
    held_ = 0;
    return Result(info, 0);
  }

  Napi::Value Receive(const Napi::CallbackInfo& info) {
    const int32_t* spare = info[0].As<Napi::Int32Array>().Data();
    int32_t* frames = info[1].As<Napi::Int32Array>().Data();
    const int count = IntegerAt(info, 2);
    int filled = 0;
    while (filled < count && mapped_) {
      const tpacket2_hdr* slot = Slot(next_);
      if (!IsFilled(slot)) break;
      Take(slot, spare[filled], frames + 2 * filled);
      next_ = After(next_);
      Prefetch(Slot((next_ + kAhead) % request_.tp_frame_nr));
      held_++;
      filled++;
    }
    return Result(info, filled);
  }

  // Fetches what will be read of a frame while the ones before it are handled: another processor wrote it.
  void Prefetch(const tpacket2_hdr* slot) const {
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(slot);
    const uint8_t* packet = bytes + kPacketOffset + reserve_;
    __builtin_prefetch(bytes);
    __builtin_prefetch(packet - kHeadersBefore, 1);
    __builtin_prefetch(packet, 1);
  }

  // A pair of offset and length for one frame.
  void Take(const tpacket2_hdr* slot, int32_t spare, int32_t* frame) const {
    if (slot->tp_snaplen == slot->tp_len) {
      frame[0] = static_cast<int32_t>(reinterpret_cast<const uint8_t*>(slot) - memory_) + slot->tp_mac;
      frame[1] = static_cast<int32_t>(slot->tp_len);
    } else if (slot->tp_status & TP_STATUS_COPY) {
      frame[0] = spare;
      frame[1] = ReceiveLong(memory_ + spare);
    } else {
      frame[1] = -ENOBUFS;
    }
  }

  // The copy that was kept of a frame, with its virtio_net_hdr right before `to`.
  int32_t ReceiveLong(uint8_t* to) const {
    constexpr int kVirtioHeader = 10;
    for (;;) {
      const ssize_t length = recv(fd_, to - kVirtioHeader, capacity_, MSG_DONTWAIT | MSG_TRUNC);
      if (length >= 0) {
        return static_cast<size_t>(length) > capacity_ ? -EMSGSIZE : static_cast<int32_t>(length) - kVirtioHeader;
      }
      // An error of the interface, pending on the socket, is not this frame's; reading clears it.
      if (errno != EINTR && errno != ENETDOWN) return -errno;
    }
  }

  // Reads what poll would tell for ever: the ring is read without the socket's being asked.
  Napi::Value PendingError(const Napi::CallbackInfo& info) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) == 0) errno = error;
    return Result(info, errno == 0 ? 0 : -1);
  }

  // Gives the slots of what was received back to the kernel.
  Napi::Value Release(const Napi::CallbackInfo& info) {
    const unsigned frames = request_.tp_frame_nr;
    for (unsigned index = (next_ + frames - held_) % frames; held_ > 0; held_--, index = After(index)) {
      __atomic_store_n(&Slot(index)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    }
    return Result(info, 0);
  }

  Napi::Value IsEmpty(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), !mapped_ || !IsFilled(Slot(next_)));
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    return Result(info, Unmap() && Set(fd_, PACKET_RX_RING, tpacket_req{}) ? 0 : -1);
  }

  // Puts ordinary memory in the ring's place: views of the arena stay valid.
  bool Unmap() {
    if (!mapped_) return true;
    mapped_ = false;
    held_ = 0;
    return mmap(ring_, Bytes(), PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED;
  }

  const int fd_;
  const Napi::Reference<Napi::Uint8Array> arena_;
  uint8_t* const memory_;
  uint8_t* const ring_;
  const int reserve_;
  tpacket_req request_ = {};
  size_t capacity_;
  unsigned per_block_;
  unsigned next_ = 0;
  unsigned held_ = 0;
  bool mapped_ = false;
};

}  // namespace

void DefinePacketRing(Napi::Env env, Napi::Object exports) {
  PacketRing::Define(env, exports);
}

}  // namespace toakit
