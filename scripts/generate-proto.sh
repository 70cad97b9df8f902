#!/bin/sh
# Regenerates the Swift of proto/synckit.proto. Needs protobuf-compiler; builds the plugin once in a scratch package.
set -eu
cd "$(dirname "$0")/.."
scratch="${TMPDIR:-/tmp}/synckit-protoc-plugin"
mkdir -p "$scratch/Sources/pgen"
cat > "$scratch/Package.swift" <<'SWIFT'
// swift-tools-version:6.1
import PackageDescription
let package = Package(
  name: "pgen",
  dependencies: [.package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0")],
  targets: [.executableTarget(name: "pgen", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")])])
SWIFT
echo 'print("pgen")' > "$scratch/Sources/pgen/main.swift"
swift build --package-path "$scratch" --product protoc-gen-swift
protoc --plugin="$scratch/.build/debug/protoc-gen-swift" --swift_opt=Visibility=Package --swift_opt=FileNaming=DropPath \
  --swift_opt=UseAccessLevelOnImports=true --swift_out=Sources/SyncKit/Core/Batch/Wire -I proto proto/synckit.proto
