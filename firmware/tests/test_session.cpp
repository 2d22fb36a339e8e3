#include <camlink.h>
#include <doctest/doctest.h>

#include <string>

#include "board.h"

using namespace camlink;
using camlink_tests::Rig;

namespace {

constexpr const char* kUpdate =
    R"({"type":"update","id":5,"url":"http://192.168.1.2:3001/firmware/abc",)"
    R"("sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":1000,"version":"1.2.0"})";

std::string state(const Rig& rig) { return name(rig.session.state()); }

}  // namespace

TEST_CASE("Session: from the start to streaming") {
  Rig rig;
  CHECK(state(rig) == "wifi");
  CHECK(rig.board.joins == 1);
  rig.session.on_wifi_up(rig.now_ms);
  CHECK(state(rig) == "connect");
  CHECK(rig.board.dialled.host.view() == "192.168.1.2");
  CHECK(rig.board.dialled.port == 3001);
  CHECK(rig.board.dialled.path.view() == "/ws/front_door");
  CHECK(rig.board.shown == "00112233445566778899aabbccddeeff");
  rig.session.on_open(rig.now_ms);
  CHECK(state(rig) == "hello");
  CHECK(rig.board.last().find(R"("type":"hello")") != std::string::npos);
  rig.hear(
      R"({"type":"welcome","camera_id":"front_door","server_time_ms":1764158400000,"values":{"framesize":"VGA","quality":9}})");
  CHECK(state(rig) == "stream");
  CHECK(rig.board.clock_unix_ms == 1764158400000);
  CHECK(rig.board.driver.framesize == Framesize::kVga);
  CHECK(rig.session.values().quality == 9);
  CHECK(rig.board.last() == R"({"type":"state","framesize":"VGA","quality":9,"max_fps":10,"flash":0})");
  rig.pass(100);
  CHECK(rig.board.last().find(R"("type":"telemetry")") != std::string::npos);
  rig.pass(10000);
  CHECK(rig.board.count(R"("type":"telemetry")") == 2);
}

TEST_CASE("Session: one picture before the welcome, none twice, all after it") {
  Rig rig;
  CHECK_FALSE(rig.session.wants_frame());
  rig.session.on_wifi_up(rig.now_ms);
  CHECK_FALSE(rig.session.wants_frame());
  rig.session.on_open(rig.now_ms);
  CHECK(rig.session.wants_frame());
  rig.session.on_frame_sent(rig.now_ms);
  CHECK_FALSE(rig.session.wants_frame());
  rig.hear(R"({"type":"welcome"})");
  CHECK(rig.session.wants_frame());
}

TEST_CASE("Session: no network known opens the portal, and what it brings is used") {
  Rig rig(false);
  CHECK(state(rig) == "provision");
  CHECK(rig.board.portal_open);
  rig.pass(3600000, 1000);
  CHECK(state(rig) == "provision");
  rig.session.on_configured(rig.now_ms);  // nothing useful was typed
  CHECK(state(rig) == "provision");
  rig.configuration = camlink_tests::some_configuration();
  rig.session.on_configured(rig.now_ms);
  CHECK(state(rig) == "wifi");
  CHECK_FALSE(rig.board.portal_open);
}

TEST_CASE("Session: a network that is not reached is tried again, then the portal opens, then again") {
  Rig rig;
  rig.pass(31000, 500);
  CHECK(rig.board.joins == 2);
  rig.pass(270000, 500);
  CHECK(state(rig) == "provision");
  CHECK(rig.board.portal_open);
  rig.pass(300500, 500);
  CHECK(state(rig) == "wifi");
  CHECK_FALSE(rig.board.portal_open);
  rig.pass(300500, 500);
  CHECK(rig.board.portal_open);
  rig.session.on_wifi_up(rig.now_ms);  // the access point is back
  CHECK(state(rig) == "connect");
  CHECK_FALSE(rig.board.portal_open);
}

