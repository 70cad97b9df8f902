#!/bin/sh
# A dress rehearsal of the Bắc Giang campaign, its survey day moved to today (reports begin three days before).
# `--once` exits after the proof; else the board stays up.
set -eu
cd "$(dirname "$0")/.."
rm -rf demo
stay="--stay"
[ "${1:-}" = "--once" ] && stay=""
exec .build/debug/hub rehearse Examples/bac-giang-2024 --out demo --move-to "$(TZ=Asia/Ho_Chi_Minh date -d "3 days ago" +%F)" $stay
