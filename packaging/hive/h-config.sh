#!/usr/bin/env bash
# Hive sources this at every start, with the flight sheet's fields in variables: it writes the
# config file. "Wallet and worker template" is the account that is paid (%WAL%), "Pool URL"
# the network: a profile's name or file. "Extra config arguments" are further lines of the
# table [up], such as: price = "0.05/h"
# "Pass" is the passphrase of the rig's key, which has no power over what is earned.

rerig_config() {
  local payout=${CUSTOM_TEMPLATE%%.*} # a worker's name may follow
  if [[ ! $payout =~ ^0x[0-9a-fA-F]{40}$ ]]; then
    echo "rerig: the flight sheet's wallet is 0x and 40 hexadecimal digits, got \"$CUSTOM_TEMPLATE\"" >&2
    return 1
  fi
  if [[ -n $CUSTOM_URL && ! $CUSTOM_URL =~ ^[A-Za-z0-9._/-]+$ ]]; then
    echo "rerig: the flight sheet's pool URL is a network's name or the file of its profile, got \"$CUSTOM_URL\"" >&2
    return 1
  fi
  mkdir -p "$RERIG_HOME" "$(dirname "$CUSTOM_LOG_BASENAME")" || return 1
  if [[ -n $CUSTOM_PASS ]]; then
    (umask 077 && printf '%s\n' "$CUSTOM_PASS" >"$RERIG_HOME/passphrase") || return 1
  fi
  {
    echo "# Written from the flight sheet at every start."
    [[ -n $CUSTOM_URL ]] && echo "network = \"$CUSTOM_URL\""
    echo "data-dir = \"$RERIG_HOME\""
    [[ -n $CUSTOM_PASS ]] && echo "passphrase-file = \"$RERIG_HOME/passphrase\""
    echo "[up]"
    echo "payout = \"$payout\""
    printf '%s\n' "$CUSTOM_USER_CONFIG"
  } >"$CUSTOM_CONFIG_FILENAME.new" && mv "$CUSTOM_CONFIG_FILENAME.new" "$CUSTOM_CONFIG_FILENAME"
}
rerig_config
