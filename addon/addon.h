// What the files of this addon share. JavaScript checks arguments, this code trusts them. Every function answers a
// number: a result of zero or more, or -errno. There is no static state: each worker thread loads an instance of its own.
#pragma once

#include <napi.h>

#include <cerrno>
#include <cstdint>

namespace toakit {

void DefineTcpSavedSyn(Napi::Env env, Napi::Object exports);
void DefineSocketOption(Napi::Env env, Napi::Object exports);
void DefineNetworkInterface(Napi::Env env, Napi::Object exports);
void DefinePacketSocket(Napi::Env env, Napi::Object exports);
void DefineProcessFile(Napi::Env env, Napi::Object exports);
void DefinePages(Napi::Env env, Napi::Object exports);
void DefinePacketRing(Napi::Env env, Napi::Object exports);
void DefinePoll(Napi::Env env, Napi::Object exports);
void DefineRawSocket(Napi::Env env, Napi::Object exports);

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void Define(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(env, name));
}

inline int32_t IntegerAt(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Int32Value();
}

// What a system call returned, as a result of this addon.
inline Napi::Value Result(const Napi::CallbackInfo& info, int64_t returned) {
  return Napi::Number::New(info.Env(), static_cast<double>(returned < 0 ? -errno : returned));
}

}  // namespace toakit
