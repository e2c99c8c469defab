// Memory in pages of its own.
#include <sys/mman.h>

#include "addon.h"

namespace toakit {
namespace {

// It goes with its ArrayBuffer, and what was mapped into it too. Huge pages are a wish: a kernel without them says EINVAL.
Napi::Value AllocatePages(const Napi::CallbackInfo& info) {
  const size_t bytes = static_cast<size_t>(info[0].As<Napi::Number>().Int64Value());
  void* pages =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) return Result(info, -1);
  if (info[1].As<Napi::Boolean>().Value()) madvise(pages, bytes, MADV_HUGEPAGE);
  return Napi::ArrayBuffer::New(info.Env(), pages, bytes, [bytes](Napi::Env, void* memory) { munmap(memory, bytes); });
}

}  // namespace

void DefinePages(Napi::Env env, Napi::Object exports) { Define<AllocatePages>(env, exports, "allocatePages"); }

}  // namespace toakit