TEST_CASE("Session: without a host it asks the network, again and again") {
  Rig rig;
  rig.configuration.host.clear();
  rig.session.on_wifi_up(rig.now_ms);
  CHECK(state(rig) == "discover");
  CHECK(rig.board.searches == 1);
  rig.pass(5000);
  CHECK(state(rig) == "backoff");
  CHECK(rig.session.last_problem().view() == "no bridge answers in this network: give the camera its address");
  rig.session.on_discovered(rig.now_ms, "late.lan", 1, false);
  CHECK(state(rig) == "backoff");
  rig.pass(1000);
  CHECK(rig.board.searches == 2);
  rig.session.on_discovered(rig.now_ms, "bridge.local", 3443, true);
  CHECK(state(rig) == "connect");
  CHECK(rig.board.dialled.host.view() == "bridge.local");
  CHECK(rig.board.dialled.port == 3443);
  CHECK(rig.board.dialled.tls);
}

TEST_CASE("Session: waits grow while nobody answers, and begin anew after a welcome") {
  Rig rig;
  rig.board.next_random = 0xFFFFFFFF;
  rig.session.on_wifi_up(rig.now_ms);
  for (const std::uint32_t wait_ms : {1000U, 2000U, 4000U, 8000U, 16000U, 32000U, 60000U, 60000U}) {
    const int dials = rig.board.dials;
    rig.session.on_closed(rig.now_ms, 0, "");
    CHECK(state(rig) == "backoff");
    rig.pass(wait_ms - 100);
    CHECK(rig.board.dials == dials);
    rig.pass(100);
    CHECK(rig.board.dials == dials + 1);
  }
  CHECK(rig.session.last_problem().view() == "the bridge cannot be reached");
  rig.session.on_open(rig.now_ms);
  rig.hear(R"({"type":"welcome"})");
  CHECK(rig.session.last_problem().empty());
  rig.session.on_closed(rig.now_ms, 1001, "the bridge is stopping");
  CHECK(rig.session.last_problem().view() == "1001: the bridge is stopping");
  const int dials = rig.board.dials;
  rig.pass(1000);
  CHECK(rig.board.dials == dials + 1);
}

TEST_CASE("Session: a refusal is asked again every ten seconds, never longer") {
  Rig rig;
  rig.session.on_wifi_up(rig.now_ms);
  for (const CloseCode code :
       {kCloseBadHello, kCloseBadToken, kCloseWaitsForApproval, kCloseUnknownCamera, kCloseReplaced}) {
    rig.session.on_open(rig.now_ms);
    const int dials = rig.board.dials;
    rig.session.on_closed(rig.now_ms, code, "waits for approval");
    rig.pass(9900);
    CHECK(rig.board.dials == dials);
    rig.pass(200);
    CHECK(rig.board.dials == dials + 1);
  }
}

TEST_CASE("Session: dialling, welcome and silence have their limits") {
  Rig rig;
  rig.session.on_wifi_up(rig.now_ms);
  rig.pass(20000);
  CHECK(rig.session.last_problem().view() == "the bridge did not answer in time");
  CHECK(rig.board.closes == 1);
  rig.session.on_open(rig.now_ms);  // too late
  CHECK(state(rig) == "backoff");
  rig.pass(1000);
  rig.session.on_open(rig.now_ms);
  rig.pass(10000);
  CHECK(rig.session.last_problem().view() == "the bridge did not say welcome: is it one?");
  rig.pass(2000);
  rig.session.on_open(rig.now_ms);
  rig.hear(R"({"type":"welcome"})");
  rig.pass(15000);
  CHECK(rig.board.pings == 1);
  rig.session.on_heard(rig.now_ms);
  rig.pass(44000);
  CHECK(state(rig) == "idle");
  CHECK(rig.board.pings == 3);
  rig.pass(1000);
  CHECK(rig.board.closed_with == kCloseSilent);
  CHECK(state(rig) == "backoff");
}

