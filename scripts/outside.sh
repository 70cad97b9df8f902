#!/usr/bin/env bash
# Makes a package outside of this one that links the product SyncKit alone, builds the notes example there, and lets two of its stores exchange with
# `notes-hub` of the checkout. Ends with 1 when more is resolved than a phone app needs, or one side links what is the other's.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
packages_max=6
folder=$(mktemp -d)
hub=
trap '[ -z "$hub" ] || kill "$hub" 2>/dev/null; rm -rf "$folder"' EXIT

mkdir -p "$folder/app/Sources/notes"
cp Examples/Notes/notes/main.swift "$folder/app/Sources/notes/"
cat > "$folder/app/Package.swift" <<SWIFT
// swift-tools-version:6.1
import PackageDescription
let package = Package(
  name: "app", platforms: [.macOS(.v15)],
  dependencies: [.package(name: "synckit", path: "$root"), .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0")],
  targets: [
    .executableTarget(
      name: "notes", dependencies: [.product(name: "SyncKit", package: "synckit"), .product(name: "GRDB", package: "GRDB.swift")])
  ])
SWIFT
echo "outside: building the notes example in a package of its own"
swift build --package-path "$folder/app" > "$folder/build.log" 2>&1 || { tail -40 "$folder/build.log"; exit 1; }
app=$folder/app/.build/debug/notes

count=$(grep -c '"identity"' "$folder/app/Package.resolved")
count=$((count + 1))
echo "outside: $count packages, this one among them"
[ "$count" -le "$packages_max" ] || { grep '"identity"' "$folder/app/Package.resolved"; echo "outside: more than $packages_max"; exit 1; }
# As the compiler writes the names of modules into symbols.
nm "$app" > "$folder/symbols"
grep -q '7SyncKit7Replica' "$folder/symbols" || { echo "outside: no symbol of SyncKit was found, so that none of a hub can be looked for"; exit 1; }
if grep -m 3 '7SyncHub' "$folder/symbols"; then echo "outside: the app links what is a hub's"; exit 1; fi
# Of the tools, too, neither side links the other's.
nm .build/debug/field > "$folder/field"
nm .build/debug/hub > "$folder/hub-symbols"
grep -q '14SurveyKitField' "$folder/field" && grep -q '12SurveyKitHub' "$folder/hub-symbols" || { echo "outside: the tools' own symbols were not found"; exit 1; }
if grep -m 3 -E '7SyncHub|12SurveyKitHub' "$folder/field"; then echo "outside: field links what is the hub's"; exit 1; fi
if grep -m 3 -E '7SyncKit7Replica|14SurveyKitField' "$folder/hub-symbols"; then echo "outside: hub links what is a device's"; exit 1; fi

for try in 1 2 3; do
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  .build/debug/notes-hub "$folder/hub" "$port" > "$folder/hub.log" 2>&1 &
  hub=$!
  for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$port/v1/hub" && break 2; kill -0 "$hub" 2>/dev/null || break; sleep 0.1; done
done
red() { "$app" "$folder/red.sqlite" "$@"; }
blue() { "$app" "$folder/blue.sqlite" "$@"; }
codes=($(sed -n 's/^code //p' "$folder/hub.log"))
red join "${codes[0]}" "http://127.0.0.1:$port"
blue join "${codes[1]}" "http://127.0.0.1:$port"
note=$(red add milk)
red sync > /dev/null; blue sync > /dev/null
red copy "$note"; blue copy "$note"
red rename "$note" "oat milk"; blue rename "$note" "goat milk"
red sync > /dev/null; blue sync > /dev/null; red sync
conflict=$(red conflicts | cut -d ' ' -f 1)
red settle "$conflict" other "seen in the shop"
red sync > /dev/null; blue sync > /dev/null
[ "$(red list)" = "$note 2 oat milk" ] && [ "$(blue list)" = "$note 2 oat milk" ] || { red list; blue list; echo "outside: these differ from what was decided"; exit 1; }
echo "outside: two stores and a hub agree"
