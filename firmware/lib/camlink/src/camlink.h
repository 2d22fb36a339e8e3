// All of camlink. Arduino's library search needs a header on top.
#pragma once

#include "camlink/backoff.h"
#include "camlink/clock.h"
#include "camlink/crashloop.h"
#include "camlink/image.h"
#include "camlink/improv.h"
#include "camlink/jpeg.h"
#include "camlink/json.h"
#include "camlink/limits.h"
#include "camlink/pacer.h"
#include "camlink/protocol.h"
#include "camlink/session.h"
#include "camlink/settings.h"
#include "camlink/sha256.h"
#include "camlink/slot.h"
#include "camlink/telemetry.h"
#include "camlink/text.h"