TEST_CASE("Session: the Wi-Fi goes and comes at any moment") {
  for (const char* moment : {"connect", "hello", "stream", "backoff", "discover"}) {
    CAPTURE(moment);
    Rig rig;
    if (std::string(moment) == "discover") {
      rig.configuration.host.clear();
    }
    rig.session.on_wifi_up(rig.now_ms);
    if (std::string(moment) == "hello" || std::string(moment) == "stream") {
      rig.session.on_open(rig.now_ms);
    }
    if (std::string(moment) == "stream") {
      rig.hear(R"({"type":"welcome"})");
    }
    if (std::string(moment) == "backoff") {
      rig.session.on_closed(rig.now_ms, 0, "");
    }
    REQUIRE(state(rig) == moment);
    rig.session.on_wifi_down(rig.now_ms);
    CHECK(state(rig) == "wifi");
    CHECK(rig.board.joins == 2);
    rig.session.on_closed(rig.now_ms, 0, "late");
    CHECK(state(rig) == "wifi");
    rig.session.on_wifi_up(rig.now_ms);
    CHECK((state(rig) == "connect" || state(rig) == "discover"));
  }
}

TEST_CASE("Session: set is carried out, answered once, and what is in force is told") {
  Rig rig;
  rig.welcome();
  rig.board.sent.clear();
  rig.hear(R"({"type":"set","id":7,"values":{"quality":20,"flash":5,"max_fps":99}})");
  REQUIRE(rig.board.sent.size() == 2);
  CHECK(rig.board.sent[0] == R"({"type":"ack","id":7,"ok":false,"error":"max_fps: not a number from 0.5 to 60"})");
  CHECK(rig.board.sent[1] == R"({"type":"state","framesize":"SVGA","quality":20,"max_fps":10,"flash":5})");
  rig.board.refuses = true;
  rig.hear(R"({"type":"set","id":8,"values":{"framesize":"QVGA","x":1}})");
  CHECK(
      rig.board.sent[2] ==
      R"({"type":"ack","id":8,"ok":false,"error":"x: cannot be set on this board; framesize: the sensor does not take it"})");
  CHECK(rig.session.values().framesize == Framesize::kSvga);
  rig.board.refuses = false;
  rig.hear(R"({"type":"set","id":9,"values":{}})");
  CHECK(rig.board.sent[4] == R"({"type":"ack","id":9,"ok":true})");
  rig.hear(R"({"type":"set","values":{"quality":30}})");  // nobody wants an answer
  CHECK(rig.board.count("ack") == 3);
  CHECK(rig.session.values().quality == 30);
}

TEST_CASE("Session: commands that it does not know, and texts that are none") {
  Rig rig;
  rig.welcome();
  rig.board.sent.clear();
  rig.hear(R"({"type":"dance","id":3})");
  CHECK(rig.board.last() == R"({"type":"ack","id":3,"ok":false,"error":"unknown command dance"})");
  rig.hear("rubbish");
  rig.hear(R"({"type":"dance"})");
  CHECK(rig.board.sent.size() == 1);
  CHECK(state(rig) == "stream");
}

TEST_CASE("Session: restart is answered, then the link is closed, then it restarts") {
  Rig rig;
  rig.welcome();
  rig.hear(R"({"type":"restart","id":4})");
  CHECK(rig.board.last() == R"({"type":"ack","id":4,"ok":true})");
  CHECK(rig.board.restarts == 0);
  CHECK_FALSE(rig.session.wants_frame());
  rig.pass(300);
  CHECK(rig.board.closed_with == kCloseGoingAway);
  CHECK(rig.board.restarts == 1);
  CHECK(std::string(name(rig.board.restart_reason)) == "command");
  rig.hear(R"({"type":"restart","id":5})");
  rig.pass(5000);
  CHECK(rig.board.restarts == 1);
}

TEST_CASE("Session: no picture for long is idle, one ends it") {
  Rig rig;
  rig.welcome();
  rig.pass(4900);
  CHECK(state(rig) == "stream");
  rig.pass(100);
  CHECK(state(rig) == "idle");
  CHECK(rig.session.wants_frame());
  rig.session.on_frame_sent(rig.now_ms);
  CHECK(state(rig) == "stream");
}

