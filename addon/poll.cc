// Tells JavaScript through the event loop that a file descriptor is readable (uv_poll_t).
#include <uv.h>

#include "addon.h"

namespace toakit {
namespace {

class Poll;

// libuv uses a handle until its close callback has run, which may be after the JavaScript object is gone.
struct Handle {
  uv_poll_t poll;
  Poll* owner;
  napi_async_cleanup_hook_handle cleanup;
};

class Poll : public Napi::ObjectWrap<Poll> {
 public:
  static void Define(Napi::Env env, Napi::Object exports) {
    exports.Set("Poll", DefineClass(env, "Poll",
                                    {
                                        InstanceMethod<&Poll::Start>("start"),
                                        InstanceMethod<&Poll::Stop>("stop"),
                                        InstanceMethod<&Poll::KeepAlive>("ref"),
                                        InstanceMethod<&Poll::LetExit>("unref"),
                                        InstanceMethod<&Poll::Close>("close"),
                                    }));
  }

  explicit Poll(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<Poll>(info),
        callback_(Napi::Persistent(info[1].As<Napi::Function>())),
        context_(info.Env(), "TOAKIT_POLL") {
    uv_loop_s* loop = nullptr;
    napi_get_uv_event_loop(info.Env(), &loop);
    handle_ = new Handle();
    status_ = uv_poll_init(loop, &handle_->poll, IntegerAt(info, 0));
    if (status_ < 0) {
      delete handle_;
      handle_ = nullptr;
      return;
    }
    handle_->owner = this;
    handle_->poll.data = handle_;
    // The environment waits for this hook to be removed, which the close callback does.
    napi_add_async_cleanup_hook(
        info.Env(), [](napi_async_cleanup_hook_handle, void* data) { CloseHandle(static_cast<Handle*>(data)); },
        handle_, &handle_->cleanup);
  }

  ~Poll() override {
    if (handle_ != nullptr) CloseHandle(handle_);
  }

 private:
  // Negative values of libuv are errno codes. A closed poll, or one that could not be made, cannot start.
  Napi::Value Start(const Napi::CallbackInfo& info) {
    if (handle_ != nullptr) status_ = StartHandle(handle_);
    if (status_ == 0) HoldWhile(true);
    return Napi::Number::New(info.Env(), status_);
  }

  Napi::Value Stop(const Napi::CallbackInfo& info) {
    if (handle_ != nullptr) uv_poll_stop(&handle_->poll);
    HoldWhile(false);
    return Napi::Number::New(info.Env(), 0);
  }

  void KeepAlive(const Napi::CallbackInfo&) {
    if (handle_ != nullptr) uv_ref(reinterpret_cast<uv_handle_t*>(&handle_->poll));
  }

  void LetExit(const Napi::CallbackInfo&) {
    if (handle_ != nullptr) uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->poll));
  }

  void Close(const Napi::CallbackInfo&) {
    if (handle_ != nullptr) CloseHandle(handle_);
    HoldWhile(false);
    // It mostly refers to this object: a circle that the collector cannot see through.
    callback_.Reset();
  }

  // A started poll must not be collected because nobody but the event loop knows it any more.
  void HoldWhile(bool started) {
    if (started == held_) return;
    held_ = started;
    if (started) {
      Ref();
    } else {
      Unref();
    }
  }

  static int StartHandle(Handle* handle) { return uv_poll_start(&handle->poll, UV_READABLE, OnReadable); }

  static void OnReadable(uv_poll_t* poll, int status, int) {
    Handle* handle = static_cast<Handle*>(poll->data);
    // libuv stops at an error pending on the socket (the interface went down). Reading clears it: go on.
    if (status < 0) StartHandle(handle);
    handle->owner->Call();
  }

  // By hand: the wrapper aborts the process where a worker that ends can neither be called nor be told of it.
  void Call() {
    Napi::Env env = Env();
    Napi::HandleScope scope(env);
    napi_value thrown;
    if (napi_make_callback(env, context_, Value(), callback_.Value(), 0, nullptr, nullptr) ==
            napi_pending_exception &&
        napi_get_and_clear_last_exception(env, &thrown) == napi_ok) {
      napi_fatal_exception(env, thrown);
    }
  }

  // May come three times: from close(), from the environment's end, from the collector. Only the first counts.
  static void CloseHandle(Handle* handle) {
    if (handle->owner == nullptr) return;
    handle->owner->handle_ = nullptr;
    handle->owner->status_ = UV_EBADF;
    handle->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle->poll), [](uv_handle_t* closed) {
      Handle* handle = static_cast<Handle*>(closed->data);
      napi_remove_async_cleanup_hook(handle->cleanup);
      delete handle;
    });
  }

  Handle* handle_ = nullptr;
  int status_ = 0;
  bool held_ = false;
  Napi::FunctionReference callback_;
  Napi::AsyncContext context_;
};

}  // namespace

void DefinePoll(Napi::Env env, Napi::Object exports) { Poll::Define(env, exports); }

}  // namespace toakit
