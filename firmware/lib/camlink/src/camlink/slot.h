// Hands the newest of something from one task to another: a slot for one, without locks.
#pragma once

#include <atomic>
#include <cstdint>

namespace camlink {

// `T` is an index or a pointer, `kNone` its empty value. Whoever takes something out owns it: the producer what it
// displaced (give it back to the driver), the consumer what it took.
template <typename T, T kNone>
class NewestSlot {
 public:
  // Puts the newest in; returns what it replaced, which nobody will take any more, or kNone.
  T put(T item) {
    const T displaced = slot_.exchange(item, std::memory_order_acq_rel);
    if (displaced != kNone) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
    }
    return displaced;
  }

  // Takes what is there, or kNone.
  T take() { return slot_.exchange(kNone, std::memory_order_acq_rel); }

  [[nodiscard]] bool empty() const { return slot_.load(std::memory_order_acquire) == kNone; }
  // How many were replaced before they were taken.
  [[nodiscard]] std::uint32_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  std::atomic<T> slot_{kNone};
  std::atomic<std::uint32_t> dropped_{0};
};

}  // namespace camlink
