#!/bin/sh
# The image's entrypoint: at the first start it writes a commented configuration to begin with, then runs the command.
set -eu
export ESPCAM_BRIDGE_CONFIG="${ESPCAM_BRIDGE_CONFIG:-/config/espcam-bridge.yaml}"
if [ ! -e "$ESPCAM_BRIDGE_CONFIG" ]; then
  espcam-bridge init "$(dirname "$ESPCAM_BRIDGE_CONFIG")"
fi
exec espcam-bridge "$@"