TEST_CASE("Session: a camera that brings nothing is power-cycled, then the board restarts") {
  Rig rig;
  rig.welcome();
  rig.session.on_camera_failed(rig.now_ms);
  rig.session.on_camera_failed(rig.now_ms);
  rig.session.on_camera_works(rig.now_ms);
  rig.session.on_camera_failed(rig.now_ms);
  rig.session.on_camera_failed(rig.now_ms);
  CHECK(rig.board.power_cycles == 0);
  rig.session.on_camera_failed(rig.now_ms);
  CHECK(rig.board.power_cycles == 1);
  CHECK(state(rig) == "cam_recover");
  CHECK_FALSE(rig.session.wants_frame());
  rig.session.on_camera_failed(rig.now_ms);  // while it is being mended
  rig.session.on_camera_recovered(rig.now_ms, true);
  CHECK(state(rig) == "stream");
  rig.session.on_camera_works(rig.now_ms);

  for (int round = 1; round <= 3; ++round) {
    for (int failure = 0; failure < 3; ++failure) {
      rig.session.on_camera_failed(rig.now_ms);
    }
    CHECK(rig.board.power_cycles == 1 + round);
    rig.session.on_camera_recovered(rig.now_ms, round != 2);  // one does not even start: the next follows at once
    if (round == 2) {
      CHECK(rig.board.power_cycles == 4);
      rig.session.on_camera_recovered(rig.now_ms, true);
      break;
    }
  }
  for (int failure = 0; failure < 3; ++failure) {
    rig.session.on_camera_failed(rig.now_ms);
  }
  rig.pass(300);
  CHECK(rig.board.restarts == 1);
  CHECK(std::string(name(rig.board.restart_reason)) == "camera");
}

TEST_CASE("Session: a camera that is mended while the link is away streams at the next welcome") {
  Rig rig;
  rig.welcome();
  for (int failure = 0; failure < 3; ++failure) {
    rig.session.on_camera_failed(rig.now_ms);
  }
  rig.session.on_closed(rig.now_ms, 0, "");
  rig.session.on_camera_recovered(rig.now_ms, true);
  CHECK(state(rig) == "backoff");
  rig.pass(2000);
  rig.session.on_open(rig.now_ms);
  rig.hear(R"({"type":"welcome"})");
  CHECK(state(rig) == "stream");
  CHECK(rig.session.reconnects() == 1);
}

