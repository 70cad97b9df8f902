// swift-tools-version:6.1
import PackageDescription

/// Measures SyncKit as it is shipped, through its public API, beside plain SQLite and its session extension.
let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "synckit", path: "..", traits: ["Server"]),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    .systemLibrary(name: "CSQLite"),
    .executableTarget(
      name: "bench",
      dependencies: [
        "CSQLite",
        .product(name: "SyncKit", package: "synckit"),
        .product(name: "SyncHub", package: "synckit"),
        .product(name: "SurveyKit", package: "synckit"),
        .product(name: "SurveyKitHub", package: "synckit"),
        // Not linked, but built with it and laid beside it: what is measured end to end are the tools as shipped.
        .product(name: "hub", package: "synckit"),
        .product(name: "field", package: "synckit"),
        .product(name: "GRDB", package: "GRDB.swift"),
      ],
      path: "Sources/Bench"),
  ]
)
