// The version of this firmware; a release's build says it by -DESPCAM_VERSION.
#pragma once

#ifndef ESPCAM_VERSION
#define ESPCAM_VERSION "0.1.0"
#endif
