// Whoever imports this module has the layers below it, too (ADR 49).
@_exported public import SyncBundle
@_exported public import SyncCore
@_exported public import SyncStore

/// SwiftProtobuf has another.
typealias Version = SyncCore.Version
