// A mutex of FreeRTOS, held for a scope.
#pragma once

#include <freertos/FreeRTOS.h>
#include <freertos/semphr.h>

namespace espcam {

class Mutex {
 public:
  Mutex() : handle_(xSemaphoreCreateMutexStatic(&memory_)) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // Waits at most `wait` ticks; false when somebody else still has it.
  bool take(TickType_t wait) { return xSemaphoreTake(handle_, wait) == pdTRUE; }
  void give() { xSemaphoreGive(handle_); }

 private:
  StaticSemaphore_t memory_ = {};
  SemaphoreHandle_t handle_;
};

// Holds a mutex until the end of the scope, when it could be had.
class Hold {
 public:
  Hold(Mutex& mutex, TickType_t wait) : mutex_(mutex), held_(mutex.take(wait)) {}
  ~Hold() {
    if (held_) {
      mutex_.give();
    }
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

  [[nodiscard]] bool held() const { return held_; }

 private:
  Mutex& mutex_;
  bool held_;
};

}  // namespace espcam
