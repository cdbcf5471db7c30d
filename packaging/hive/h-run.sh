#!/usr/bin/env bash
# Hive runs this in the miner's directory, in a screen that it ends when the miner is stopped.
cd "$(dirname "$0")" || exit 1
. ./h-manifest.conf
mkdir -p "$(dirname "$CUSTOM_LOG_BASENAME")"
# Whoever copies the output outlives the rig, which still bills its jobs while it is stopped.
exec ./rerig up --yes --config "$CUSTOM_CONFIG_FILENAME" > >(trap '' HUP INT TERM; exec tee -a "$CUSTOM_LOG_BASENAME.log") 2>&1
