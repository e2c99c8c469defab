#include "addon.h"

static Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  toakit::DefineTcpSavedSyn(env, exports);
  toakit::DefineSocketOption(env, exports);
  toakit::DefineNetworkInterface(env, exports);
  toakit::DefinePacketSocket(env, exports);
  toakit::DefinePacketRing(env, exports);
  toakit::DefinePages(env, exports);
  toakit::DefineProcessFile(env, exports);
  toakit::DefinePoll(env, exports);
  toakit::DefineRawSocket(env, exports);
  return exports;
}

NODE_API_MODULE(toakit, Initialize)
