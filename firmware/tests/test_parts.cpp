// The small parts: backoff, pacer, crash loop, telemetry, texts, deadlines, the slot.
#include <camlink.h>
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <string>
#include <thread>

using namespace camlink;

TEST_CASE("Backoff: full jitter within limits that double to a minute") {
  for (const std::uint32_t random : {0U, 0x80000000U, 0xFFFFFFFFU}) {
    Backoff backoff;
    for (const std::uint32_t limit : {1000U, 2000U, 4000U, 8000U, 16000U, 32000U, 60000U, 60000U}) {
      const std::uint32_t wait = backoff.next_ms(random);
      CHECK(wait == static_cast<std::uint32_t>(std::uint64_t{random} * (limit + 1) >> 32));
      CHECK(wait <= limit);
    }
    backoff.reset();
    CHECK(backoff.next_ms(0xFFFFFFFF) == 1000);
  }
  Backoff backoff;
  CHECK(backoff.refused_ms(0) == 8000);
  CHECK(backoff.refused_ms(0xFFFFFFFF) == 12000);
}

TEST_CASE("Pacer: the rate is met on average, over a wrap of the clock") {
  for (const float fps : {0.5F, 7.0F, 30.0F, 60.0F}) {
    Pacer pacer(fps);
    int taken = 0;
    std::uint32_t now = 0xFFFF0000;
    for (int ms = 0; ms < 600000; ++ms, ++now) {
      taken += pacer.take(now) ? 1 : 0;
    }
    CHECK(taken == doctest::Approx(static_cast<double>(fps) * 600).epsilon(0.002));
  }
}

TEST_CASE("Pacer: a pause is not made up for, and a raised limit counts at once") {
  Pacer pacer(10);
  CHECK(pacer.take(1000));
  CHECK_FALSE(pacer.take(1099));
  CHECK(pacer.wait_ms(1099) == 1);
  CHECK(pacer.take(9000));
  CHECK_FALSE(pacer.take(9001));
  CHECK(pacer.wait_ms(9001) == 99);
  pacer.set_max_fps(0.5F);
  CHECK(pacer.take(9100));
  CHECK_FALSE(pacer.take(9200));
  pacer.set_max_fps(20);
  CHECK(pacer.wait_ms(9200) <= 50);
  CHECK(pacer.take(9200));
  CHECK(Pacer(5).wait_ms(77) == 0);
}

TEST_CASE("Crash loop: four crashes soon after the start lead to safe mode, a minute's run out of it") {
  CrashRecord record = {0xDEADBEEF, 77, 88, 99};  // what RTC memory holds after power-on
  CrashLoop loop(record);
  CHECK(loop.boot(ResetReason::kPowerOn) == BootMode::kNormal);
  CHECK(loop.quick_crashes() == 0);
  for (const ResetReason reason : {ResetReason::kPanic, ResetReason::kWatchdog, ResetReason::kBrownOut}) {
    CHECK(CrashLoop(record).boot(reason) == BootMode::kNormal);
  }
  CHECK(CrashLoop(record).boot(ResetReason::kPanic) == BootMode::kSafe);
  CrashLoop fifth(record);
  CHECK(fifth.boot(ResetReason::kPanic) == BootMode::kSafe);
  CHECK(fifth.restarts() == 5);
  fifth.run_for(59999);
  CHECK(fifth.quick_crashes() == 5);
  fifth.run_for(60000);
  CHECK(fifth.quick_crashes() == 0);
  CHECK(CrashLoop(record).boot(ResetReason::kPanic) == BootMode::kNormal);
  CHECK(CrashLoop(record).boot(ResetReason::kSoftware) == BootMode::kNormal);
  CHECK(record.quick_crashes == 0);
}

TEST_CASE("Crash loop: a record that was damaged counts as none") {
  CrashRecord record = {};
  CrashLoop(record).boot(ResetReason::kPowerOn);
  for (int crash = 0; crash < 3; ++crash) {
    CrashLoop(record).boot(ResetReason::kPanic);
  }
  record.quick_crashes = 40;
  CHECK(CrashLoop(record).boot(ResetReason::kPanic) == BootMode::kNormal);
  CHECK(record.quick_crashes == 1);
}

TEST_CASE("Crash loop: reasons have the names that the bridge shows") {
  CHECK(std::string(name(ResetReason::kPowerOn)) == "power_on");
  CHECK(std::string(name(ResetReason::kSoftware)) == "software");
  CHECK(std::string(name(ResetReason::kPanic)) == "panic");
  CHECK(std::string(name(ResetReason::kWatchdog)) == "watchdog");
  CHECK(std::string(name(ResetReason::kBrownOut)) == "brown_out");
  CHECK(std::string(name(ResetReason::kExternal)) == "external");
  CHECK(std::string(name(ResetReason::kUnknown)) == "unknown");
}

TEST_CASE("Frame meter: rates of the window, counts since the start") {
  FrameMeter meter;
  Telemetry out;
  meter.report(1000, out);
  CHECK(std::isnan(out.fps));
  CHECK(std::isnan(out.send_ms));
  meter.sent(10);
  meter.sent(30);
  meter.failed();
  meter.report(3000, out);
  CHECK(out.fps == doctest::Approx(1));
  CHECK(out.send_ms == doctest::Approx(20));
  CHECK(out.frames_sent == 2);
  CHECK(out.frames_failed == 1);
  meter.report(13000, out);
  CHECK(out.fps == 0);
  CHECK(std::isnan(out.send_ms));
  CHECK(out.frames_sent == 2);
}

TEST_CASE("Fixed text: never longer than its place") {
  FixedText<4> text;
  CHECK(text.assign("four"));
  CHECK_FALSE(text.assign("fives"));
  CHECK(text.view() == "four");
  text.clear();
  text.append("ab");
  text.append("cdef");
  CHECK(text.view() == "abcd");
  CHECK(std::string(text.c_str()) == "abcd");
  FixedText<20> number;
  number.append_number(-9223372036854775807LL - 1);
  CHECK(number.view() == "-9223372036854775808");
  number.clear();
  number.append_number(0);
  CHECK(number.view() == "0");
}

TEST_CASE("Deadline: over the clock's wrap") {
  Deadline deadline;
  CHECK_FALSE(deadline.due(5));
  deadline.arm(0xFFFFFFF0, 0x20);
  CHECK_FALSE(deadline.due(0xFFFFFFFF));
  CHECK_FALSE(deadline.take(0x0F));
  CHECK(deadline.due(0x10));
  CHECK(deadline.take(0x11));
  CHECK_FALSE(deadline.take(0x12));
}

TEST_CASE("Newest slot: everything is either taken or given back, also with two threads") {
  NewestSlot<int, -1> slot;
  constexpr int kItems = 200000;
  std::atomic<bool> done{false};
  long long given_back = 0, taken = 0;
  int last = -1;
  bool in_order = true;
  std::thread consumer([&] {
    while (!done || !slot.empty()) {
      const int item = slot.take();
      if (item != -1) {
        in_order = in_order && item > last;
        last = item;
        taken += item;
      }
    }
  });
  int displaced = 0;
  for (int item = 0; item < kItems; ++item) {
    const int old = slot.put(item);
    if (old != -1) {
      given_back += old;
      ++displaced;
    }
  }
  done = true;
  consumer.join();
  CHECK(in_order);
  CHECK(last == kItems - 1);
  CHECK(given_back + taken == static_cast<long long>(kItems) * (kItems - 1) / 2);
  CHECK(slot.dropped() == static_cast<std::uint32_t>(displaced));
}
