// swift-tools-version:6.1
import PackageDescription

/// Habits every target of ours keeps: Swift 6 mode (from the tools version) and explicit imports and existentials.
let habits: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Conditions a dependency on the trait of what serves.
let serves: TargetDependencyCondition? = .when(traits: ["Server"])

let package = Package(
  name: "synckit",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .library(name: "SyncKit", targets: ["SyncKit"]),
    .library(name: "SyncHub", targets: ["SyncHub"]),
    .library(name: "SurveyKit", targets: ["SurveyKit", "SurveyKitField"]),
    .library(name: "SurveyKitHub", targets: ["SurveyKitHub"]),
    .executable(name: "field", targets: ["FieldCLI"]),
    .executable(name: "hub", targets: ["HubServer"]),
    .executable(name: "rehearsal", targets: ["RehearsalTool"]),
  ],
  // Nothing that serves is resolved, let alone built, for a package that only links SyncKit.
  traits: [
    .trait(name: "Server", description: "What serves: the hub, its pages and its HTTP server. `make` turns it on."),
    .trait(
      name: "TLS", description: "Let `hub serve` speak TLS itself. Compiles a second BoringSSL: minutes longer.", enabledTraits: ["Server"]),
    .default(enabledTraits: []),
  ],
  // At most one trait of a package: SwiftPM writes several in a random order into its commands, and compiles all that is behind the package
  // again whenever the order has changed.
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.7.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: ["FullFoundation"]),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0"),
  ],
  targets: [
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CLibzip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"]), .brew(["libzip"])]),
    .systemLibrary(name: "CXlsxWriter", pkgConfig: "xlsxwriter", providers: [.apt(["libxlsxwriter-dev"]), .brew(["libxlsxwriter"])]),
    .target(name: "CVips"),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CQREncode", pkgConfig: "libqrencode", providers: [.apt(["libqrencode-dev"]), .brew(["qrencode"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    // The engine's layers: Core knows no database, Client and Hub do not know one another (docs/architecture.md).
    .target(
      name: "SyncCore",
      dependencies: [
        "CZlib", .product(name: "SwiftProtobuf", package: "swift-protobuf"), .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/SyncKit/Core", swiftSettings: habits),
    .target(
      name: "SyncStore",
      dependencies: [
        "SyncCore",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/SyncKit/Store", swiftSettings: habits),
    .target(
      name: "SyncBundle",
      dependencies: [
        "SyncCore", .product(name: "SwiftProtobuf", package: "swift-protobuf"), .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/SyncKit/Bundle", swiftSettings: habits),
    .target(
      name: "SyncKit",
      dependencies: [
        "SyncCore", "SyncStore", "SyncBundle",
        .target(name: "CCurl", condition: .when(platforms: [.linux])),
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/SyncKit/Client", swiftSettings: habits),
    .target(
      name: "SyncHub",
      dependencies: [
        "SyncCore", "SyncStore", "SyncBundle",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/SyncKit/Hub", swiftSettings: habits),
    // The survey on top: Model knows no database, Field no hub, Hub no device (docs/architecture.md).
    .target(
      name: "SurveyKit",
      dependencies: [
        "SyncCore", "SyncStore",
        .target(name: "CLibzip", condition: .when(platforms: [.linux, .macOS])),
        .target(name: "CVips", condition: .when(platforms: [.linux, .macOS])),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/SurveyKit/Model", swiftSettings: habits),
    .target(
      name: "SurveyKitField",
      dependencies: [
        "SurveyKit", "SyncKit", .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/SurveyKit/Field", swiftSettings: habits),
    .target(
      name: "SurveyKitHub",
      dependencies: [
        "SurveyKit", "SyncHub", .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/SurveyKit/Hub", swiftSettings: habits),
    // Tables that people take away, as CSV and XLSX.
    .target(name: "Spreadsheet", dependencies: ["SyncCore", "CXlsxWriter"], swiftSettings: habits),
    .target(
      name: "FormWeb",
      dependencies: [
        "SurveyKit", "SurveyKitHub", "SyncHub",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Mustache", package: "swift-mustache", condition: serves),
      ],
      swiftSettings: habits),
    .target(
      name: "ToolSupport",
      dependencies: [
        "SurveyKit", "SyncCore", "SyncStore", "SyncBundle", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: habits),
    .executableTarget(
      name: "FieldCLI",
      dependencies: [
        "SurveyKit", "SurveyKitField", "SyncKit", "ToolSupport",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: habits),
    .executableTarget(
      name: "HubServer",
      dependencies: [
        "FormWeb", "Spreadsheet", "SurveyKit", "SurveyKitHub", "SyncHub", "ToolSupport", "QRCodes", "CMalloc",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
        .product(name: "Hummingbird", package: "hummingbird", condition: serves),
        .product(name: "HummingbirdCore", package: "hummingbird", condition: serves),
        .product(name: "HummingbirdTLS", package: "hummingbird", condition: .when(traits: ["TLS"])),
        .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["TLS"])),
        .product(name: "Logging", package: "swift-log", condition: serves),
        .product(name: "CoreMetrics", package: "swift-metrics", condition: serves),
        .product(name: "Mustache", package: "swift-mustache", condition: serves),
        .product(name: "NIOCore", package: "swift-nio", condition: serves),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras", condition: serves),
        .product(name: "HTTPTypes", package: "swift-http-types", condition: serves),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle", condition: serves),
        .product(name: "UnixSignals", package: "swift-service-lifecycle", condition: serves),
      ],
      swiftSettings: habits),
    .target(
      name: "QRCodes", dependencies: ["ToolSupport", "CQREncode", "CPNG"], swiftSettings: habits),
    // Drives hub and devices; `hub rehearse` and `hub prove` start it.
    .executableTarget(
      name: "RehearsalTool",
      dependencies: [
        "FormWeb", "SurveyKit", "SurveyKitField", "SurveyKitHub", "SyncKit", "SyncHub", "ToolSupport", "QRCodes",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/Rehearsal", swiftSettings: habits),
    // The smallest app and the smallest hub (docs/start.md).
    .executableTarget(
      name: "notes", dependencies: ["SyncKit", .product(name: "GRDB", package: "GRDB.swift")], path: "Examples/Notes/notes"),
    .executableTarget(
      name: "notes-hub",
      dependencies: [
        "SyncHub", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Hummingbird", package: "hummingbird", condition: serves),
        .product(name: "HTTPTypes", package: "swift-http-types", condition: serves),
      ],
      path: "Examples/Notes/notes-hub"),
    .target(
      name: "TestSupport",
      dependencies: ["SyncKit", "SyncHub", "SurveyKit", "SurveyKitField", "SurveyKitHub", .product(name: "GRDB", package: "GRDB.swift")],
      path: "Tests/Support",
      swiftSettings: habits),
    .testTarget(
      name: "SyncKitTests",
      dependencies: [
        "SyncKit", "SyncHub", "TestSupport", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["Protocol/Vectors", "Protocol/stranger.py", "Examination/Samples"],
      swiftSettings: habits),
    .testTarget(
      name: "SimulationTests",
      dependencies: [
        "SyncKit", "SyncHub", .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: habits),
    .testTarget(
      name: "SurveyKitTests",
      dependencies: ["FormWeb", "SurveyKit", "SurveyKitField", "SurveyKitHub", "SyncKit", "SyncHub", "TestSupport"],
      exclude: ["Fixtures", "Samples"],
      swiftSettings: habits
    ),
    .testTarget(
      name: "FormWebTests", dependencies: ["FormWeb", "SurveyKit", "SurveyKitField", "SurveyKitHub", "SyncKit", "SyncHub", "TestSupport"],
      swiftSettings: habits),
    .testTarget(
      name: "ToolTests",
      dependencies: [
        "TestSupport", "SyncKit", "SyncStore", "SyncHub", "SurveyKit", "SurveyKitField", "SurveyKitHub", "Spreadsheet", "FormWeb",
        "FieldCLI",
        "HubServer",
        "RehearsalTool",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["Browser", "Stores", "terminal.py"],
      swiftSettings: habits),
  ]
)

let engineLayers = ["SyncCore", "SyncStore", "SyncBundle", "SyncKit", "SyncHub"]

// `make sim` builds in release what a simulation needs, and nothing else: most of a release build is NIO and the tools.
if Context.environment["SYNCKIT_SIMULATION"] != nil {
  package.products.removeAll { !["SyncKit", "SyncHub"].contains($0.name) }
  package.targets.removeAll { !(engineLayers + ["CZlib", "CCurl", "SimulationTests"]).contains($0.name) }
}

// `SYNCKIT_PARTS=engine swift build --build-tests` builds the engine with its tests and nothing of the tools: half of the work.
if Context.environment["SYNCKIT_PARTS"] == "engine" {
  let engine =
    engineLayers + [
      "CZlib", "CCurl", "CLibzip", "CVips", "SurveyKit", "SurveyKitField", "SurveyKitHub", "TestSupport", "SyncKitTests", "SimulationTests",
    ]
  package.products.removeAll { !["SyncKit", "SyncHub", "SurveyKit", "SurveyKitHub"].contains($0.name) }
  package.targets.removeAll { !engine.contains($0.name) }
}