TEST_CASE("Session: an update, told at most twice a second, and a restart at its end") {
  Rig rig;
  rig.welcome();
  rig.pass(100);
  rig.board.sent.clear();
  rig.hear(kUpdate);
  CHECK(state(rig) == "ota");
  CHECK(rig.board.updates == 1);
  CHECK(rig.board.ordered.size_bytes == 1000);
  CHECK(rig.session.wants_frame());
  for (std::uint32_t written = 10; written <= 1000; written += 10) {
    rig.session.on_update_progress(rig.now_ms, written);
    rig.pass(20, 20);
  }
  CHECK(rig.board.count("progress") == 4);  // in 2 s
  rig.hear(
      R"({"type":"update","id":6,"url":"http://a/b","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":1,"version":"2"})");
  CHECK(rig.board.last().find("another update is being fetched") != std::string::npos);
  rig.session.on_update_ended(rig.now_ms, "");
  CHECK(rig.board.last() == R"({"type":"ack","id":5,"ok":true})");
  rig.pass(300);
  CHECK(rig.board.restarts == 1);
  CHECK(std::string(name(rig.board.restart_reason)) == "update");
}

TEST_CASE("Session: an update that fails changes nothing") {
  Rig rig;
  rig.welcome();
  rig.hear(kUpdate);
  rig.session.on_update_ended(rig.now_ms, "the SHA-256 is not the one announced");
  CHECK(rig.board.last() == R"({"type":"ack","id":5,"ok":false,"error":"the SHA-256 is not the one announced"})");
  CHECK(state(rig) == "stream");
  rig.pass(1000);
  CHECK(rig.board.restarts == 0);
  rig.session.on_update_ended(rig.now_ms, "");  // late
  rig.pass(1000);
  CHECK(rig.board.restarts == 0);

  rig.hear(kUpdate);
  CHECK(rig.board.updates == 2);
  rig.session.on_heard(rig.now_ms);
  rig.pass(30000);
  rig.session.on_heard(rig.now_ms);
  rig.pass(30000);
  CHECK(rig.board.last() == R"({"type":"ack","id":5,"ok":false,"error":"no bytes came for a minute"})");
  CHECK(rig.board.restarts == 0);
}

TEST_CASE("Session: an update goes on while the link is away") {
  Rig rig;
  rig.welcome();
  rig.hear(kUpdate);
  rig.session.on_closed(rig.now_ms, 0, "");
  CHECK(rig.session.updating());
  rig.pass(1000);
  rig.session.on_open(rig.now_ms);
  rig.hear(R"({"type":"welcome"})");
  CHECK(state(rig) == "ota");
  rig.session.on_closed(rig.now_ms, 0, "");
  rig.session.on_update_ended(rig.now_ms, "");
  rig.pass(300);
  CHECK(rig.board.restarts == 1);
}

TEST_CASE("Session: a new image is valid when the bridge welcomes it, and goes when it does not") {
  Rig welcomed(true, true);
  welcomed.session.on_wifi_up(welcomed.now_ms);
  welcomed.session.on_open(welcomed.now_ms);
  CHECK(welcomed.board.marked_valid == 0);
  welcomed.hear(R"({"type":"welcome"})");
  CHECK(welcomed.board.marked_valid == 1);
  for (int round = 0; round < 40; ++round) {
    welcomed.session.on_heard(welcomed.now_ms);
    welcomed.pass(10000);
  }
  CHECK(welcomed.board.rolled_back == 0);

  Rig lost(true, true);
  lost.session.on_wifi_up(lost.now_ms);
  for (int round = 0; round < 60; ++round) {
    lost.session.on_open(lost.now_ms);
    lost.session.on_closed(lost.now_ms, 4403, "");
    lost.pass(4900);
  }
  CHECK(lost.board.rolled_back == 0);
  lost.pass(7000);
  CHECK(lost.board.rolled_back == 1);
  lost.pass(600000, 1000);
  CHECK(lost.board.rolled_back == 1);
}

TEST_CASE("Session: other settings are used at once, from any state") {
  Rig rig;
  rig.welcome();
  rig.configuration.host.assign("other.lan");
  rig.session.on_configured(rig.now_ms);
  CHECK(rig.board.closed_because == "the camera was given other settings");
  CHECK(state(rig) == "wifi");
  rig.session.on_wifi_up(rig.now_ms);
  CHECK(rig.board.dialled.host.view() == "other.lan");
}

TEST_CASE("Session: a socket that takes nothing does no harm") {
  Rig rig;
  rig.session.on_wifi_up(rig.now_ms);
  rig.board.takes_texts = false;
  rig.session.on_open(rig.now_ms);
  rig.hear(R"({"type":"welcome"})");
  rig.hear(R"({"type":"set","id":1,"values":{"quality":30}})");
  CHECK(rig.session.values().quality == 30);
  CHECK(state(rig) == "stream");
}

TEST_CASE("Session: events that nobody expects are passed over") {
  Rig rig;
  rig.session.start(rig.now_ms, false);
  CHECK(rig.board.joins == 1);
  rig.hear(R"({"type":"restart","id":1})");
  rig.session.on_open(rig.now_ms);
  rig.session.on_closed(rig.now_ms, 1000, "");
  rig.session.on_frame_sent(rig.now_ms);
  rig.session.on_update_progress(rig.now_ms, 5);
  rig.session.on_camera_recovered(rig.now_ms, true);
  rig.session.on_wifi_down(rig.now_ms);
  CHECK(state(rig) == "wifi");
  CHECK(rig.board.sent.empty());
  for (int value = 0; value < 12; ++value) {
    CHECK_FALSE(std::string(name(static_cast<State>(value))).empty());
  }
  CHECK(std::string(name(static_cast<State>(99))) == "unknown");
  CHECK(std::string(name(static_cast<RestartReason>(99))) == "unknown");
  CHECK(std::string(name(RestartReason::kTrial)) == "trial");
}
