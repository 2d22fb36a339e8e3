// The version of this firmware; a release's build says it by -DESPCAM_VERSION.
#pragma once

#ifndef ESPCAM_VERSION
#define ESPCAM_VERSION "1.0.0"
#endif
