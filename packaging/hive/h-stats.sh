#!/usr/bin/env bash
# Hive's agent sources this every few seconds and reads $khs and $stats: the speed of each card
# is the units a second of the job it has (tokens of a model, milliseconds of a card), accepted
# and rejected are the jobs of the last 24 hours that ended well and those that did not.

rerig_stats() {
  local dir=${MINER_DIR:-/hive/miners/custom}/rerig raw uptime
  . "$dir/h-manifest.conf"
  khs=0 stats=null
  raw=$(timeout 10 "$dir/rerig" status -o json --config "$CUSTOM_CONFIG_FILENAME" 2>/dev/null) || return 0 # it is not up yet
  uptime=$(($(date +%s) - $(stat -c %Y "$CUSTOM_CONFIG_FILENAME"))) # written at the start
  stats=$(jq -c --argjson uptime "$uptime" '
    def bus: capture("^[0-9a-fA-F]+:(?<bus>[0-9a-fA-F]{2}):").bus | ascii_downcase | explode
      | map(if . >= 97 then . - 87 else . - 48 end) | .[0] * 16 + .[1];
    . as $rig
    | {
        hs: [.cards[] | .id as $id | [$rig.jobs[] | select(.cards // [] | index($id)) | (.milli_units_per_second // 0) / 1000] | add // 0],
        hs_units: "hs",
        temp: [.cards[].reading | [.temp_c, .junction_c, .memory_c] | max // 0],
        fan: [.cards[].reading.fan_percent // 0],
        uptime: $uptime,
        ar: [.day.done, .day.ended - .day.done],
        bus_numbers: [.cards[].id | (try bus catch 0)]
      }' <<<"$raw") || { stats=null; return 0; }
  khs=$(jq '[.jobs[].milli_units_per_second // 0] | (add // 0) / 1000000' <<<"$raw")
}
rerig_stats
