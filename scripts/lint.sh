#!/bin/sh
# Checks that swift-format cannot: what each module may import, and what no source may hold.
set -u
cd "$(dirname "$0")/.."
status=0
complain() { echo "$1"; status=1; }

# The core takes values and returns values: no database, no files of its own, no network.
if grep -rnE 'import (GRDB|GRDBSQLite|CCurl|FoundationNetworking|Hummingbird|NIO)' Sources/SyncKit/Core Sources/SyncKit/Bundle; then
  complain "^ the core does no I/O: move that import out of Core and Bundle"
fi
# The engine and the survey domain carry nothing of the server's.
if grep -rnE 'import (NIO|Hummingbird|Logging|Mustache|ServiceLifecycle)' Sources/SyncKit Sources/SurveyKit; then
  complain "^ SyncKit and SurveyKit pull in nothing of the server's"
fi
# Linux-only modules stand inside #if.
if grep -rnE '^(public |internal |package |private )?import (Glibc|Musl|FoundationNetworking)' Sources/SyncKit Sources/SurveyKit Sources/FieldCLI; then
  complain "^ import Linux-only modules inside #if canImport(...), indented"
fi
# Time and chance come in as values.
if grep -rnE '\bDate\(\)|Date\.now|DispatchTime\.now|TimeZone\.current|Calendar\.current|Locale\.current' Sources --include='*.swift' \
  | grep -v 'Sources/SyncKit/Core/Clock/WallClock.swift'; then
  complain "^ ask a WallClock for the time, and the campaign for its zone"
fi
# What comes from outside must never crash a tool.
if grep -rnE 'try!|fatalError\(|as! |\bTODO\b|\bFIXME\b|\bXXX\b' Sources --include='*.swift' | grep -v '\.pb\.swift'; then
  complain "^ no traps and no leftover markers in Sources"
fi
# The engine's layers.
scripts/layers.py || status=1
# What a build from nothing would not find.
scripts/imports.py || status=1
exit $status
