internal import Mustache

/// A view as the template engine reads it: with its fields by name, all the way down.
///
/// The engine looks each field up in every view around it, and reflects on each of them anew each time: that was four tenths of what a hub
/// computed while people answered its pages. Here each view is reflected on once.
struct ViewFields: MustacheParent {
  private let fields: [String: Any]

  /// - Parameter view: A structure of texts, numbers, truths, and of lists and structures of such; a field that is nil is left out.
  init(_ view: Any) { self.init(Mirror(reflecting: view)) }

  private init(_ mirror: Mirror) {
    fields = mirror.children.reduce(into: [:]) { fields, child in
      if let name = child.label { fields[name] = Self.value(child.value) }
    }
  }

  func child(named name: String) -> Any? { fields[name] }

  private static func value(_ value: Any) -> Any? {
    // Most fields are texts, which need no look; an optional one is unwrapped.
    if let text = value as? String { return text }
    let mirror = Mirror(reflecting: value)
    return switch mirror.displayStyle {
    case .optional: mirror.children.first.flatMap { Self.value($0.value) }
    case .collection: mirror.children.compactMap { Self.value($0.value) }
    case .struct: ViewFields(mirror)
    default: value
    }
  }
}
