// Exports the layers below: an import of this module has them, too (ADR 49).
@_exported public import SyncBundle
@_exported public import SyncCore
@_exported public import SyncStore

/// Tells the name apart from SwiftProtobuf's.
typealias Version = SyncCore.Version
