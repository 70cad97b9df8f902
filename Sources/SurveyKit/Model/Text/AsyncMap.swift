extension Optional {
  /// Returns the result of `body`, which may wait, for the value; nil for none.
  package func asyncMap<T>(_ body: (Wrapped) async throws -> T) async rethrows -> T? {
    if let self { try await body(self) } else { nil }
  }
}
