#!/bin/sh
# A dress rehearsal of the Bắc Giang campaign, its survey day moved to today (reports begin three days before), and its proof.
# Then the operators' pages open on a second rehearsal, which has all troubles, stands at a quarter to seven in the evening and goes on in real time.
# `--once` exits after the proof. BOARD_PORT: port of the pages; SEED, COMMUNES: other days, fewer communes.
set -eu
cd "$(dirname "$0")/.."
rm -rf demo
first=$(TZ=Asia/Ho_Chi_Minh date -d "3 days ago" +%F)
rehearse() { .build/debug/hub rehearse Examples/bac-giang-2024 --move-to "$first" ${SEED:+--seed "$SEED"} ${COMMUNES:+--communes "$COMMUNES"} "$@"; }
rehearse --out demo
[ "${1:-}" = "--once" ] && exit 0
rehearse --out demo/day --troubles all --until 18:45 --stay ${BOARD_PORT:+--board-port "$BOARD_PORT"}
